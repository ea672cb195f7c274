"""What becomes of Dramatiq, with or without django-dramatiq."""

from taskyard.porting.rules import Origin, decision, mechanical, no_counterpart

_TASK = "dramatiq:task"
_MESSAGE = "dramatiq:message"
_SENT = "dramatiq:sent"
_PIPE = "dramatiq:pipe"

_VALUES = {
    "@dramatiq.actor": _TASK,
    "dramatiq.actor.actor": "dramatiq.actor",
    "dramatiq.actor()": _TASK,
    "class(dramatiq.GenericActor)": f"{_TASK} class",
    "dramatiq.generic.GenericActor": "dramatiq.GenericActor",
    "dramatiq.middleware.Middleware": "dramatiq.Middleware",
    f"{_TASK} class.send": f"{_TASK}.send",
    f"{_TASK} class.send_with_options": f"{_TASK}.send_with_options",
    f"{_TASK} class()": _TASK,
    f"{_TASK}.send()": _SENT,
    f"{_TASK}.send_with_options()": _SENT,
    f"{_TASK}.message()": _MESSAGE,
    f"{_TASK}.message_with_options()": _MESSAGE,
    f"{_MESSAGE} |": _PIPE,
    f"{_PIPE} |": _PIPE,
    "dramatiq.composition.pipeline": "dramatiq.pipeline",
    "dramatiq.composition.group": "dramatiq.group",
    "dramatiq.pipeline()": _PIPE,
    "dramatiq.group()": "dramatiq:group",
    f"{_PIPE}.run()": _SENT,
}

