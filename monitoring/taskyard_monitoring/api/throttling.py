"""How often somebody may ask: counted in Django's cache, so for all processes that share it.

The count of the present window of time, and as much of the one before as still lies within reach: there is no
burst of twice the rate where two windows meet, and no list of times to keep.
"""

import logging
import math
import re
import time
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Self

from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured

from .problems import Refused

logger = logging.getLogger(__name__)

_RATE = re.compile(r"([1-9]\d{0,8})/([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    limit: int
    seconds: int

    @classmethod
    def parse(cls, setting: str, text: str) -> Self:
        """Read a rate such as `600/m`.

        Args:
            setting: where it stands, for the error.
            text: the rate.

        Raises:
            ImproperlyConfigured: for anything else.
        """
        match = _RATE.fullmatch(text)
        if match is None:
            raise ImproperlyConfigured(
                f"TASKYARD_MONITORING[{setting!r}] is {text!r}; write a number and s, m, h or d, as in "
                "'600/m', or '' for no limit."
            )
        return cls(int(match[1]), _SECONDS[match[2]])


async def spend(setting: str, text: str, who: str) -> None:
    """Count one more of somebody's requests.

    Args:
        setting: the name of the rate.
        text: the rate itself; "": without limit.
        who: who asks.

    Raises:
        Refused: where that is too many, saying when to come back.
    """
    if text:
        wait = await sync_to_async(seconds_to_wait)(Rate.parse(setting, text), f"{setting}:{_digest(who)}")
        if wait:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-requests",
                f"You may send {text} and have sent more. Come back in {wait} s.",
                headers={"Retry-After": str(wait)},
            )


def seconds_to_wait(rate: Rate, key: str) -> int:
    """Count one more, and return 0; or count nothing, and return after how many seconds there is room.

    Without the cache nobody is held up: a limit is worth less than the answer.
    """
    window, into = divmod(time.time() / rate.seconds, 1)
    here, before = (f"taskyard-api:{key}:{rate.seconds}:{number:.0f}" for number in (window, window - 1))
    try:
        count = _increment(here, 2 * rate.seconds)
        earlier = cache.get(before, 0)
        if count + earlier * (1 - into) <= rate.limit:
            return 0
        cache.decr(here)
    except Exception:  # whatever the site's cache raises when it is out of reach
        logger.exception("The API's callers cannot be counted: the cache does not answer.")
        return 0
    # Until enough of the window before is out of reach; or until that has become of this one.
    room_at = 1 - (rate.limit - count) / earlier if count <= rate.limit else 1 + 1 / rate.limit
    return max(1, math.ceil((room_at - into) * rate.seconds))


def _digest(who: str) -> str:
    # Not as it is: keys of users and addresses may hold what memcached takes in no key.
    return sha256(who.encode()).hexdigest()[:32]


def _increment(key: str, timeout: int) -> int:
    cache.add(key, 0, timeout)
    return cache.incr(key)
