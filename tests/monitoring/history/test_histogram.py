"""Buckets tell a length of time within a tenth, and add up."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskyard_monitoring.history.histogram import (
    LAST,
    SHORTEST,
    bucket_of,
    from_json,
    middle_of,
    percentile_of,
)

WEEK = 7 * 86_400

lengths = st.floats(min_value=SHORTEST, max_value=WEEK)


@given(lengths)
def test_every_length_up_to_a_week_is_told_within_a_tenth(seconds):
    assert middle_of(bucket_of(seconds)) == pytest.approx(seconds, rel=0.1)


@given(lengths, lengths)
def test_the_longer_is_in_no_earlier_bucket(one, other):
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


@pytest.mark.parametrize("seconds", [-5, 0, 1e-9, SHORTEST])
def test_the_shortest(seconds):
    assert bucket_of(seconds) == 0


@pytest.mark.parametrize("seconds", [WEEK, WEEK * 100])
def test_the_longest(seconds):
    assert bucket_of(seconds) == LAST


@given(st.lists(lengths, min_size=1), st.floats(min_value=1, max_value=100))
def test_a_percentile_is_that_of_the_lengths(seconds, percentile):
    histogram = Counter(map(bucket_of, seconds))
    least_rank = -(-len(seconds) * percentile // 100)

    exact = sorted(seconds)[int(least_rank) - 1]

    assert percentile_of(histogram, percentile) == pytest.approx(exact, rel=0.1)


def test_nothing_has_no_percentile():
    assert percentile_of(Counter(), 95) is None


def test_a_row_holds_its_buckets_as_json():
    assert from_json({"3": 2, "7": 1}) == {3: 2, 7: 1}