_RULES = (
    mechanical("@dramatiq.actor", "dramatiq.actor()", after="@task", section="the-task-itself"),
    mechanical("@dramatiq.actor(queue_name=)", after='@task(queue_name="…")', section="the-task-itself"),
    mechanical(
        "@dramatiq.actor(actor_name=)",
        after="the task's name is its dotted path; drop it",
        section="the-task-itself",
    ),
    decision(
        "@dramatiq.actor(priority=)", after="@task(priority=…): here larger comes first", section="priorities"
    ),
    decision(
        "@dramatiq.actor(max_retries=)",
        after="@policy(max_attempts=…), the first included",
        section="retries",
    ),
    mechanical(
        "@dramatiq.actor(min_backoff=)",
        "@dramatiq.actor(max_backoff=)",
        after="@policy(backoff=Exponential(base=…, cap=…)), in seconds",
        section="retries",
    ),
    mechanical("@dramatiq.actor(throws=)", after="@policy(give_up_on=…)", section="retries"),
    decision(
        "@dramatiq.actor(retry_when=)",
        after="@policy(retry_on=…), or raise Retry or GiveUp",
        section="retries",
    ),
    decision("@dramatiq.actor(on_*=)", after="a receiver of task_finished", section="middleware"),
    mechanical("@dramatiq.actor(time_limit=)", after="@policy(timeout=…), in seconds", section="time-limits"),
    no_counterpart("@dramatiq.actor(max_age=)", after="the task looks at its own time", section="max-age"),
    mechanical(
        "@dramatiq.actor(store_results=)", after="the job keeps its outcome; drop it", section="results"
    ),
    mechanical("@dramatiq.actor(result_ttl=)", after="@policy(retention=timedelta(…))", section="results"),
    mechanical("@dramatiq.actor(pipe_ignore=)", after="drop it", section="pipelines-and-groups"),
    decision("@dramatiq.actor(*=)", after="an option of a middleware: see the page", section="middleware"),
    decision("class(dramatiq.GenericActor)", after="a function with @task", section="the-task-itself"),
    # Calls
    mechanical(f"{_TASK}.send()", after="{on}.enqueue({args})", section="calls", by_name=True),
    mechanical(
        f"{_TASK}.send_with_options()",
        after="{on}.using(…).enqueue(*args, **kwargs)",
        section="calls",
        by_name=True,
    ),
    mechanical(
        f"{_TASK}.send_with_options(delay=)",
        after=".using(run_after=timezone.now() + timedelta(…))",
        section="later",
        by_name=True,
    ),
    decision(
        f"{_TASK}.send_with_options(on_*=)",
        after="a receiver of task_finished",
        section="middleware",
    ),
    mechanical(f"{_TASK}.fn", f"{_TASK}.fn()", after="{on}.func", section="calls"),
    # Pipelines and groups
    decision(
        "dramatiq.pipeline()",
        f"{_PIPE} |",
        after="each task enqueues the next one",
        section="pipelines-and-groups",
    ),
    decision("dramatiq.group()", after="enqueue_many(task, [args, …])", section="pipelines-and-groups"),
    no_counterpart(
        "dramatiq:group.add_completion_callback()",
        after="count in a row of yours; the last enqueues",
        section="pipelines-and-groups",
    ),
    decision(
        f"{_TASK}.message()",
        f"{_TASK}.message_with_options()",
        after="a task and its arguments, as they are",
        section="pipelines-and-groups",
    ),
    # Within an actor
    mechanical(
        "dramatiq.middleware.CurrentMessage.get_current_message()",
        after="current_job()",
        section="the-task-itself",
    ),
    mechanical("dramatiq.middleware.CurrentMessage", after="current_job()", section="middleware"),
    mechanical(
        "dramatiq.errors.Retry*", "dramatiq.Retry*", after="raise Retry(after=seconds)", section="retries"
    ),
    mechanical("dramatiq.middleware.TimeLimitExceeded*", after="JobTimeout", section="time-limits"),
    mechanical(
        "dramatiq.middleware.Shutdown*", after="nothing: the job goes back by itself", section="acknowledging"
    ),
    no_counterpart(
        "dramatiq.rate_limits.*()", after="a queue of its own, with --concurrency", section="rate-limits"
    ),
    # Results
    decision(
        f"{_SENT}.get_result()",
        f"{_PIPE}.get_result()",
        after="look again later: get_result(id)",
        section="results",
    ),
    mechanical(f"{_SENT}.message_id", after="result.id", section="results"),
    mechanical(
        "dramatiq.results.*()",
        "dramatiq.results.backends.*()",
        after="the job keeps its outcome",
        section="results",
    ),
    # Middleware, broker, settings
    decision(
        "class(dramatiq.Middleware)", after="receivers of task_started, task_finished", section="middleware"
    ),
    decision("dramatiq.middleware.*()", after="@policy, or built in", section="middleware"),
    mechanical("dramatiq.brokers.*()", after="TASKS in the settings", section="settings"),
    mechanical(
        "dramatiq.set_broker()",
        "dramatiq.get_broker()",
        after="drop it once your last actor has moved",
        section="settings",
    ),
    no_counterpart("dramatiq_abort.*()", after="cancel(id): built in", section="middleware"),
    decision("set DRAMATIQ_*", after='TASKS["default"]["OPTIONS"], or @policy', section="settings"),
    mechanical('"django_dramatiq"', after="the jobs are in taskyard", section="settings"),
    decision(
        "periodiq.cron()",
        "@dramatiq.actor(periodic=)",
        after='@schedule("…") above @task',
        section="schedules",
    ),
    mechanical("$ *rundramatiq*", "$ *dramatiq *", after="python manage.py worker", section="processes"),
    decision("$ *periodiq *", after="drop it: every worker keeps the schedules", section="processes"),
    mechanical(
        "import dramatiq",
        "import dramatiq.*",
        after="from taskyard import task, policy",
        section="the-task-itself",
    ),
    decision("import django_dramatiq*", after="from taskyard.models import Job", section="settings"),
    decision(
        "import periodiq*", "import apscheduler*", after="from taskyard import schedule", section="schedules"
    ),
)

ORIGIN = Origin(name="dramatiq", page="how-to/from-dramatiq.md", values=_VALUES, rules=_RULES, task=_TASK)
