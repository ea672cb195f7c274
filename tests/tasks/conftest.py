"""What the tests of the jobs share."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck, settings

# How long an example takes is no fault of the code's on a machine that does much else.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.fixture
def tomorrow():
    """A time that has not come."""
    return timezone.now() + timedelta(days=1)


@pytest.fixture
def manage(db):
    """Run a management command: `manage("jobs", "list")`; returns what it wrote."""

    def run(*arguments):
        output = StringIO()
        call_command(*map(str, arguments), stdout=output, stderr=output)
        return output.getvalue()

    return run


@pytest.fixture
def manage_json(manage):
    """Run a management command with --json, and return the objects that it wrote."""
    return lambda *arguments: [json.loads(line) for line in manage(*arguments, "--json").splitlines()]


@pytest.fixture
def hook(settings):
    """Set what redacts arguments on the default backend: `hook("hide_orders")`, from tests.example.privacy."""

    def use(name):
        default = settings.TASKS["default"]
        options = {**default.get("OPTIONS", {}), "REDACT": f"tests.example.privacy.{name}"}
        settings.TASKS = {**settings.TASKS, "default": {**default, "OPTIONS": options}}

    return use
