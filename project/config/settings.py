"""Settings of the example shop.

What differs between machines comes from the environment:

SHOP_DEBUG        "1" (the default) for development, "0" for anything public
SHOP_SECRET_KEY   required when SHOP_DEBUG is "0"
SHOP_HOSTS        comma-separated host names, required when SHOP_DEBUG is "0"
SHOP_VAR          the folder for everything written at run time
SHOP_ENGINE       what carries the jobs; see config.engines
SHOP_BROKER_URL   its broker, where it needs one
TASKYARD_DEMO_DB  another SQLite file than <SHOP_VAR>/shop.sqlite3
"""

import os
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured

from config import engines

PROJECT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("SHOP_VAR", PROJECT / "var")).resolve()
VAR.mkdir(parents=True, exist_ok=True)

DEBUG = os.environ.get("SHOP_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "for-development-only" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SHOP_SECRET_KEY is empty. Set it to a long random string, or set SHOP_DEBUG=1 to develop."
    )
ALLOWED_HOSTS = [host for host in os.environ.get("SHOP_HOSTS", "").split(",") if host]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

INSTALLED_APPS = [
    "shop",
    "taskyard",
    "taskyard_workers",
    "taskyard_monitoring",
    "django_htmx",
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

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("TASKYARD_DEMO_DB", VAR / "shop.sqlite3"),
        "OPTIONS": {
            # Web process and worker write to one file: WAL lets readers go on meanwhile, and taking
            # the write lock when a transaction begins makes writers queue instead of failing midway.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TASKS = {
    "default": {
        **engines.backend(),
        "QUEUES": ["default", "mail", "reports", "imports"],
    },
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
SHOP_MAIL_FOLDER = VAR / "mail"
SHOP_UPLOAD_LIMIT = 5 * 1024 * 1024
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "shop.mail_files.MailFiles"}}
else:
    EMAIL_BACKEND = "shop.mail_files.MailFiles"

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
        "line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Without a handler of its own: what it says reaches the root's, and is not printed twice.
    "loggers": {"django": {"handlers": [], "level": "INFO"}},
}
