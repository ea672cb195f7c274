"""The migrations make what the models say, with the indexes that hot statements need."""

import pytest
from django.core.management import call_command
from django.db import connection

from taskyard.models import JOB_TABLE

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("app", ["taskyard", "taskyard_workers"])
def test_no_migration_is_missing(app):
    call_command("makemigrations", app, check=True, dry_run=True, verbosity=0)


def index_columns():
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, JOB_TABLE)
    return {
        name: each["columns"] for name, each in found.items() if each["index"] and not each["primary_key"]
    }


@pytest.mark.parametrize("name", ["waiting", "due", "running", "prune"])
def test_every_hot_statement_has_its_index(name):
    assert f"taskyard_job_{name}" in index_columns()


def test_the_migrations_can_be_taken_back(transactional_db):
    call_command("migrate", "taskyard", "zero", verbosity=0)
    try:
        with connection.cursor() as cursor:
            assert JOB_TABLE not in connection.introspection.table_names(cursor)
    finally:
        call_command("migrate", "taskyard", verbosity=0)

    assert "taskyard_job_waiting" in index_columns()
