"""Whether a site that shows the console has what its pages need."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name for it
from django.urls import NoReverseMatch, reverse


def check_htmx(**_options: Any) -> list[CheckMessage]:
    """Warn of pages whose script is not among the site's static files."""
    try:
        reverse("taskyard:overview")
    except NoReverseMatch:  # no console, no need
        return []
    if apps.is_installed("django_htmx"):
        return []
    return [
        Warning(
            "The console's pages use htmx, and no installed app brings it.",
            hint='Run: pip install "django-taskyard[monitoring]", and add "django_htmx" to INSTALLED_APPS.',
            id="taskyard_monitoring.W001",
        )
    ]
