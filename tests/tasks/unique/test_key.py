"""What makes two calls of a unique task the same."""

from datetime import timedelta

import pytest

from taskyard import policy
from taskyard.models import Job
from taskyard.policy import policy_of
from taskyard.unique import UNFINISHED_KEY, WAITING_KEY, unique_key_of
from tests.example.tasks import (
    index,
    once,
    once_an_hour,
    once_by_function,
    only_one,
)
from tests.tasks.jobs import add_job
from tests.tasks.unique.jobs import key

pytestmark = pytest.mark.django_db(transaction=True)


SAME = [
    ((1, "blue"), {}),
    ((1,), {"colour": "blue"}),
    ((), {"colour": "blue", "number": 1}),
    ((1.0, "blue"), {}),
]


def test_a_call_is_the_same_however_it_is_spelt():
    assert len({key(once, *args, **kwargs) for args, kwargs in SAME}) == 1
    assert key(once) == key(once, 0) == key(once, colour="red", number=0)


DIFFERENT = [
    (1, "blue"),
    (2, "blue"),
    (1, "red"),
    ("1", "blue"),
    (True, "blue"),
    (None, "blue"),
    ([1], "blue"),
]


def test_other_arguments_are_another_call():
    assert len({key(once, *args) for args in DIFFERENT}) == len(DIFFERENT)


def test_only_the_named_arguments_count():
    assert key(index, 7, "saved") == key(index, 7, reason="deleted") == key(index, order_id=7)
    assert key(index, 7) != key(index, 8)


def test_without_names_the_task_alone_counts():
    assert key(only_one, 1) == key(only_one, 2)


def test_a_function_says_what_counts_and_gets_no_context():
    assert key(once_by_function, 7, "a") == key(once_by_function, order_id=7, reason="b")
    assert key(once_by_function, 7) != key(once_by_function, 8)
    assert key(once_by_function, None) is None


def test_another_task_is_another_call():
    assert key(once, 1) != key(once_an_hour, 1)


def test_a_key_says_how_long_it_is_kept_and_whose_it_is():
    assert key(once).startswith(f"{UNFINISHED_KEY}tests.example.tasks.once:")
    assert key(index, 1).startswith(f"{WAITING_KEY}tests.example.tasks.index:")


def test_the_longest_path_makes_a_key_that_fits():
    deep = once.__class__.__new__(type(once))
    for name in type(once).__dataclass_fields__:
        object.__setattr__(deep, name, getattr(once, name))

    def function(number=0):
        pass

    function.__module__, function.__qualname__ = "m" * 200, "f" * 54
    object.__setattr__(deep, "func", function)

    assert len(policy_of(once).unique.key_of(deep, (), {})) <= Job._meta.get_field("unique_key").max_length


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match=r"do not fit tests\.example\.tasks\.once, whose jobs are unique"):
        once.enqueue(1, 2, 3)


def test_the_key_of_a_stored_job_is_that_of_its_call():
    result = index.enqueue(7, reason="x")

    job = Job.objects.get(pk=result.id)

    assert unique_key_of(job) == job.unique_key == key(index, 7)
    assert unique_key_of(add_job()) is None
    assert unique_key_of(add_job(task="gone.tasks.gone")) is None


WRONG = [
    ({"unique": "order_id"}, TypeError, 'such as ("order_id",)'),
    ({"unique": ("order",)}, TypeError, "no parameter 'order', only order_id, reason"),
    ({"unique": 7}, TypeError, "unique=7"),
    ({"unique": True, "unique_while": "running"}, ValueError, '"waiting" or "unfinished"'),
    ({"unique": True, "unique_for": 60}, ValueError, "unique_for=60"),
    ({"unique": True, "unique_for": timedelta(0)}, ValueError, "unique_for"),
    ({"unique_while": "waiting"}, TypeError, "say what is unique"),
    ({"unique_for": timedelta(1)}, TypeError, "say what is unique"),
]


@pytest.mark.parametrize(("given", "error", "words"), WRONG, ids=[str(each[0]) for each in WRONG])
def test_what_makes_no_sense_is_refused_at_import(given, error, words):
    with pytest.raises(error) as caught:

        @policy(**given)
        def function(order_id, reason=""):
            pass

    assert words in str(caught.value)


def test_names_may_be_among_free_keyword_arguments():
    @policy(unique=("order_id",))
    def function(**options):
        pass

    assert function.__taskyard_policy__.unique.by == ("order_id",)
