"""Whether workers work, for whoever would restart them, and whether the site's jobs are being run.

A worker is healthy when it claims jobs, not when its process is there. What a restart would not mend, such as
a database or a broker out of reach, is no reason for one: then nobody knows, and the answer says so.
"""

from .dispatcher import DispatcherHealth
from .site import site_health
from .verdict import Health, Verdict
from .worker import WorkerHealth

__all__ = ["DispatcherHealth", "Health", "Verdict", "WorkerHealth", "site_health"]
