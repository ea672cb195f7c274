"""What becomes of arq."""

from taskyard.porting.rules import Origin, decision, mechanical, no_counterpart

_CONTEXT = "arq:context"
_JOB = "arq:job"
_POOL = "arq:pool"

_VALUES = {
    "async def (ctx)": _CONTEXT,
    "arq.connections.create_pool": "arq.create_pool",
    "arq.connections.ArqRedis": "arq.ArqRedis",
    "arq.connections.RedisSettings": "arq.RedisSettings",
    "arq.cron.cron": "arq.cron",
    "arq.jobs.Job": "arq.Job",
    "arq.worker.Retry": "arq.Retry",
    "arq.worker.func": "arq.func",
    "arq.create_pool()": _POOL,
    "arq.ArqRedis()": _POOL,
    f"{_CONTEXT}[]": _POOL,
    f"{_POOL}.enqueue_job()": _JOB,
    "arq.Job()": _JOB,
}

_RULES = (
    mechanical("async def (ctx)", after="@task, and no ctx", section="the-task-itself", by_name=True),
    mechanical("arq.func()", after="@task and @policy at the function", section="the-task-itself"),
    mechanical(f"{_CONTEXT}[job_id]", after="current_job().id", section="the-task-itself"),
    mechanical(f"{_CONTEXT}[job_try]", after="current_job().attempt", section="the-task-itself"),
    mechanical(
        f"{_CONTEXT}[enqueue_time]",
        after="takes_context=True: context.task_result.enqueued_at",
        section="the-task-itself",
    ),
    mechanical(f"{_CONTEXT}[redis]", after="nothing: to enqueue needs no connection", section="calls"),
    decision(
        f"{_CONTEXT}[*]", after="a global of your module, made when first needed", section="start-and-end"
    ),
    # Calls
    mechanical(
        f"{_POOL}.enqueue_job()", after="await {first}.aenqueue({rest})", section="calls", by_name=True
    ),
    mechanical(
        f"{_POOL}.enqueue_job(_defer_by=)",
        f"{_POOL}.enqueue_job(_defer_until=)",
        after=".using(run_after=…), a datetime",
        section="later",
        by_name=True,
    ),
    mechanical(
        f"{_POOL}.enqueue_job(_queue_name=)",
        after='.using(queue_name="…")',
        section="the-task-itself",
        by_name=True,
    ),
    decision(
        f"{_POOL}.enqueue_job(_job_id=)", after="@policy(unique=…)", section="unique-jobs", by_name=True
    ),
    no_counterpart(
        f"{_POOL}.enqueue_job(_expires=)",
        after="the task looks at its own time",
        section="expires",
        by_name=True,
    ),
    decision(f"{_POOL}.enqueue_job(_job_try=)", after="drop it", section="retries", by_name=True),
    mechanical(
        "arq.create_pool()",
        "arq.RedisSettings*",
        after='TASKS["default"]["OPTIONS"]["BROKER_URL"]',
        section="settings",
    ),
    # Within a function
    mechanical("arq.Retry()", "arq.Retry", after="Retry(after=seconds)", section="retries"),
    # Results
    decision(
        f"{_JOB}.result()",
        f"{_JOB}.result_info()",
        after="look again later: get_result(id)",
        section="results",
    ),
    mechanical(f"{_JOB}.status()", after="(await aget_result(id)).status", section="results"),
    mechanical(f"{_JOB}.abort()", after="await acancel(id)", section="results"),
    mechanical(f"{_JOB}.info()", after="await aget_result(id)", section="results"),
    mechanical(f"{_JOB}.job_id", after="result.id", section="results"),
    mechanical("arq.Job()", after="await aget_result(id)", section="results"),
    # The worker's settings
    decision(
        "class WorkerSettings", after="TASKS, @policy, and options of manage.py worker", section="settings"
    ),
    mechanical("arq.cron()", after='@schedule("minute hour day month weekday")', section="schedules"),
    no_counterpart("arq.cron(second=)", after="@schedule(timedelta(seconds=…))", section="schedules"),
    mechanical("arq.cron(unique=)", after="always so; drop it", section="schedules"),
    decision(
        "arq.cron(run_at_startup=)", after="schedules run NAME, where it is deployed", section="schedules"
    ),
    decision("arq.run_worker()", "arq.worker.*()", after="python manage.py worker", section="processes"),
    mechanical("$ *arq *WorkerSettings*", after="python manage.py worker", section="processes"),
    mechanical("import arq.cron", after="from taskyard import schedule", section="schedules"),
    mechanical(
        "import arq", "import arq.*", after="from taskyard import task, policy", section="the-task-itself"
    ),
)

ORIGIN = Origin(name="arq", page="how-to/from-arq.md", values=_VALUES, rules=_RULES)
