"""The three shapes of backoff: their delays, their jitter, their cap."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskyard import Constant, Exponential, Linear

ERROR = ValueError("no luck")
SETTINGS = settings(max_examples=100, deadline=None, derandomize=True, database=None)

DELAYS = [
    *((Constant(seconds=7, jitter=0), attempt, 7) for attempt in (1, 2, 50)),
    *((Linear(step=3, jitter=0), attempt, 3 * attempt) for attempt in (1, 2, 50)),
    *((Exponential(jitter=0), attempt, 2**attempt) for attempt in (1, 2, 10)),
    *((Exponential(base=3, jitter=0), attempt, 3**attempt) for attempt in (1, 2, 5)),
    (Exponential(base=1, jitter=0), 9, 1),
    (Constant(seconds=0), 1, 0),
    (Constant(seconds=100, cap=10, jitter=0), 1, 10),
    (Linear(step=100, cap=250, jitter=0), 3, 250),
    (Exponential(base=2, cap=600, jitter=0), 10, 600),
    (Exponential(), 10_000, 86_400),
]


@pytest.mark.parametrize(("shape", "attempt", "seconds"), DELAYS, ids=lambda value: str(value)[:40])
def test_the_delays_follow_the_shape(shape, attempt, seconds):
    assert shape(attempt, ERROR) == pytest.approx(seconds, rel=0.1 if shape.jitter else 1e-9)


NONSENSE = [
    (lambda: Constant(seconds=-1), "seconds"),
    (lambda: Constant(seconds=float("nan")), "seconds"),
    (lambda: Linear(step=-0.1), "step"),
    (lambda: Exponential(base=0.5), "base"),
    (lambda: Exponential(base=float("nan")), "base"),
    *((lambda jitter=jitter: Exponential(jitter=jitter), "jitter") for jitter in (-0.1, 1.1, float("nan"))),
    *((lambda cap=cap: Exponential(cap=cap), "cap") for cap in (-1, float("nan"))),
]


@pytest.mark.parametrize(
    ("make", "name"), NONSENSE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_nonsense_is_refused_by_name(make, name):
    with pytest.raises(ValueError, match=name):
        make()


SHAPES = st.one_of(
    st.builds(Constant, seconds=st.floats(0, 1e9), jitter=st.floats(0, 1), cap=st.floats(0, 1e6)),
    st.builds(Linear, step=st.floats(0, 1e9), jitter=st.floats(0, 1), cap=st.floats(0, 1e6)),
    st.builds(Exponential, base=st.floats(1, 1e9), jitter=st.floats(0, 1), cap=st.floats(0, 1e6)),
)


@SETTINGS
@given(shape=SHAPES, attempt=st.integers(1, 10_000))
def test_a_delay_is_never_negative_and_never_over_the_cap(shape, attempt):
    delay = shape(attempt, ERROR)

    assert math.isfinite(delay)
    assert 0 <= delay <= shape.cap


@SETTINGS
@given(seconds=st.floats(0.001, 1e6), jitter=st.floats(0, 1))
def test_jitter_stays_within_its_share(seconds, jitter):
    delay = Constant(seconds=seconds, jitter=jitter, cap=1e9)(1, ERROR)

    assert seconds * (1 - jitter) * (1 - 1e-9) <= delay <= seconds * (1 + jitter) * (1 + 1e-9)


@SETTINGS
@given(base=st.floats(1, 10), attempt=st.integers(1, 9_999))
def test_without_jitter_no_delay_is_shorter_than_the_one_before(base, attempt):
    shape = Exponential(base=base, jitter=0)

    assert shape(attempt, ERROR) <= shape(attempt + 1, ERROR)


@pytest.mark.parametrize("base", [2, 2.5, 10**6], ids=str)
def test_attempt_ten_thousand_is_just_the_cap(base):
    assert Exponential(base=base, jitter=0, cap=600)(10_000, ERROR) == 600


def test_jobs_that_failed_together_do_not_come_back_together():
    delays = {Exponential(base=2)(5, ERROR) for _ in range(50)}

    assert len(delays) > 40
    assert all(32 * 0.9 <= delay <= 32 * 1.1 for delay in delays)


def test_a_shape_cannot_be_changed():
    with pytest.raises(AttributeError):
        Constant(seconds=1).seconds = 2
