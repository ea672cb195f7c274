"""The site's settings for monitoring: `TASKYARD_MONITORING` in Django's settings, all of it optional."""

from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured

NAME = "TASKYARD_MONITORING"

DEFAULTS = {
    "METRICS_TOKEN": "",
    "FLOWER_URL": "",
    "GRAFANA_URL": "",
    "JOB_SCOPE": "",
    "API_RATE": "600/m",
    "API_ENQUEUE_RATE": "120/m",
}


class Settings:
    """Reads the site's settings whenever it is asked, so that tests may override them.

    Raises:
        ImproperlyConfigured: on reading, where TASKYARD_MONITORING holds what nobody reads.
    """

    @property
    def METRICS_TOKEN(self) -> str:  # noqa: N802 - as in the settings
        """What a scrape must bring as `Authorization: Bearer …`; "": no scrape is let in by token."""
        return _read("METRICS_TOKEN")

    @property
    def FLOWER_URL(self) -> str:  # noqa: N802
        """Where Flower is, for links from the console; "": nowhere."""
        return _read("FLOWER_URL")

    @property
    def GRAFANA_URL(self) -> str:  # noqa: N802
        """Where Grafana is, for links from the console; "": nowhere."""
        return _read("GRAFANA_URL")

    @property
    def JOB_SCOPE(self) -> str:  # noqa: N802
        """Dotted path of a function that takes a user and returns the `Scope` of jobs they may see."""
        return _read("JOB_SCOPE")

    @property
    def API_RATE(self) -> str:  # noqa: N802
        """How many requests one caller of the HTTP API may send, such as "600/m"; "": any number."""
        return _read("API_RATE")

    @property
    def API_ENQUEUE_RATE(self) -> str:  # noqa: N802
        """How many jobs one caller of the HTTP API may enqueue, such as "120/m"; "": any number."""
        return _read("API_ENQUEUE_RATE")


def _read(name: str) -> str:
    given = getattr(site, NAME, {})
    if not isinstance(given, dict):
        raise ImproperlyConfigured(f"{NAME} must be a dict with some of the keys {', '.join(DEFAULTS)}.")
    if unknown := sorted(set(map(str, given)) - set(DEFAULTS)):
        raise ImproperlyConfigured(
            f"{NAME} has unknown keys: {', '.join(unknown)}. It may have {', '.join(DEFAULTS)}."
        )
    value = given.get(name, DEFAULTS[name])
    if not isinstance(value, str):
        raise ImproperlyConfigured(f"{NAME}[{name!r}] must be a string, not {type(value).__name__}.")
    return value


settings = Settings()
