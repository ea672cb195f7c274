"""Arguments and return values: what a JSON column takes, and clear words for the rest."""

import json

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskyard import TaskResultStatus, enqueue_many, task
from taskyard.exceptions import PayloadTooLarge, UnsupportedPayload
from taskyard.models import Job
from taskyard.payload import storable
from taskyard.testing import drain
from tests.example.tasks import give_back

pytestmark = pytest.mark.django_db

NUL = "\x00"
HALF = "\ud800"


def size_of(*args, **kwargs):
    return len(json.dumps([list(args), kwargs], ensure_ascii=False).encode())


def limited(**options):
    return override_settings(
        TASKS={"default": {"BACKEND": "taskyard_adapters.embedded.EmbeddedBackend", "OPTIONS": options}}
    )


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def run(value):
    result = give_back.enqueue(value)
    drain()
    result.refresh()
    return result


@pytest.fixture
def returning(monkeypatch):
    """Run a job that returns a value which was never an argument."""

    def run_returning(value):
        monkeypatch.setattr("tests.tasks.test_payload.RETURNED", value)
        result = return_it.enqueue()
        drain()
        result.refresh()
        return result

    return run_returning


RETURNED = None


@task
def return_it():
    return RETURNED


# --- size ---


@pytest.mark.parametrize("text", ["a" * 1000, "é" * 1000, "🦉" * 1000], ids=["1-byte", "2-bytes", "4-bytes"])
def test_the_limit_on_arguments_is_one_of_bytes(text):
    size = size_of(text)
    assert size == len(text.encode()) + len('[[""], {}]')

    with limited(MAX_ARGUMENT_BYTES=size):
        give_back.enqueue(text)
    with limited(MAX_ARGUMENT_BYTES=size - 1), pytest.raises(PayloadTooLarge) as caught:
        give_back.enqueue(text)

    assert Job.objects.count() == 1
    message = str(caught.value)
    assert f"{size:,} bytes" in message
    assert f"limit of {size - 1:,}" in message
    assert "MAX_ARGUMENT_BYTES" in message
    assert give_back.module_path in message


def test_keyword_arguments_count_too():
    with limited(MAX_ARGUMENT_BYTES=100), pytest.raises(PayloadTooLarge, match="MAX_ARGUMENT_BYTES"):
        give_back.enqueue(value="a" * 100)


def test_an_argument_of_50_megabytes_is_refused_in_so_many_words():
    with pytest.raises(PayloadTooLarge, match=r"52,428,\d{3} bytes as JSON, over the limit of 262,144"):
        give_back.enqueue("x" * 50 * 1024 * 1024)

    assert not Job.objects.exists()


def test_a_limit_may_be_raised():
    with limited(MAX_ARGUMENT_BYTES=2**22, MAX_RESULT_BYTES=2**22):
        assert run("é" * 2**20).return_value == "é" * 2**20


def test_one_call_too_large_enqueues_none_of_many():
    with limited(MAX_ARGUMENT_BYTES=100), pytest.raises(PayloadTooLarge):
        enqueue_many(give_back, [("a",), ("a" * 100,), ("b",)])

    assert not Job.objects.exists()


def test_a_return_value_over_the_limit_fails_its_job():
    with limited(MAX_RESULT_BYTES=10):
        fits, too_large = run("a" * 8), run("a" * 9)

    assert fits.return_value == "a" * 8
    assert too_large.status == TaskResultStatus.FAILED
    [error] = too_large.errors
    assert error.exception_class is PayloadTooLarge
    assert "11 bytes as JSON, over the limit of 10" in error.traceback
    assert "MAX_RESULT_BYTES" in error.traceback
    assert give_back.module_path in error.traceback


# --- what JSON columns refuse ---

UNSTORABLE = [
    pytest.param(float("nan"), "NaN", id="nan"),
    pytest.param(float("inf"), "infinity", id="infinity"),
    pytest.param([{"deep": [float("-inf")]}], "infinity", id="deep-infinity"),
    pytest.param(f"a{NUL}b", "NUL", id="nul"),
    pytest.param([{"deep": NUL}], "NUL", id="deep-nul"),
    pytest.param({f"key{NUL}": 1}, "NUL", id="nul-in-a-key"),
    pytest.param(f"\\u0000 {NUL}", "NUL", id="nul-beside-its-spelling"),
    pytest.param(f"a{HALF}b", "half of a character", id="surrogate"),
    pytest.param({HALF: 1}, "half of a character", id="surrogate-in-a-key"),
]


