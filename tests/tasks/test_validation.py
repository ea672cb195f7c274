"""What cannot run is refused with Django's own errors, when the task is made and when it is enqueued."""

from datetime import datetime

import pytest
from django.test import override_settings
from django.utils import timezone

from taskyard import InvalidTask, task
from taskyard.compat import task_backends
from taskyard.models import Job
from tests.example.tasks import add, give_back, nothing
from tests.tasks.jobs import FUTURE

pytestmark = pytest.mark.django_db

ON_BOTH = pytest.mark.parametrize("alias", ["default", "leased"])


def plain():
    return 1


async def plain_async():
    return 1


def without_context(other):
    return other


def with_context(context, other):
    return other


def with_context_in_the_wrong_place(other, context):
    return other


class Holder:
    def method(self):
        return 1


def _nested():
    def inner():
        return 1

    return inner


UNFIT_FUNCTIONS = [
    pytest.param(lambda: 1, id="lambda"),
    pytest.param(_nested(), id="nested"),
    pytest.param(len, id="builtin"),
    pytest.param(Holder().method, id="bound-method"),
    pytest.param(Holder.method, id="function-of-a-class"),
]


@ON_BOTH
@pytest.mark.parametrize("function", UNFIT_FUNCTIONS)
def test_only_a_function_of_a_module_can_be_a_task(alias, function):
    with pytest.raises(InvalidTask, match="module level"):
        task(backend=alias)(function)


@ON_BOTH
def test_a_queue_that_the_backend_does_not_have_is_refused(alias):
    with pytest.raises(InvalidTask, match="nowhere"):
        task(backend=alias, queue_name="nowhere")(plain)
    with pytest.raises(InvalidTask, match="nowhere"):
        nothing.using(backend=alias, queue_name="nowhere")


@ON_BOTH
@pytest.mark.parametrize("priority", [-101, 101, 1.5, 10**9], ids=str)
def test_a_priority_out_of_range_is_refused(alias, priority):
    with pytest.raises(InvalidTask, match="whole number between -100 and 100"):
        task(backend=alias, priority=priority)(plain)
    with pytest.raises(InvalidTask, match="whole number between -100 and 100"):
        nothing.using(backend=alias, priority=priority)


@ON_BOTH
@pytest.mark.parametrize("priority", [-100, 0, 100], ids=str)
def test_every_priority_in_range_is_stored(alias, priority):
    nothing.using(backend=alias, priority=priority).enqueue()

    assert Job.objects.get().priority == priority


@ON_BOTH
@pytest.mark.parametrize("function", [plain, without_context, with_context_in_the_wrong_place])
def test_a_task_that_takes_context_must_have_it_first(alias, function):
    with pytest.raises(InvalidTask, match="context"):
        task(backend=alias, takes_context=True)(function)


@ON_BOTH
def test_a_time_without_a_zone_is_refused(alias):
    with pytest.raises(InvalidTask, match="aware"):
        nothing.using(backend=alias, run_after=datetime(2090, 1, 5))


def test_a_time_of_definition_is_refused():
    with pytest.raises(TypeError):
        task(run_after=timezone.now())(plain)


@ON_BOTH
@pytest.mark.parametrize("function", [plain, plain_async, with_context])
def test_a_fit_function_is_a_task(alias, function):
    made = task(backend=alias, takes_context=function is with_context, queue_name="mail", priority=7)(
        function
    )

    assert (made.func, made.backend, made.queue_name, made.priority) == (function, alias, "mail", 7)
    assert made.module_path == f"{__name__}.{function.__name__}"


@ON_BOTH
@pytest.mark.parametrize(
    "flag", ["supports_defer", "supports_async_task", "supports_get_result", "supports_priority"]
)
def test_every_flag_of_the_framework_is_true(alias, flag):
    assert getattr(task_backends[alias], flag) is True


