"""Wrong settings are refused in words."""

import sys

import pytest
from django.apps import apps

from taskyard.compat import InvalidTask, InvalidTaskBackend, task_backends
from taskyard_adapters.django_q2 import DjangoQ2Backend
from taskyard_adapters.django_q2.checks import check_database, check_retry, check_table
from tests.example import tasks

REDIS = {"BROKER": "redis", "BROKER_URL": "redis://localhost:1/0"}


def backend(**options):
    return DjangoQ2Backend("q2", {"QUEUES": ["default"], "OPTIONS": options})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"BROKER": "sqs"}, "BROKER 'sqs' must be 'orm' or 'redis'"),
        ({"BROKER_URL": "redis://localhost"}, "BROKER_URL is for BROKER 'redis'"),
        ({"BROKER": "redis"}, "BROKER_URL must be an address of Redis"),
        ({"BROKER": "redis", "BROKER_URL": "amqp://localhost"}, "must be an address of Redis"),
        ({"PREFIX": "a b"}, "PREFIX 'a b' must be letters, digits and underscores"),
        ({"BROKER_TIMEOUT": 0}, "BROKER_TIMEOUT must be seconds above 0"),
        ({"POLL": 1}, "unknown keys: POLL"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_wrong_options_are_explained(options, said):
    with pytest.raises(InvalidTaskBackend, match=r"TASKS\['q2'\]\['OPTIONS'\]") as refused:
        backend(**options)

    assert said in str(refused.value)


@pytest.mark.parametrize("options", [{}, REDIS], ids=["orm", "redis"])
def test_right_options_pass_the_checks(options):
    assert backend(**options).check() == []


def test_a_queues_name_must_fit_the_table(add_backend):
    parameters = {"BACKEND": "taskyard_adapters.django_q2.DjangoQ2Backend", "QUEUES": []}
    add_backend("q2", parameters)
    fits = 100 - len("taskyard:q2:100:")

    task_backends["q2"].validate_task(tasks.leave.using(backend="q2", queue_name="x" * fits))
    with pytest.raises(InvalidTask, match=f"room for {fits} characters"):
        tasks.leave.using(backend="q2", queue_name="x" * (fits + 1))
    add_backend("q2", {**parameters, "OPTIONS": REDIS})
    tasks.leave.using(backend="q2", queue_name="x" * (fits + 1))


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [("django_q", {}, "django-q2"), ("django_q", REDIS, "django-q2"), ("redis", REDIS, "django-q2-redis")],
    ids=["django-q2-for-orm", "django-q2-for-redis", "redis"],
)
def test_a_missing_library_names_the_extra(monkeypatch, module, options, extra):
    monkeypatch.setitem(sys.modules, module, None)

    [error] = backend(**options).check()

    assert error.id == "taskyard.E141"
    assert f'pip install "django-taskyard[{extra}]"' in error.msg


def test_delivering_without_the_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "django_q", None)

    with pytest.raises(InvalidTaskBackend, match=r"django-taskyard\[django-q2\]"):
        backend().queue_depths()


def test_django_q2s_app_must_be_installed_for_its_table(settings):
    assert apps.is_installed("django_q")
    assert check_table(installed=True) == []
    [error] = check_table(installed=False)
    assert error.id == "taskyard.E142"
    assert "INSTALLED_APPS" in error.hint


def test_the_table_must_be_in_a_database_there_is(settings):
    assert check_database({}, known=["default"]) == []
    assert check_database({"orm": "default"}, known=["default"]) == []
    [error] = check_database({"orm": "nowhere"}, known=["default"])
    assert error.id == "taskyard.E143"
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "orm": "nowhere"}
    assert [each.id for each in backend().check()] == ["taskyard.E143"]


@pytest.mark.parametrize(
    ("cluster", "warns"),
    [
        ({}, False),
        ({"timeout": 30, "retry": 60}, False),
        ({"timeout": 30}, False),
        ({"timeout": 60}, True),
        ({"timeout": 60, "retry": 60}, True),
        ({"timeout": 90, "retry": 60}, True),
    ],
)
def test_a_retry_within_the_timeout_is_warned_of(cluster, warns):
    assert [each.id for each in check_retry(cluster)] == ["taskyard.W141"] * warns
