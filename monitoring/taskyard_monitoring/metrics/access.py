"""Who may scrape: whoever brings the site's token."""

from django.utils.crypto import constant_time_compare

from taskyard_monitoring.conf import settings


def is_token_wanted() -> bool:
    """Tell whether the site has a token for scrapes."""
    return bool(settings.METRICS_TOKEN)


def has_token(authorization: str) -> bool:
    """Tell whether an Authorization header brings the token; never where the site has none."""
    scheme, _, token = authorization.partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and constant_time_compare(token.strip(), wanted)
