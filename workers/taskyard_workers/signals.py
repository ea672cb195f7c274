"""For instruments: the life of a process that runs jobs.

Sent robustly, in that process; receivers should be quick, for the process waits for them. The sender is
`JobProcess`, and `process` the one it is about.
"""

from django.dispatch import Signal

process_started = Signal()
"""A process has joined the register and is about to take jobs."""

process_stopping = Signal()
"""A process has recorded all its jobs and is about to leave the register."""
