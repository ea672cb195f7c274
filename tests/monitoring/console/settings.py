"""The settings of the site that a browser visits: the tests' own, served on a loopback port."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

ALLOWED_HOSTS = ["127.0.0.1"]
LOGIN_URL = "/admin/login/"
if "django_htmx" not in INSTALLED_APPS:
    INSTALLED_APPS = [*INSTALLED_APPS, "django_htmx"]
