"""The shop's own settings, with addresses by which tests see what goes on inside."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.servers.site"

# The tests speak plain HTTP to an nginx on this machine.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
