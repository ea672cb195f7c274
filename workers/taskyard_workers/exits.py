"""What a worker's exit code tells an operator."""

CLEAN = 0
"""Stopped as asked; every job that ran here has its outcome."""

CUT_OFF = 3
"""Stopped as asked, but tasks that would not end were cut off; their jobs run again elsewhere."""

REPLACE = 75
"""Never seen from outside: the process has made room for a fresh one."""
