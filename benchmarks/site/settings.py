"""Its settings; what differs between measurements comes from the environment.

BENCHMARK_MIDDLEWARE    "django" (the default: as of `startproject`), "none", or "sync-only"
BENCHMARK_TASKS         TASKS as JSON; without it there are no jobs
TASKYARD_TEST_DATABASE  the jobs' database
"""

import json
import os

from tests.settings import database

SECRET_KEY = "only-for-benchmarks"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "benchmarks.site.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_DJANGO = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = {
    "django": _DJANGO,
    "none": [],
    "sync-only": [*_DJANGO, "benchmarks.site.middleware.sync_only"],
}[os.environ.get("BENCHMARK_MIDDLEWARE", "django")]

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
TASKS = json.loads(os.environ.get("BENCHMARK_TASKS", "{}"))
if TASKS:
    INSTALLED_APPS += ["django_q", "taskyard", "taskyard_workers"]
    DATABASES = {"default": database(os.environ["TASKYARD_TEST_DATABASE"])}

Q_CLUSTER = {"name": "site", "orm": "default", "timeout": 30, "retry": 60, "log_level": "WARNING"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django.tasks": {"level": "WARNING"}},
}
