"""arq passes the conformance suite."""

from taskyard.testing.conformance import *  # noqa: F403
