"""Django-Q2 passes the conformance suite, on its ORM broker and on Redis."""

from taskyard.testing.conformance import *  # noqa: F403
