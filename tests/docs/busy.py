"""Makes a site that has what the runbooks speak of: `python -m tests.docs.busy`, once, in a project's folder."""

import django

django.setup()

from taskyard.states import JobState  # noqa: E402 - Django must be set up
from taskyard_workers.models import WorkerProcess  # noqa: E402
from tests.tasks.jobs import add_job  # noqa: E402
from tests.tasks.schedules.rows import add_schedule, now  # noqa: E402

JOB = "01a1fecd-823a-7136-883e-cc5ecdcc2bc0"
TASK = "shop.tasks.build_report"

add_job(JobState.RUNNING, pk=JOB, task=TASK)
for state in (JobState.READY, JobState.FAILED):
    add_job(state, task="shop.tasks.send_receipt", queue="mail")
add_schedule(name=TASK)
WorkerProcess.objects.create(
    id="1",
    name="worker-1",
    backend="default",
    host="here",
    pid=1,
    concurrency=4,
    started_at=now(),
    beat_at=now(),
)
