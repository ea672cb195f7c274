"""For instruments: the life of the processes that run jobs, and what dispatchers do.

All are sent robustly, in the process where it happens; receivers should be quick, for it waits for them.
"""

from django.dispatch import Signal

process_started = Signal()
"""A process, `process`, has joined the register and is about to take jobs. The sender is `JobProcess`."""

process_stopping = Signal()
"""A process, `process`, has recorded all its jobs and is about to leave the register; likewise."""

dispatcher_round = Signal()
"""A dispatcher has acted on all that was due. The sender is `Dispatcher`."""

job_given_up = Signal()
"""A dead worker's job is failed, as `run` and `outcome`, for it likely is what kills workers. The sender is
`Run`, as with `attempt_ended`, which nobody was left to send."""
