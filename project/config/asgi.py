"""The ASGI application: `uvicorn config.asgi:application`, or any other ASGI server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

# What follows needs the settings, which are ready only now.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from shop.body_limit import BodyLimit  # noqa: E402
from taskyard_monitoring.live.routing import websocket_urlpatterns  # noqa: E402

if settings.DEBUG:
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

    http = ASGIStaticFilesHandler(http)

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http, settings.SHOP_BODY_LIMIT),
        # Browsers let any page open a socket to any host, cookies included: only our own pages may.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
