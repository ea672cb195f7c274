"""What may be typed next: qualifiers first, then the values that there are."""

import pytest
from django.urls import reverse
from django.utils import timezone

from taskyard.operating.search import Search
from taskyard_monitoring.console.completion import offers
from taskyard_monitoring.console.jobs_words import qualified, raw_words, with_state, word_at
from taskyard_workers.models import WorkerProcess
from tests.tasks.jobs import add_job

pytestmark = pytest.mark.django_db


def offered(word, *others):
    return [offer.word for offer in offers(word, others)]


def test_an_empty_word_offers_every_qualifier():
    assert offered("") == ["queue:", "task:", "state:", "args.", "since:", "worker:", "backend:", "tag:"]


def test_a_begun_word_offers_qualifiers_and_tasks():
    assert offered("que")[0] == "queue:"
    assert "task:leave_slowly" in offered("leave_sl")


def test_every_offer_of_a_value_can_be_searched_for():
    add_job(queue="two words")
    WorkerProcess.objects.create(
        id="ada-1",
        name="ada",
        backend="default",
        host="ada",
        pid=1,
        concurrency=1,
        started_at=timezone.now(),
        beat_at=timezone.now(),
    )

    for qualifier in ("queue", "task", "state", "worker", "backend", "since"):
        found = offered(f"{qualifier}:")
        assert found
        for word in found:
            Search.parse(word)

    assert "queue:mail" in offered("queue:")
    assert "worker:ada-1" in offered("worker:ad")
    assert "queue:'two words'" in offered("queue:")
    assert offered("queue:'two w") == ["queue:'two words'"]
    assert offered("state:fai") == ["state:failed"]


def test_tasks_are_offered_by_name_where_that_is_enough():
    assert "task:leave_slowly" in offered("task:leave")
    # There are two of this name.
    assert "task:tests.example.tasks.add" in offered("task:add") or "task:add" in offered("task:add")


def test_arguments_are_those_of_the_tasks_that_are_named():
    assert offered("args.", "task:add") == ["args.a:", "args.b:"]
    assert offered("args.", "leave_slowly", "state:failed") == ["args.line:", "args.seconds:"]
    assert "args.line:" in offered("args.li")
    assert offered("args.", "succeed_at") == ["args.attempt:"]  # and not its context


def test_tags_of_policies_are_offered():
    assert {"tag:billing", "tag:eu", "tag:urgent"} <= set(offered("tag:"))
    assert offered("tag:urg") == ["tag:urgent"]


def test_unknown_words_offer_nothing():
    assert offered("zzz") == []
    assert offered("zzz:1") == []
    assert offered("args.order:4") == []


@pytest.mark.parametrize(
    ("text", "caret", "word"),
    [
        ("queue:mail state:fa", 19, "state:fa"),
        ("queue:mail state:fa", 3, "queue:mail"),
        ("queue:mail ", 11, ""),
        ("task:'a b' x", 8, "task:'a b'"),
        ("task:'a b", 9, "task:'a b"),
        ("", 0, ""),
    ],
)
def test_the_word_at_the_caret_is_the_one_to_complete(text, caret, word):
    start, end = word_at(text, caret)

    assert text[start:end] == word


def test_states_change_and_other_words_stay_as_they_were_typed():
    assert (
        with_state("""queue:'two words' state:failed  "x" """, "running")
        == """queue:'two words' "x" state:running"""
    )
    assert with_state("state:failed", "") == ""
    assert raw_words("a  b:'c d'") == ["a", "b:'c d'"]
    assert Search.parse(qualified("queue", "it's here")).queues == ("it's here",)


def test_the_answer_says_what_an_offer_takes_the_place_of(viewer):
    response = viewer.get(reverse("taskyard:jobs_complete"), {"q": "queue:mail state", "caret": "14"})

    page = response.content.decode()
    assert 'data-word="state:" data-start="11" data-end="16" data-open' in page
    assert page.startswith('<div role="option" id="offer-1"')


@pytest.mark.parametrize("caret", ["", "-1", "999", "x", "9" * 40, "²"])
def test_a_caret_that_is_nowhere_does_no_harm(viewer, caret):
    assert viewer.get(reverse("taskyard:jobs_complete"), {"q": "sta", "caret": caret}).status_code == 200
