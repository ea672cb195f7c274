"""The present, as all pages show it: `snapshot()`."""

from .engines import Danger, EngineNow
from .health import Health, Level, Sign
from .present import QueueNow, ScheduleNow, Snapshot, WorkerNow, forget, snapshot
from .running import RunningJob

__all__ = [
    "Danger",
    "EngineNow",
    "Health",
    "Level",
    "QueueNow",
    "RunningJob",
    "ScheduleNow",
    "Sign",
    "Snapshot",
    "WorkerNow",
    "forget",
    "snapshot",
]
