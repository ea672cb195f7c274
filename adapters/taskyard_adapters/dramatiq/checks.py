"""System checks of the Dramatiq engine."""

from importlib.metadata import PackageNotFoundError, version

from django.core import checks

from .options import DramatiqOptions

SUPPORTED = "2."
"""What the release's version starts with."""


def client_library(settings: DramatiqOptions) -> str:
    """Return the library that talks to the broker, beside Dramatiq itself."""
    return "pika" if settings.is_rabbitmq else "redis"


def installed_version(library: str) -> str | None:
    """Return the version of a library that is installed, None where none is."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def check_libraries(
    dramatiq: str | None, client: str, client_version: str | None
) -> list[checks.CheckMessage]:
    """Return what is wrong with the installed versions of Dramatiq and of its broker's client."""
    hint = 'Run: pip install "django-taskyard[dramatiq]"'
    found: list[checks.CheckMessage] = [
        checks.Error(f"The library {library!r} is not installed.", hint=hint, id="taskyard.E121")
        for library, installed in (("dramatiq", dramatiq), (client, client_version))
        if installed is None
    ]
    if dramatiq is not None and not dramatiq.startswith(SUPPORTED):
        found.append(
            checks.Warning(
                f"Dramatiq {dramatiq} is installed; this backend is made for {SUPPORTED}x.",
                hint=hint,
                id="taskyard.W121",
            )
        )
    return found
