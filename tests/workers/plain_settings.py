"""A site that has set up no logging."""

from tests.settings import *  # noqa: F403

LOGGING = {}
