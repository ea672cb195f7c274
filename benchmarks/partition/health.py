"""What workers' /healthz answers on their own host: `python -m benchmarks.partition.health NAME=PORT …`.

Prints a line for each answer that is another than the one before, until SIGTERM.
"""

import json
import sys
import time
from urllib.error import HTTPError
from urllib.request import urlopen

INTERVAL = 2.0
"""Seconds between two looks at all of them."""


def answer(port: str) -> str:
    """Return the status and what is said."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return f"{response.status} {json.load(response)['status']}"
    except HTTPError as error:
        return f"{error.code} {json.load(error)['reasons']}"
    except OSError as error:
        return f"none ({error})"


def main() -> None:
    """Look for as long as the process lives."""
    workers = dict(each.split("=") for each in sys.argv[1:])
    latest = dict.fromkeys(workers, "")
    while True:
        for name, port in workers.items():
            said = answer(port)
            if said != latest[name]:
                latest[name] = said
                print(f"{time.time():.3f} {name} {said}", flush=True)
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
