"""Settings of the example shop.

What differs between machines comes from the environment:

SHOP_DEBUG         "1" (the default) for development, "0" for anything public
SHOP_SECRET_KEY    required when SHOP_DEBUG is "0"
SHOP_URL           where people reach the site, such as https://shop.example: its host is allowed, and with
                   https:// cookies go over TLS alone
SHOP_HOSTS         more host names that are allowed, with commas between them, "self" for the machine's own
                   addresses; one of the two is required when SHOP_DEBUG is "0"
SHOP_VAR           the folder for everything written at run time
SHOP_ENGINE        what carries the jobs, or SHOP_ENGINES for several side by side; see config.engines
SHOP_BROKER_URL    the broker, where they need one
SHOP_DATABASE_URL  postgresql://user:password@host:port/name; see config.database
SHOP_REDIS_URL     a Redis for what web processes share: wake-ups of live pages, the cache, the API's limits
SHOP_MAIL_URL      smtp://user:password@host:port; without it each mail becomes a file
SHOP_METRICS_TOKEN what Prometheus has to bring
SHOP_GRAFANA_URL   where Grafana is, for links in the console
SHOP_FLOWER_URL    where Flower is, likewise
SHOP_OUTSIDE_URL   where the services of other companies are; without it the site plays them itself
TASKYARD_DEMO_DB   another SQLite file than <SHOP_VAR>/shop.sqlite3
"""

import os
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured

from config import engines, hosts, mail
from config.database import database

PROJECT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("SHOP_VAR", PROJECT / "var")).resolve()
VAR.mkdir(parents=True, exist_ok=True)

DEBUG = os.environ.get("SHOP_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "for-development-only" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SHOP_SECRET_KEY is empty. Set it to a long random string, or set SHOP_DEBUG=1 to develop."
    )
SHOP_URL = os.environ.get("SHOP_URL", "").rstrip("/")
ALLOWED_HOSTS = hosts.allowed(SHOP_URL)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG and not SHOP_URL.startswith("http://")
# TLS may end before a proxy that tells us nothing of it.
CSRF_TRUSTED_ORIGINS = [SHOP_URL] if SHOP_URL.startswith("https://") else []

INSTALLED_APPS = [
    "shop",
    "taskyard",
    "taskyard_workers",
    "taskyard_monitoring",
    "django_htmx",
    "ninja",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
if django.VERSION < (6, 0):
    INSTALLED_APPS.append("django_tasks")
INSTALLED_APPS += engines.apps()

# Each of these works in sync and in async stacks: none holds a thread for the whole of a request.
MIDDLEWARE = [
    "taskyard.middleware.request_id_middleware",
    "taskyard.middleware.server_timing_middleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # The jobs of a request carry whose they are.
    "taskyard.middleware.job_metadata_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
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
    },
]

DATABASES = {"default": database(VAR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# One Redis lets several web processes wake each other; without one each looks for itself, and PostgreSQL
# wakes them by NOTIFY.
REDIS_URL = os.environ.get("SHOP_REDIS_URL", "")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

TASKS = engines.backends()
# For django-q2, which warns of its own defaults; none of our jobs goes by them.
Q_CLUSTER = {"timeout": 60, "retry": 120}

TASKYARD_MONITORING = {
    "METRICS_TOKEN": os.environ.get("SHOP_METRICS_TOKEN", ""),
    "GRAFANA_URL": os.environ.get("SHOP_GRAFANA_URL", ""),
    "FLOWER_URL": os.environ.get("SHOP_FLOWER_URL", ""),
}

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        # A job that runs twice writes its file a second time under the same name.
        "OPTIONS": {"location": VAR / "files", "allow_overwrite": True},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

DEFAULT_FROM_EMAIL = "Larch & Linen <orders@shop.example>"
SHOP_OFFICE_EMAIL = "office@shop.example"
SHOP_OUTSIDE_URL = os.environ.get("SHOP_OUTSIDE_URL", "")
SHOP_MAIL_FOLDER = VAR / "mail"
SHOP_UPLOAD_LIMIT = 5 * 1024 * 1024
SHOP_BODY_LIMIT = SHOP_UPLOAD_LIMIT + 32 * 1024  # the rest of the form
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": mail.BACKEND, "OPTIONS": mail.options()}}
else:
    EMAIL_BACKEND = mail.BACKEND
    if server := mail.options():
        EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = server["host"], server["port"], server["timeout"]
        EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = server["username"], server["password"]
        EMAIL_USE_SSL = server["use_ssl"]

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
TIME_ZONE = "Europe/Berlin"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname:<7} {name} [{request_id}]: {message}", "style": "{"},
    },
    # Which request a line is about, also where it comes from a job that the request enqueued.
    "filters": {"request_id": {"()": "taskyard.middleware.RequestIdFilter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # Without a handler of its own: what it says reaches the root's, and is not printed twice.
    "loggers": {"django": {"handlers": [], "level": "INFO"}, "httpx": {"level": "WARNING"}},
}
