"""Worker processes, as they stand."""

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from ninja import Router

from taskyard_monitoring.console.viewer import Level
from taskyard_workers.fleet import WorkerStatus, worker_statuses

from .callers import caller_of
from .responses import answers
from .shapes import Worker, Workers

router = Router(tags=["workers"])

_COLUMNS = (
    *("id", "name", "backend", "host", "pid", "queues", "concurrency"),
    *("started_at", "beat_at", "memory", "version"),
)


@router.get("/", operation_id="list_workers", summary="List the worker processes", response=answers(Workers))
async def list_workers(request: HttpRequest) -> Workers:
    """Return the processes, and those lost lately. Needs `taskyard_monitoring.view_console`."""
    caller_of(request).must(Level.VIEW)
    return Workers(workers=[_shown(status) for status in await sync_to_async(worker_statuses)()])


def _shown(status: WorkerStatus) -> Worker:
    return Worker(
        **{name: getattr(status.process, name) for name in _COLUMNS},
        running=status.running,
        state=status.state,
        wish=status.wish,
    )
