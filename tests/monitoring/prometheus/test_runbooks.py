"""The commands in the runbooks exist as they are written there, and do something when they are run."""

import re
import shlex
from io import StringIO

import pytest
from django.core.management import call_command, get_commands, load_command_class

from taskyard.pauses import pause_queue
from taskyard.states import JobState
from taskyard_workers.models import WorkerProcess
from tests.monitoring.prometheus.shipped import RUNBOOKS
from tests.tasks.jobs import add_job
from tests.tasks.schedules.rows import add_schedule, now

JOB = "01a1fecd-823a-7136-883e-cc5ecdcc2bc0"
SCHEDULE = "shop.tasks.build_report"

WRITTEN = sorted(
    {
        command.strip()
        for page in RUNBOOKS.glob("*.md")
        for command in re.findall(r"python manage\.py ([^`\n]+)", page.read_text())
    }
)


RUN = [
    command
    for command in WRITTEN
    if not command.startswith(("worker ", "migrate")) and command != "dispatcher"
]


@pytest.mark.parametrize("command", WRITTEN)
def test_commands_are_written_as_they_are(command):
    name, *arguments = shlex.split(command)

    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)

    parser.parse_args(arguments)  # or it raises what is wrong


@pytest.fixture
def busy_site(db):
    """A site that has what the pages speak of."""
    add_job(JobState.RUNNING, pk=JOB, task=SCHEDULE)
    for state in (JobState.READY, JobState.FAILED):
        add_job(state, task="shop.tasks.send_receipt", queue="mail")
    add_schedule(name=SCHEDULE)
    WorkerProcess.objects.create(
        id="1",
        name="worker-1",
        backend="default",
        host="here",
        pid=1,
        concurrency=4,
        started_at=now(),
        beat_at=now(),
    )


@pytest.mark.parametrize("command", RUN)
def test_commands_run(busy_site, command):
    name, *arguments = shlex.split(command)
    if (name, arguments[0]) in {("jobs", "retry"), ("jobs", "cancel")} and "--dry-run" not in arguments:
        arguments.append("--yes")
    if arguments[0] == "resume":
        pause_queue(arguments[1])
    written = StringIO()

    call_command(name, *arguments, stdout=written, stderr=written)

    assert "Traceback" not in written.getvalue()


PAGES = [*RUNBOOKS.glob("*.md"), RUNBOOKS.parent / "monitoring.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
