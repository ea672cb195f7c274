"""Ask an address how its server does: `python healthy.py URL` ends with 0 if the answer is good, else with 1.

For health checks in an image that has no curl. What is wrong is written to the error output, so that
`docker inspect` shows it.
"""  # noqa: INP001 - a script that is copied into the image

import sys
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

TIMEOUT = 4.0
"""Seconds; less than the health checks themselves are given."""

SHOWN = 300
"""So many bytes of a bad answer are shown."""


def complaint(url: str) -> str:
    """Ask, and return what is wrong; "" where all is well."""
    try:
        urlopen(url, timeout=TIMEOUT).close()  # noqa: S310 - the address stands in our own health checks
    except HTTPError as answer:
        return f"{answer}: {answer.read(SHOWN).decode(errors='replace')}"
    except (OSError, HTTPException) as error:
        return f"{url}: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(complaint(sys.argv[1]) or 0)
