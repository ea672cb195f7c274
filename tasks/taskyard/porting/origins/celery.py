"""What becomes of Celery."""

from taskyard.porting.rules import Origin, decision, mechanical, no_counterpart

_TASK = "celery:task"
_SIGNATURE = "celery:signature"
_BOUND = "celery:bound"
_RESULT = "celery:result"

_APP = "celery.Celery()"
_DECORATORS = ("@celery.shared_task", f"@{_APP}.task")

_VALUES = {
    **dict.fromkeys(_DECORATORS, _TASK),
    **{f"{each}(bind=)": _BOUND for each in _DECORATORS},
    "celery.app.base.Celery": "celery.Celery",
    "celery.current_app": _APP,
    "celery.app.shared_task": "celery.shared_task",
    "celery.task.task": "celery.shared_task",
    "celery.decorators.task": "celery.shared_task",
    "celery.app.task.Task": "celery.Task",
    f"{_APP}.Task": "celery.Task",
    "class(celery.Task)": f"{_TASK} class",
    f"{_TASK} class()": _TASK,
    f"{_APP}.register_task()": _TASK,
    f"{_APP}.tasks[]": _TASK,
    "celery.current_task": _BOUND,
    f"self({_TASK} class)": _BOUND,
    **{
        f"celery.canvas.{name}": f"celery.{name}"
        for name in ("chain", "group", "chord", "signature", "chunks")
    },
    **{
        f"{_TASK}.{name}()": _SIGNATURE
        for name in ("s", "si", "signature", "subtask", "chunks", "map", "starmap")
    },
    **{
        f"celery.{name}()": _SIGNATURE for name in ("chain", "group", "chord", "signature", "maybe_signature")
    },
    f"{_SIGNATURE} |": _SIGNATURE,
    f"{_SIGNATURE}.set()": _SIGNATURE,
    f"{_SIGNATURE}.clone()": _SIGNATURE,
    f"{_TASK}.delay()": _RESULT,
    f"{_TASK}.apply_async()": _RESULT,
    f"{_TASK}.delay_on_commit()": _RESULT,
    f"{_SIGNATURE}.delay()": _RESULT,
    f"{_SIGNATURE}.apply_async()": _RESULT,
    f"{_APP}.send_task()": _RESULT,
    f"{_APP}.AsyncResult": "celery.result.AsyncResult",
    f"{_TASK}.AsyncResult": "celery.result.AsyncResult",
    f"{_BOUND}.AsyncResult": "celery.result.AsyncResult",
    "celery.AsyncResult": "celery.result.AsyncResult",
    "celery.result.AsyncResult()": _RESULT,
}

_OPTIONS = (
    mechanical(
        "@celery.*(bind=)",
        after="takes_context=True where the body uses the context",
        section="the-task-itself",
    ),
    mechanical(
        "@celery.*(name=)", after="the task's name is its dotted path; drop it", section="the-task-itself"
    ),
    mechanical("@celery.*(queue=)", after='@task(queue_name="…")', section="the-task-itself"),
    decision(
        "@celery.*(priority=)", after="@task(priority=…) from -100 to 100, larger first", section="priorities"
    ),
    mechanical(
        "@celery.*(max_retries=)", after="@policy(max_attempts=…), the first included", section="retries"
    ),
    mechanical("@celery.*(autoretry_for=)", after="@policy(retry_on=…, max_attempts=…)", section="retries"),
    mechanical("@celery.*(dont_autoretry_for=)", after="@policy(give_up_on=…)", section="retries"),
    mechanical(
        "@celery.*(default_retry_delay=)", after="@policy(backoff=Constant(seconds=…))", section="retries"
    ),
    mechanical("@celery.*(retry_backoff=)", after="@policy(backoff=Exponential(base=…))", section="retries"),
    mechanical(
        "@celery.*(retry_backoff_max=)", after="@policy(backoff=Exponential(cap=…))", section="retries"
    ),
    mechanical(
        "@celery.*(retry_jitter=)",
        after="@policy(backoff=Exponential(jitter=0.1)), a share",
        section="retries",
    ),
    mechanical("@celery.*(retry_kwargs=)", after="@policy(max_attempts=…, backoff=…)", section="retries"),
    decision(
        "@celery.*(time_limit=)",
        "@celery.*(soft_time_limit=)",
        after="@policy(timeout=…): one limit",
        section="time-limits",
    ),
    mechanical(
        "@celery.*(acks_late=)",
        "@celery.*(reject_on_worker_lost=)",
        after="always so; drop it",
        section="acknowledging",
    ),
    mechanical(
        "@celery.*(acks_on_failure_or_timeout=)",
        after="a failed job is kept as failed; drop it",
        section="results",
    ),
    mechanical("@celery.*(ignore_result=)", after="the job keeps its outcome; drop it", section="results"),
    mechanical(
        "@celery.*(track_started=)",
        "@celery.*(store_errors_even_if_ignored=)",
        after="always so; drop it",
        section="results",
    ),
    decision("@celery.*(serializer=)", after="arguments are JSON", section="the-task-itself"),
    no_counterpart(
        "@celery.*(rate_limit=)", after="a queue of its own, with --concurrency", section="rate-limits"
    ),
    no_counterpart("@celery.*(expires=)", after="the task looks at its own time", section="expires"),
    decision("@celery.*(base=)", after="a plain function, or signals", section="class-based-tasks"),
    mechanical(
        "@celery.*(typing=)",
        "@celery.*(shared=)",
        "@celery.*(pydantic=)",
        "@celery.*(throws=)",
        after="drop it",
        section="the-task-itself",
    ),
)
"""The rules for a decorator's arguments, which go for each of Celery's decorators."""

