"""Whether the site's jobs are being run."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse

from taskyard.backend import job_backends
from taskyard.database import DatabaseNow, database_time, jobs_alias, jobs_connection
from taskyard.models import Schedule
from taskyard_monitoring.metrics.asking import Asked, Recent
from taskyard_workers.fleet import SILENCE
from taskyard_workers.membership import DEATH
from taskyard_workers.models import WorkerProcess

from .verdict import GOOD_FOR, TOO_LONG, Health, Verdict, carefully, judged
from .waiting import queues_that_are_due, queues_that_wait


def site_health(_request: HttpRequest) -> HttpResponse:
    """Tell whether the site's jobs are being run: 200, or 503 and why. Open to all, so it names nothing."""
    verdict = _site.get()
    answer = JsonResponse(verdict.as_data(), status=verdict.status)
    answer["Cache-Control"] = "no-store"
    return answer


def _look_at_site() -> Verdict:
    now = database_time(jobs_connection())
    checks: tuple[Callable[[datetime], str], ...] = (_unserved, _silent_dispatchers)
    return judged(Verdict(Health.BAD, [reason]) for check in checks if (reason := check(now - TOO_LONG)))


def _unserved(since: datetime) -> str:
    alive = list(
        WorkerProcess.objects.using(jobs_alias())
        .filter(lost_at=None, beat_at__gte=DatabaseNow() - SILENCE)
        .values_list("backend", "queues")
    )
    for alias, backend in job_backends().items():
        for queue, oldest in queues_that_wait(backend, backend.queues):
            is_served = any(other == alias and (not queues or queue in queues) for other, queues in alive)
            if oldest < since and not is_served:
                return "Jobs wait, and no living worker serves them."
    return ""


def _silent_dispatchers(since: datetime) -> str:
    late = (
        any(any(queues_that_are_due(backend, since)) for backend in job_backends().values())
        or Schedule.objects.using(jobs_alias()).filter(paused_at=None, fault="", next_slot__lt=since).exists()
        or WorkerProcess.objects.using(jobs_alias())
        .filter(lost_at=None, beat_at__lt=since - timedelta(seconds=DEATH))
        .exists()
    )
    return "No dispatcher acts on what is due." if late else ""


_site_question = Asked(_look_at_site)
_site = Recent(lambda: carefully(_site_question), GOOD_FOR)
