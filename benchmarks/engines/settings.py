"""Django's settings for our side, and for a bare engine that needs them."""

import os

from benchmarks.engines.combinations import NAME, broker_url, measured_here
from tests.settings import database

_combination = measured_here()

SECRET_KEY = "only-for-benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django_q", "taskyard", "taskyard_workers"]
DATABASES = {"default": {**database(os.environ["TASKYARD_TEST_DATABASE"]), "CONN_MAX_AGE": 60}}

# Two combinations on one broker are two sites: without a prefix each would take the other's messages.
_broker = {"BROKER_URL": broker_url(), "PREFIX": os.environ[NAME].replace("-", "_")} if broker_url() else {}
TASKS = {
    "default": {"BACKEND": _combination.backend, "OPTIONS": {**_broker, **_combination.options}},
}

Q_CLUSTER = {
    "name": "bare",
    "workers": _combination.processes,
    "timeout": 60,
    "retry": 120,
    "ack_failures": True,
    "save_limit": -1,
    "log_level": "WARNING",
    **({"redis": broker_url()} if _combination.broker == "redis" else {"orm": "default"}),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django.tasks": {"level": "WARNING"}},
}
