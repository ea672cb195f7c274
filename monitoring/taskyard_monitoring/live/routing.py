"""Where the WebSocket is: for a site's `ProtocolTypeRouter`, behind its sessions and a look at the origin."""

from django.urls import path

from .consumer import LiveConsumer

websocket_urlpatterns = [path("live/socket/", LiveConsumer.as_asgi(), name="socket")]
