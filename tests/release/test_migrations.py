import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

from .building import PACKAGES
from .habits import fault_of


def _ours():
    return [
        migration for (app, _), migration in MigrationLoader(None).disk_migrations.items() if app in PACKAGES
    ]


@pytest.mark.parametrize("migration", _ours(), ids=str)
def test_the_previous_version_works_while_this_runs(migration):
    assert fault_of(migration) == ""


ADDED = "job", "region"
PLAIN = models.TextField()
NULL = models.TextField(null=True)
DEFAULT = models.TextField(db_default="")


@pytest.mark.parametrize(
    ("name", "operation", "fault"),
    [
        ("0003_more", migrations.AddField(*ADDED, NULL), "does not say"),
        ("0003_expand_jobs", migrations.AddField(*ADDED, NULL), ""),
        ("0003_expand_jobs", migrations.AddField(*ADDED, DEFAULT), ""),
        ("0003_expand_jobs", migrations.AddField(*ADDED, PLAIN), "without region"),
        ("0003_expand_jobs", migrations.RemoveField(*ADDED), "RemoveField"),
        ("0003_contract_jobs", migrations.RemoveField(*ADDED), ""),
    ],
)
def test_a_migration_says_what_it_does_and_does_no_more(name, operation, fault):
    migration = migrations.Migration(name, "taskyard")
    migration.operations = [operation]

    found = fault_of(migration)

    assert fault in found
    assert bool(found) == bool(fault)
