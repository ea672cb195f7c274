import shutil

import pytest

from .previous import WHAT_IT_PROMISES, migrate_to, passes, previous_version, take_out
from .supported import ROOT

MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("taskyard", "0002_indexes_without_conditions")]
    operations = [{operation}]
"""
ONE_TEST = "tests/tasks/test_enqueue_many.py"


@pytest.fixture
def git():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("This is no clone of the repository, or git is missing (apt-get install git).")


@pytest.mark.slow
@pytest.mark.usefixtures("git")
def test_the_previous_version_works_on_this_schema(tmp_path):
    tag = previous_version()
    if tag is None:
        pytest.skip(
            "No version has been tagged yet: from the first on it is tried on the schema of the next."
        )
    take_out(tag, tmp_path / "old")
    migrate_to(ROOT, tmp_path / "old")

    passed, told = passes(tmp_path / "old", *WHAT_IT_PROMISES)

    assert passed, told


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize(
    ("operation", "goes_well"),
    [
        ('migrations.AddField("job", "region", models.TextField(null=True))', True),
        ('migrations.AddField("job", "region", models.TextField())', False),
        ('migrations.RemoveField("job", "owner")', False),
    ],
)
def test_what_old_code_cannot_work_on_is_found(operation, goes_well, tmp_path):
    take_out("HEAD", tmp_path / "old")
    take_out("HEAD", tmp_path / "new")
    migrations = tmp_path / "new" / "tasks" / "taskyard" / "migrations"
    (migrations / "0003_change.py").write_text(MIGRATION.format(operation=operation))
    migrate_to(tmp_path / "new", tmp_path / "old")

    passed, told = passes(tmp_path / "old", ONE_TEST)

    assert passed == goes_well, told
