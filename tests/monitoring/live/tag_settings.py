"""Settings of the site whose pages show jobs by the template tag."""

from tests.settings import *  # noqa: F403

ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.monitoring.live.tag_site"
