"""What the tests of the jobs share."""

from datetime import timedelta

import pytest
from django.utils import timezone


@pytest.fixture
def tomorrow():
    """A time that has not come."""
    return timezone.now() + timedelta(days=1)
