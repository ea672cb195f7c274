"""System checks: settings under which Django-Q2 cannot carry jobs, or harms its own."""

from typing import Any

from django.apps import apps
from django.conf import settings as site
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.db import connections

from taskyard.compat import InvalidTaskBackend
from taskyard.engines import engine_library

from .options import ORM, REDIS, DjangoQ2Options

# django_q.conf's own, where Q_CLUSTER does not say.
DEFAULT_RETRY = 60


def check_settings(options: DjangoQ2Options) -> list[CheckMessage]:
    """Return what is wrong with a backend's options and with django-q2's own settings."""
    cluster = getattr(site, "Q_CLUSTER", {})
    found = check_libraries(options.BROKER)
    if found:
        return found
    if options.BROKER == ORM:
        found += check_table(installed=apps.is_installed("django_q"))
        found += check_database(cluster, known=list(connections))
    return found + check_retry(cluster)


def check_libraries(broker: str) -> list[CheckMessage]:
    """Refuse to go on without the libraries."""
    wanted = {"django_q": "django-q2"} | ({"redis": "django-q2-redis"} if broker == REDIS else {})
    found: list[CheckMessage] = []
    for module, extra in wanted.items():
        try:
            engine_library(module, extra)
        except InvalidTaskBackend as error:
            found.append(
                Error(str(error), hint="Install it wherever jobs are enqueued or run.", id="taskyard.E141")
            )
    return found


def check_table(*, installed: bool) -> list[CheckMessage]:
    """Refuse the ORM broker without django-q2's table."""
    if installed:
        return []
    return [
        Error(
            "Messages are to wait in django-q2's table, and its app is not installed.",
            hint="Put 'django_q' in INSTALLED_APPS and run: python manage.py migrate",
            id="taskyard.E142",
        )
    ]


def check_database(cluster: dict[str, Any], *, known: list[str]) -> list[CheckMessage]:
    """Refuse a database that DATABASES does not have."""
    alias = cluster.get("orm")
    if alias is None or alias in known:
        return []
    return [
        Error(
            f"Q_CLUSTER['orm'] is {alias!r}, and DATABASES has {', '.join(known)}.",
            hint="Name the database of django-q2's table; without 'orm' it is the one your routers choose.",
            id="taskyard.E143",
        )
    ]


def check_retry(cluster: dict[str, Any]) -> list[CheckMessage]:
    """Warn of tasks that django-q2 starts a second time while they run.

    That concerns a site's own tasks; Taskyard's jobs have time limits of their own and are claimed once.
    """
    timeout, retry = cluster.get("timeout"), cluster.get("retry", DEFAULT_RETRY)
    if timeout is None or retry > timeout:
        return []
    return [
        Warning(
            f"Q_CLUSTER's retry ({retry} s) is not above its timeout ({timeout} s): django-q2 starts its own "
            "tasks a second time while they still run. Jobs of Taskyard's are not affected.",
            hint="Set 'retry' well above 'timeout'.",
            id="taskyard.W141",
        )
    ]