def test_a_task_is_checked_again_when_it_is_enqueued():
    """Settings may have changed since the task was made."""
    with override_settings(
        TASKS={"default": {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend", "QUEUES": ["other"]}}
    ):
        with pytest.raises(InvalidTask, match="'default'"):
            nothing.enqueue()

    assert not Job.objects.exists()


def test_a_backend_without_a_list_of_queues_takes_them_all():
    with override_settings(
        TASKS={"default": {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend", "QUEUES": []}}
    ):
        nothing.using(queue_name="any-name").enqueue()

    assert Job.objects.get().queue == "any-name"


def test_a_path_longer_than_its_column_is_refused(monkeypatch):
    monkeypatch.setattr(plain, "__module__", "m" * 300)

    with pytest.raises(InvalidTask, match="longer than 255 characters"):
        task(plain)


under_another_name = task(plain)


@task
def shadowed():
    return "the one that was meant"


meant = shadowed


@task
def shadowed():
    return "another"


@ON_BOTH
def test_a_task_under_another_name_than_its_functions_is_refused(alias):
    """A worker would look for it at its function's path, and find the bare function there."""
    with pytest.raises(InvalidTask, match=r"test_validation\.plain.*name"):
        under_another_name.using(backend=alias).enqueue()

    assert not Job.objects.exists()


@ON_BOTH
def test_a_task_whose_path_leads_to_another_task_is_refused(alias):
    """A worker would run the wrong one."""
    with pytest.raises(InvalidTask, match="shadowed"):
        meant.using(backend=alias).enqueue()

    assert not Job.objects.exists()


@ON_BOTH
def test_a_task_of_a_script_is_refused(alias, monkeypatch):
    monkeypatch.setattr(nothing.func, "__module__", "__main__")

    with pytest.raises(InvalidTask, match="Move it to a module"):
        nothing.using(backend=alias).enqueue()

    assert not Job.objects.exists()


UNSENDABLE = [
    pytest.param(object(), id="object"),
    pytest.param({1, 2}, id="set"),
    pytest.param(datetime(2026, 1, 5), id="datetime"),
    pytest.param([{"deep": object()}], id="deep-inside"),
    pytest.param({(1, 2): 3}, id="tuple-key"),
    pytest.param(plain, id="function"),
]


@ON_BOTH
@pytest.mark.parametrize("value", UNSENDABLE)
def test_arguments_that_are_not_json_are_a_type_error(alias, value):
    with pytest.raises(TypeError):
        give_back.using(backend=alias).enqueue(value)
    with pytest.raises(TypeError):
        give_back.using(backend=alias).enqueue(value=value)

    assert not Job.objects.exists()


@ON_BOTH
def test_what_enqueue_shows_is_what_the_task_gets(alias):
    result = add.using(backend=alias).enqueue((1, (2, 3)), b={"k": (4,), 5: b"six"})

    assert result.args == [[1, [2, 3]]]
    assert result.kwargs == {"b": {"k": [4], "5": "six"}}
    found = add.using(backend=alias).get_result(result.id)
    assert (found.args, found.kwargs) == (result.args, result.kwargs)


@ON_BOTH
def test_two_keys_that_are_one_in_json_are_refused(alias):
    """A JSON object would keep only one of the two."""
    with pytest.raises(ValueError, match="5"):
        give_back.using(backend=alias).enqueue({5: "five", "5": "fünf"})

    assert not Job.objects.exists()


@ON_BOTH
def test_a_deferred_job_remembers_its_time(alias):
    result = nothing.using(backend=alias, run_after=FUTURE).enqueue()

    job = Job.objects.get()
    assert (job.run_after, job.due_at, job.delivered_at, job.deliveries) == (FUTURE, FUTURE, None, 0)
    assert nothing.using(backend=alias).get_result(result.id).task.run_after == FUTURE


@override_settings(USE_TZ=False)
def test_without_time_zones_a_naive_time_is_right():
    # Whether it is stored right is a matter of the connection, which was opened with time zones.
    assert nothing.using(run_after=datetime(2090, 1, 5)).run_after == datetime(2090, 1, 5)
