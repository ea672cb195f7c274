"""The API against its own description, with whatever schemathesis can think of."""

import subprocess
import sys

import pytest
from django.contrib.auth.models import User

from taskyard.models import Schedule
from taskyard.states import JobState
from tests.example.tasks import add
from tests.monitoring.api.conftest import Caller
from tests.monitoring.api.served import served
from tests.tasks.jobs import add_job

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance", "negative_data_rejection"),
    *("missing_required_header", "unsupported_method", "ignored_auth", "allow_header_conformance"),
)
"""All but `positive_data_acceptance`: no schema says which words are a search, or which task there is."""

CONFIGURATION = """
[[operations]]
include-operation-id = "wait_for_job"
parameters = { "query.timeout" = 0.1 }

[[operations]]
include-operation-id = "enqueue_job"
parameters = { "body.task" = { dictionary = "tasks", probability = 0.7 } }

[dictionaries.tasks]
values = [
    "tests.example.exposed.anything",
    "tests.example.exposed.build_report",
    "tests.example.exposed.count_groups",
    "tests.example.exposed.only_once",
]
"""
"""Nobody waits here, and there is more to find behind a task that there is."""


@pytest.fixture
def site(transactional_db, tmp_path):
    """The API on a real server; what goes wrong there goes wrong here."""
    with served(tmp_path) as (address, log):
        yield address
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.mark.busy
@pytest.mark.parametrize("is_superuser", [True, False], ids=["with all rights", "with none"])
def test_it_holds_to_its_description(site, tmp_path, is_superuser):
    caller = Caller("fuzz")
    User.objects.update(is_superuser=is_superuser)
    for state in JobState:
        add_job(state, owner=caller.owner, progress={"done": 1}, task=add.module_path)
    Schedule.objects.create(name="nightly", task=add.module_path, args=[1, 2], cron="0 2 * * *")

    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)

    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{site}/api/openapi.json"),
            *("--header", f"Authorization: Bearer {caller.text}"),
            *("--checks", ",".join(CHECKS), "--mode", "all"),
            *("--max-examples", "8", "--seed", "6", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
