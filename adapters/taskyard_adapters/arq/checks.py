"""System checks of the arq engine."""

from importlib.metadata import PackageNotFoundError, version

from django.core import checks

SUPPORTED = "0.28."
"""What the release's version starts with: arq has no stable line, each minor release may change its keys."""


def installed_version() -> str | None:
    """Return the version of arq that is installed, None where none is."""
    try:
        return version("arq")
    except PackageNotFoundError:
        return None


def check_library(installed: str | None) -> list[checks.CheckMessage]:
    """Return what is wrong with the installed version of arq."""
    hint = 'Run: pip install "django-taskyard[arq]"'
    if installed is None:
        return [checks.Error("The library 'arq' is not installed.", hint=hint, id="taskyard.E131")]
    if not installed.startswith(SUPPORTED):
        return [
            checks.Warning(
                f"arq {installed} is installed; this backend writes the keys of arq {SUPPORTED}x. Where "
                "nothing holds arq's version, installers choose an old one for the sake of a newer redis.",
                hint=hint,
                id="taskyard.W131",
            )
        ]
    return []
