"""Settings of the site on which the tests listen."""

import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.monitoring.live.site"

if os.environ.get("TEST_OPEN"):
    TASKYARD_MONITORING = {"JOB_SCOPE": "tests.monitoring.live.scopes.all_jobs"}

if os.environ.get("TEST_CHANNELS"):
    # Loaded here, as a worker that ends has but a second for its last news.
    import channels_redis.core  # noqa: F401

    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [os.environ["TEST_CHANNELS"]]},
        }
    }
