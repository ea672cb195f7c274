"""What becomes of django-tasks-db, and of the database backend that django-tasks had before."""

from taskyard.porting.rules import Origin, decision, mechanical

_EMBEDDED = "taskyard_adapters.embedded.EmbeddedBackend"

_RULES = (
    mechanical(
        '"django_tasks_db.DatabaseBackend"',
        '"django_tasks_db.backend.DatabaseBackend"',
        '"django_tasks.backends.database.DatabaseBackend"',
        after=f'"{_EMBEDDED}"',
        section="settings",
    ),
    decision('"django_tasks.backends.rq.*"', after="TASKS of the engine you choose", section="settings"),
    mechanical(
        '"django_tasks_db"',
        '"django_tasks.backends.database"',
        after='"taskyard", "taskyard_workers"',
        section="settings",
    ),
    decision('"django_tasks"', after="on Django 5.2 it stays, on 6.0 it goes", section="settings"),
    mechanical(
        '"django_tasks.backends.immediate.*"',
        after='"django.tasks.backends.immediate.…" on Django 6',
        section="settings",
    ),
    mechanical(
        '"django_tasks.backends.dummy.*"',
        after='"django.tasks.backends.dummy.…" on Django 6',
        section="settings",
    ),
    mechanical('"db_worker"', "$ *db_worker*", after="worker", section="processes"),
    mechanical('"prune_db_task_results"', "$ *prune_db_task_results*", after="prune_jobs", section="results"),
    decision(
        "*django_tasks_db.models.DBTaskResult.objects*",
        "*django_tasks.backends.database.models.DBTaskResult.objects*",
        after="taskyard.models.Job.objects",
        section="results",
    ),
    decision(
        "import django_tasks_db*",
        "import django_tasks.backends.database*",
        after="from taskyard.models import Job",
        section="results",
    ),
    mechanical(
        "import django_tasks.signals", after="from taskyard import task_finished", section="the-task-itself"
    ),
    mechanical(
        "import django_tasks",
        "import django_tasks.*",
        after="from taskyard import task",
        section="the-task-itself",
    ),
)

ORIGIN = Origin(name="django-tasks-db", page="how-to/from-django-tasks-db.md", values={}, rules=_RULES)
