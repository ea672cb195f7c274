"""The shop, and beside it what the tests ask and have done inside the server's process."""

import threading
from pathlib import Path

from django.conf import settings
from django.http import JsonResponse
from django.urls import path

from config.urls import urlpatterns as shop
from shop.tasks import roll_up_day
from taskyard import acancel
from taskyard_monitoring.live import watcher


def inside(_):
    """Tell how many listen, and what that costs this process."""
    opened = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    return JsonResponse(
        {
            "listeners": len(watcher),
            "threads": threading.active_count(),
            "databases": sum(name == str(settings.DATABASES["default"]["NAME"]) for name in opened),
        }
    )


async def enqueue(_):
    """Enqueue a job that no worker will take: none runs here."""
    result = await roll_up_day.aenqueue("2026-01-01")
    return JsonResponse({"id": str(result.id)}, status=201)


async def cancel(_, job_id):
    """Let something happen to a job."""
    await acancel(job_id)
    return JsonResponse({})


enqueue.csrf_exempt = cancel.csrf_exempt = True

urlpatterns = [
    *shop,
    path("inside/", inside),
    path("inside/enqueue/", enqueue),
    path("inside/cancel/<uuid:job_id>/", cancel),
]
