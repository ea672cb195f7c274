"""Commands where the tables are not there yet, or the database is not."""

import os
import subprocess
import sys

import pytest

COMMANDS = [["jobs", "list"], ["queues", "list"], ["schedules", "list"], ["workers", "list"], ["prune_jobs"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("database", "said"),
    [
        (
            "empty.sqlite3",
            "CommandError: Taskyard's tables are not in the database. Run: python manage.py migrate",
        ),
        ("no-such-folder/jobs.sqlite3", "CommandError: The jobs' database does not answer: unable to open"),
    ],
    ids=["no tables", "no database"],
)
def test_it_is_said_in_one_line(tmp_path, command, database, said):
    ended = subprocess.run(
        [sys.executable, "-m", "django", *command],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TASKYARD_TEST_DATABASE": f"sqlite://{tmp_path}/{database}",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith(said)
    assert ended.stderr.count("\n") == 1