_CALL_OPTIONS = (
    (mechanical, ("countdown",), ".using(run_after=timezone.now() + timedelta(seconds=…))", "later"),
    (mechanical, ("eta",), ".using(run_after=…), a datetime", "later"),
    (mechanical, ("queue", "routing_key", "exchange"), '.using(queue_name="…")', "the-task-itself"),
    (decision, ("priority",), ".using(priority=…) from -100 to 100, larger first", "priorities"),
    (no_counterpart, ("expires",), "the task looks at its own time", "expires"),
    (decision, ("link", "link_error", "chain", "chord"), "enqueue it at the end of the task", "canvas"),
    (
        mechanical,
        ("retry", "retry_policy", "connection", "ignore_result"),
        "drop it",
        "when-the-broker-is-away",
    ),
    (decision, ("task_id",), "ids are given; @policy(unique=…) keeps doubles out", "results"),
    (mechanical, ("headers",), "with job_metadata(…):", "the-task-itself"),
    (decision, ("time_limit", "soft_time_limit"), "@policy(timeout=…)", "time-limits"),
    (mechanical, ("serializer", "compression", "producer", "shadow"), "drop it", "the-task-itself"),
)

_RULES = (
    mechanical(*_DECORATORS, after="@task", section="the-task-itself"),
    *_OPTIONS,
    decision("class(celery.Task)", after="a function with @task", section="class-based-tasks"),
    # Calls
    mechanical(f"{_TASK}.delay()", after="{on}.enqueue({args})", section="calls", by_name=True),
    mechanical(f"{_TASK}.delay_on_commit()", after="{on}.enqueue({args})", section="calls", by_name=True),
    mechanical(
        f"{_TASK}.apply_async()",
        f"{_TASK}.apply_async_on_commit()",
        after="{on}.using(…).enqueue(*args, **kwargs)",
        section="calls",
        by_name=True,
    ),
    *(
        rule(
            *(f"{value}.apply_async({name}=)" for name in names for value in (_TASK, _SIGNATURE)),
            after=after,
            section=section,
            by_name=True,
        )
        for rule, names, after, section in _CALL_OPTIONS
    ),
    mechanical(f"{_TASK}.apply()", after="{on}.call(*args, **kwargs)", section="calls"),
    decision(f"{_APP}.send_task()", after="import the task and enqueue it", section="calls"),
    # Canvas
    decision("celery.chain()", after="each task enqueues the next one", section="canvas"),
    decision("celery.group()", after="enqueue_many(task, [args, …])", section="canvas"),
    no_counterpart("celery.chord()", after="count in a row of yours; the last enqueues", section="canvas"),
    decision(f"{_SIGNATURE} |", after="each task enqueues the next one", section="canvas"),
    decision("celery.chunks()", f"{_TASK}.chunks()", after="enqueue_many(task, slices)", section="canvas"),
    decision(f"{_TASK}.map()", f"{_TASK}.starmap()", after="enqueue_many(task, [args, …])", section="canvas"),
    decision(
        *(f"{_TASK}.{name}()" for name in ("s", "si", "signature", "subtask")),
        "celery.signature()",
        after="a task and its arguments, as they are",
        section="canvas",
    ),
    decision(
        f"{_SIGNATURE}.delay()",
        f"{_SIGNATURE}.apply_async()",
        after="enqueue the first, or all",
        section="canvas",
    ),
    no_counterpart(f"{_BOUND}.replace()", after="enqueue the other task and return", section="canvas"),
    # Within a task
    mechanical(f"{_BOUND}.retry()", after="raise Retry(after=seconds)", section="retries", by_name=False),
    mechanical(f"{_BOUND}.request.id", after="current_job().id", section="the-task-itself"),
    mechanical(
        f"{_BOUND}.request.retries",
        after="current_job().attempt, which is 1 at first",
        section="the-task-itself",
    ),
    decision(f"{_BOUND}.request.*", f"{_BOUND}.request", after="current_job()", section="the-task-itself"),
    mechanical(f"{_BOUND}.update_state()", after="report_progress(done, total, message)", section="progress"),
    mechanical(
        "celery.exceptions.Ignore*", "celery.exceptions.Reject*", after="raise GiveUp(…)", section="retries"
    ),
    mechanical("celery.exceptions.Retry*", after="raise Retry(…)", section="retries"),
    mechanical("celery.exceptions.SoftTimeLimitExceeded*", after="JobTimeout", section="time-limits"),
    mechanical(
        "celery.exceptions.MaxRetriesExceededError*", after="the job fails by itself", section="retries"
    ),
    mechanical(
        "celery.utils.log.get_task_logger()", after="logging.getLogger(__name__)", section="the-task-itself"
    ),
    # Results
    mechanical("celery.result.AsyncResult()", after="get_result({args})", section="results"),
    decision(
        f"{_RESULT}.get()", f"{_RESULT}.wait()", after="look again later: get_result(id)", section="results"
    ),
    decision(
        f"{_RESULT}.revoke()", "celery.Celery().control.revoke()", after="cancel(id)", section="results"
    ),
    mechanical(f"{_RESULT}.ready()", after="result.is_finished", section="results"),
    mechanical(f"{_RESULT}.state", f"{_RESULT}.status", after="result.status", section="results"),
    mechanical(f"{_RESULT}.successful()", f"{_RESULT}.failed()", after="result.status", section="results"),
    mechanical(f"{_RESULT}.result", after="result.return_value", section="results"),
    mechanical(f"{_RESULT}.traceback", after="result.errors[-1].traceback", section="results"),
    mechanical(f"{_RESULT}.info", after="get_progress(result.id)", section="progress"),
    no_counterpart("celery.result.GroupResult*", "celery.result.ResultSet*", after="a tag", section="canvas"),
    # Schedules
    decision(
        f"{_APP}.conf.beat_schedule*",
        "set *BEAT_SCHEDULE",
        after='@schedule("…") above @task',
        section="schedules",
    ),
    decision(f"{_APP}.add_periodic_task()", after='@schedule("…") above @task', section="schedules"),
    mechanical(
        "celery.schedules.crontab()", after='@schedule("minute hour day month weekday")', section="schedules"
    ),
    mechanical("celery.schedules.schedule()", after="@schedule(timedelta(…))", section="schedules"),
    no_counterpart("celery.schedules.solar()", after="a task that looks at the time", section="schedules"),
    decision(
        '"django_celery_beat*"',
        "*django_celery_beat.models.*()",
        after="@schedule, or the admin",
        section="schedules",
    ),
    mechanical('"django_celery_results*"', after="jobs keep their results", section="results"),
    # The app and its settings
    decision(f"{_APP}.conf.*", after="TASKS in the settings, or @policy", section="settings"),
    mechanical("celery.Celery()", after="drop it once your last task has moved", section="settings"),
    mechanical(
        f"{_APP}.config_from_object()",
        f"{_APP}.autodiscover_tasks()",
        after="drop it; see Celery()",
        section="settings",
    ),
    decision("set CELERY_*", after='TASKS["default"]["OPTIONS"], or @policy', section="settings"),
    decision("celery.signals.*", after="task_started, task_finished, job_retried", section="signals"),
    mechanical("$ *celery *worker*", after="python manage.py worker", section="processes"),
    mechanical("$ *celery *beat*", after="drop it: every worker keeps the schedules", section="processes"),
    decision("$ *celery *flower*", after="the console", section="processes"),
    decision("$ *celery *", after="python manage.py jobs, queues, workers", section="processes"),
    mechanical("import celery.schedules", after="from taskyard import schedule", section="schedules"),
    mechanical("import celery.result", after="from taskyard import get_result", section="results"),
    mechanical("import celery.utils.log", after="import logging", section="the-task-itself"),
    mechanical("import celery.exceptions", after="from taskyard import Retry, GiveUp", section="retries"),
    mechanical(
        "import celery",
        "import celery.*",
        after="from taskyard import task, policy",
        section="the-task-itself",
    ),
    decision("import django_celery_beat*", after="from taskyard import schedule", section="schedules"),
    mechanical("import django_celery_results*", after="from taskyard import get_result", section="results"),
)

ORIGIN = Origin(
    name="celery",
    page="how-to/from-celery.md",
    values=_VALUES,
    rules=_RULES,
    task=_TASK,
)
