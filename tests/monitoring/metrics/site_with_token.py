"""The tests' settings for a site whose metrics want a token."""

from tests.settings import *  # noqa: F403

TASKYARD_MONITORING = {"METRICS_TOKEN": "s3cret"}
