"""How much memory this process holds."""

import os
import sys
from pathlib import Path


def held_memory() -> int:
    """Return how much memory this process holds, in bytes."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource  # noqa: PLC0415 - not on every platform

        # The peak, not the present: the closest that POSIX has. KiB, except on macOS.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
