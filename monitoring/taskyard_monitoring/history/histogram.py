"""How long things took, as counts in fixed buckets, so that histograms of many processes add up.

Bucket 0 holds what took up to a millisecond; bucket n what took up to 1.2 to the power of n milliseconds,
and more than bucket n - 1 does. A percentile is told as the middle of its bucket, by which it is wrong by
9.5 % at most. The last bucket, `LAST`, ends after a week and holds what took longer, too. Only buckets that
hold something are kept: `{"12": 3}`.
"""

import math
from collections import Counter
from collections.abc import Mapping

SHORTEST = 0.001
GROWTH = 1.2
LAST = math.ceil(math.log(7 * 86_400 / SHORTEST, GROWTH))

Histogram = Counter[int]
"""How many, by bucket."""


def bucket_of(seconds: float) -> int:
    """Return the bucket of a length of time."""
    if seconds <= SHORTEST:
        return 0
    return min(LAST, math.ceil(math.log(seconds / SHORTEST, GROWTH)))


def middle_of(bucket: int) -> float:
    """Return the seconds that stand for all in a bucket."""
    return SHORTEST * math.pow(GROWTH, bucket - 0.5)


def from_json(column: Mapping[str, int]) -> Histogram:
    """Return a histogram as its row holds it."""
    return Counter({int(bucket): count for bucket, count in column.items()})


def percentile_of(histogram: Histogram, percentile: float) -> float | None:
    """Return the seconds that so many percent took at most; None where there is nothing."""
    rank = math.ceil(histogram.total() * percentile / 100)
    for bucket in sorted(histogram):
        rank -= histogram[bucket]
        if rank <= 0:
            return middle_of(bucket)
    return None
