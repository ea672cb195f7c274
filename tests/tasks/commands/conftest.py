"""Commands as people type them."""

import json
from io import StringIO

import pytest
from django.core.management import call_command


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
