"""The settings of the site that is fuzzed and visited: the tests' own, with the API and its page."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "ninja"]
LOGIN_URL = "/admin/login/"
ROOT_URLCONF = "tests.monitoring.api.urls"
TASKYARD_MONITORING = {"API_RATE": "", "API_ENQUEUE_RATE": ""}
