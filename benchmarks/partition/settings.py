"""Django's settings on both hosts: one site with a backend for each engine."""

import os

from benchmarks.partition.servers import POSTGRESQL, RABBITMQ, REDIS
from tests.settings import database

MEASURED = os.environ["BENCHMARK_BACKENDS"].split(",")

# Seconds after which a silent connection to PostgreSQL is given up; "": what Taskyard's workers do by
# themselves, 0: never.
PATIENCE = os.environ.get("BENCHMARK_DATABASE_PATIENCE", "")

SECRET_KEY = "only-for-benchmarks"
USE_TZ = True
ROOT_URLCONF = __name__
urlpatterns: list[object] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    *("django.contrib.auth", "django.contrib.contenttypes", "django_q", "django_htmx"),
    *("taskyard", "taskyard_workers", "taskyard_monitoring"),
]
DATABASES = {"default": {**database(POSTGRESQL), "CONN_MAX_AGE": 60}}
if PATIENCE:
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": int(PATIENCE),
        "tcp_user_timeout": int(PATIENCE) * 1000,
        "keepalives_idle": int(PATIENCE),
    }

BACKENDS = {
    "embedded": ("embedded.EmbeddedBackend", {}),
    "celery": ("celery.CeleryBackend", {"BROKER_URL": f"{REDIS}/0"}),
    "dramatiq": ("dramatiq.DramatiqBackend", {"BROKER_URL": RABBITMQ}),
    "arq": ("arq.ArqBackend", {"BROKER_URL": f"{REDIS}/1"}),
    "django-q2": ("django_q2.DjangoQ2Backend", {}),
}
TASKS = {
    name: {"BACKEND": f"taskyard_adapters.{path}", "QUEUES": ["default"], "OPTIONS": options}
    for name, (path, options) in BACKENDS.items()
    if name in MEASURED
}
# All tasks name this one; each job goes to a backend by its name.
TASKS["default"] = {"BACKEND": "django.tasks.backends.dummy.DummyBackend", "QUEUES": ["default"]}

Q_CLUSTER = {"name": "site", "orm": "default", "timeout": 60, "retry": 120}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{created:.3f} {levelname} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django.tasks": {"level": "WARNING"}},
}
