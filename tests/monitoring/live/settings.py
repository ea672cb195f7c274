"""Settings of the site on which the tests listen."""

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.monitoring.live.site"
