"""What a worker's exit code tells an operator."""

CLEAN = 0
"""Stopped as asked; every job that ran here has its outcome."""

CUT_OFF = 3
"""Stopped as asked, but tasks that would not end were cut off; their jobs run again elsewhere."""

REPLACE = 75
"""Never seen from outside: the process has made room for a fresh one."""

DISMISSED = 80
"""Added to the code of a process that an operator has stopped through the register: whoever keeps it alive
is not to start it again. Never seen from outside either."""


def is_dismissal(code: int) -> bool:
    """Tell whether the process is gone for good."""
    return code in (DISMISSED + CLEAN, DISMISSED + CUT_OFF)


def shown(code: int) -> int:
    """Return the code as it is seen from outside."""
    return code - DISMISSED if is_dismissal(code) else code