@pytest.mark.parametrize(("value", "word"), UNSTORABLE)
def test_an_argument_that_no_column_takes_is_refused(value, word):
    with pytest.raises(UnsupportedPayload, match=word) as caught:
        give_back.enqueue(value)

    assert give_back.module_path in str(caught.value)
    assert not Job.objects.exists()


@pytest.mark.parametrize(("value", "word"), UNSTORABLE)
def test_a_return_value_that_no_column_takes_fails_its_job(returning, value, word):
    result = returning(value)

    assert result.status == TaskResultStatus.FAILED
    [error] = result.errors
    assert error.exception_class is UnsupportedPayload
    assert word in error.traceback


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match="bytes"):
        give_back.enqueue(b"\xff\xfe")

    assert not Job.objects.exists()


# --- what comes back as it went ---

LOOKALIKES = [
    pytest.param("\\u0000", id="spelling-of-nul"),
    pytest.param("\\\\u0000", id="two-backslashes"),
    pytest.param({"\\u0000": ["\\ud800"]}, id="spelling-in-a-key"),
    pytest.param("NaN", id="nan-in-words"),
    pytest.param("%s %(name)s %%", id="percent"),
    pytest.param("'; DROP TABLE taskyard_job; --", id="quote"),
    pytest.param("🦉 ñ \u2028 \x7f \x01 \ufeff", id="unusual"),
    pytest.param("\n\t\"'\\/", id="escapes"),
    pytest.param("true", id="word"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("text", LOOKALIKES)
def test_text_comes_back_as_it_went(text):
    assert run(text).return_value == text


@pytest.mark.parametrize(
    "number",
    [2**53 + 1, -(2**63) - 1, 2**64, 3**400, -(10**1000) - 1],
    ids=lambda number: f"{len(str(number))}-digits",
)
def test_whole_numbers_keep_all_their_digits(number):
    assert run(number).return_value == number


@pytest.mark.parametrize("number", [0.1, -0.5, 1e-300, 5e-324, 5.437118038371646e16, 1.7976931348623157e308])
def test_fractions_keep_their_value(number):
    # PostgreSQL writes a large float as the whole number that it is.
    assert float(run(number).return_value) == number


def test_a_number_beyond_pythons_own_limit_is_refused():
    with pytest.raises(UnsupportedPayload):
        give_back.enqueue(10**5000)


@pytest.mark.parametrize("levels", [10, 25])
def test_nested_values_come_back(levels):
    assert run(nested(levels)).return_value == nested(levels)


@pytest.mark.parametrize("levels", [40, 200, 900, 5000, 100_000])
def test_a_value_too_deep_is_refused_in_words(levels):
    """How deep a column may nest is the database's business: it comes back, or it is refused at once."""
    try:
        result = run(nested(levels))
    except UnsupportedPayload as refused:
        assert "nest" in str(refused)  # noqa: PT017 - both ways are right
        assert not Job.objects.exists()
    else:
        assert result.return_value == nested(levels)


def test_a_return_value_too_deep_fails_its_job(returning):
    result = returning(nested(100_000))

    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [UnsupportedPayload]


def test_a_value_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)

    with pytest.raises(UnsupportedPayload, match="nest"):
        give_back.enqueue(loop)


# --- in general ---

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters=NUL)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters=NUL)), inner
        )
    ),
    max_leaves=8,
)


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(value=json_values)
def test_any_json_comes_back_as_it_went(value):
    assert run(value).return_value == value


@given(value=json_values)
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
def test_what_is_storable_is_stored_unchanged(value):
    assert storable("It does", value, 2**20, "LIMIT") == value


@pytest.mark.parametrize("error", [PayloadTooLarge, UnsupportedPayload])
def test_refusals_are_value_errors(error):
    assert issubclass(error, ValueError)
