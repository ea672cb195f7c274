"""Settings for the library's tests. The database is chosen by TASKYARD_TEST_DATABASE, SQLite if unset."""

import json
import os
import tempfile
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

import django

SECRET_KEY = os.environ.get("TASKYARD_TEST_SECRET_KEY", "only-for-tests")
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    *(["django_tasks"] if django.VERSION < (6, 0) else []),
    *(["django_q"] if find_spec("django_q") else []),
    "taskyard",
    "taskyard_workers",
    "taskyard_monitoring",
    "django_htmx",
    "tests.example",
]

# For the admin.
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

ENGINES = {
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
    "sqlite": "django.db.backends.sqlite3",
}


def database(url: str) -> dict[str, object]:
    """Return Django's settings for a database given as engine://user:password@host:port/name."""
    parts = urlsplit(url)
    settings: dict[str, object] = {
        "ENGINE": ENGINES[parts.scheme],
        "NAME": parts.path if parts.scheme == "sqlite" else parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }
    if parts.scheme == "sqlite":
        # A file, so that the tests' threads and processes see one database.
        settings["TEST"] = {"NAME": f"{parts.path}.test"}
    if size := os.environ.get("TASKYARD_TEST_POOL"):
        settings["OPTIONS"] = {"pool": {"min_size": 1, "max_size": int(size), "timeout": 5}}
    return settings


# A file of this process alone, so that two runs side by side do not meet in one.
SQLITE = f"sqlite://{tempfile.gettempdir()}/taskyard-{os.getpid()}.sqlite3"
DATABASES = {"default": database(os.environ.get("TASKYARD_TEST_DATABASE", SQLITE))}

QUEUES = ["default", "mail", "reports"]
TASKS = {
    "default": {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend", "QUEUES": QUEUES},
    "leased": {"BACKEND": "tests.example.backends.RecordingBackend", "QUEUES": QUEUES},
}

# A site's own use of django-q2, beside which Taskyard's jobs travel.
Q_CLUSTER = {"name": "site", "orm": "default", "workers": 1, "timeout": 30, "retry": 60, "poll": 0.1}

# What a test adds for itself and the processes it starts.
TASKS |= json.loads(os.environ.get("TASKYARD_TEST_TASKS", "{}"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"django.tasks": {"level": os.environ.get("TASKYARD_TEST_LOG", "WARNING")}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("TASKYARD_TEST_LOG", "WARNING")},
}
