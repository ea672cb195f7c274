"""Commands where the tables are not there yet, or the database is not."""

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from taskyard.exceptions import NotMigrated

COMMANDS = [["jobs", "list"], ["queues", "list"], ["schedules", "list"], ["workers", "list"], ["prune_jobs"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotMigrated("Run: python manage.py migrate"), "^Run: python manage.py migrate$"),
        (OperationalError("connection refused"), "^The jobs' database does not answer: connection refused$"),
    ],
    ids=["no tables", "no database"],
)
def test_it_is_said_in_one_line(monkeypatch, command, error, said):
    def fail():
        raise error

    monkeypatch.setattr("taskyard.database.jobs_alias", fail)
    for module in ("operating.search", "pauses", "operating.queues", "retention"):
        monkeypatch.setattr(f"taskyard.{module}.jobs_alias", fail)
    monkeypatch.setattr("taskyard.management.commands.schedules.jobs_alias", fail)
    monkeypatch.setattr("taskyard_workers.fleet.jobs_alias", fail)
    monkeypatch.setattr("taskyard.retention.jobs_connection", fail)

    with pytest.raises(CommandError, match=said):
        call_command(*command)
