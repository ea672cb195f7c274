"""What becomes of Django-Q2 (and of Django-Q, before it)."""

from taskyard.porting.rules import Origin, decision, mechanical, no_counterpart

_PUBLIC = (
    *(
        "async_task",
        "schedule",
        "result",
        "result_group",
        "fetch",
        "fetch_group",
        "count_group",
        "delete_group",
    ),
    *("delete_cached", "queue_size", "async_iter", "async_chain", "Iter", "Chain", "AsyncTask"),
)

_VALUES = {
    **{f"django_q.tasks.{name}": f"django_q.{name}" for name in _PUBLIC},
    "django_q.AsyncTask()": "django_q:call",
    "django_q.Chain()": "django_q:chain",
    "django_q.Iter()": "django_q:iter",
    "django_q.fetch()": "django_q:outcome",
}

_CALL_OPTIONS = (
    (decision, ("hook",), "a receiver of task_finished, or a call at the end of the task", "hooks"),
    (decision, ("group",), "a tag: with job_metadata(tags=[…])", "groups"),
    (mechanical, ("timeout",), "@policy(timeout=…)", "time-limits"),
    (mechanical, ("task_name",), "a tag: with job_metadata(tags=[…])", "groups"),
    (mechanical, ("save", "cached", "broker", "ack_failure"), "drop it", "results"),
    (mechanical, ("sync",), "taskyard.testing.inline() in tests", "the-task-itself"),
    (mechanical, ("cluster",), '.using(queue_name="…")', "the-task-itself"),
    (decision, ("q_options",), "each of them: see the page", "the-task-itself"),
)

_RULES = (
    mechanical(
        "django_q.async_task()",
        after="{first}.enqueue({rest}), with @task at {first}",
        section="the-task-itself",
    ),
    *(
        rule(*(f"django_q.async_task({name}=)" for name in names), after=after, section=section)
        for rule, names, after, section in _CALL_OPTIONS
    ),
    decision(
        "django_q.AsyncTask()",
        after="{first}.enqueue({rest}), with @task at {first}",
        section="the-task-itself",
    ),
    decision("django_q:call.*", after="the task's result", section="the-task-itself"),
    # Many
    decision(
        "django_q.async_iter()", "django_q.Iter()", after="enqueue_many(task, [args, …])", section="groups"
    ),
    decision(
        "django_q.async_chain()",
        "django_q.Chain()",
        after="each task enqueues the next one",
        section="chains",
    ),
    decision(
        "django_q:chain.append()", "django_q:iter.append()", after="see Chain() and Iter()", section="chains"
    ),
    no_counterpart(
        "django_q:chain.result()",
        "django_q:iter.result()",
        after="results in a row of yours",
        section="groups",
    ),
    no_counterpart(
        *(f"django_q.{name}()" for name in ("result_group", "count_group")),
        after="Job.objects with a tag, or results in a row of yours",
        section="groups",
    ),
    decision(
        "django_q.fetch_group()", "django_q.delete_group()", after="jobs list --tag …", section="groups"
    ),
    # Results
    decision(
        "django_q.result()", after="get_result({args}).return_value, once it is finished", section="results"
    ),
    mechanical("django_q.fetch()", after="get_result({args})", section="results"),
    mechanical("django_q:outcome.success", after="result.status", section="results"),
    mechanical("django_q:outcome.result", after="result.return_value", section="results"),
    decision("django_q:outcome.*", after="get_result(id)", section="results"),
    mechanical("django_q.delete_cached()", after="drop it", section="results"),
    mechanical("django_q.queue_size()", after="queues list, or the metrics", section="results"),
    decision("django_q.models.Schedule.objects.*()", after='@schedule("…") above @task', section="schedules"),
    decision("django_q.models.*.objects.*()", after="taskyard.models.Job.objects", section="results"),
    # Schedules
    decision("django_q.schedule()", after='@schedule("…") above @task', section="schedules"),
    mechanical("django_q.schedule(cron=)", after='@schedule("…")', section="schedules"),
    mechanical("django_q.schedule(minutes=)", after="@schedule(timedelta(minutes=…))", section="schedules"),
    no_counterpart("django_q.schedule(repeats=)", after="the task pauses its schedule", section="schedules"),
    decision("django_q.schedule(hook=)", after="a receiver of task_finished", section="hooks"),
    # Signals, settings, processes
    mechanical("django_q.signals.pre_enqueue*", after="task_enqueued, from taskyard", section="hooks"),
    mechanical("django_q.signals.pre_execute*", after="task_started, from taskyard", section="hooks"),
    mechanical("django_q.signals.post_execute*", after="task_finished, from taskyard", section="hooks"),
    decision("django_q.signals.*", after="task_started, task_finished, from taskyard", section="hooks"),
    decision("set Q_CLUSTER", after="TASKS, @policy, and options of manage.py worker", section="settings"),
    mechanical('"django_q"', after='"taskyard", "taskyard_workers"', section="settings"),
    mechanical("$ *qcluster*", after="python manage.py worker", section="processes"),
    mechanical(
        "$ *qmonitor*",
        "$ *qinfo*",
        "$ *qmemory*",
        after="manage.py queues list, workers list",
        section="processes",
    ),
    decision("import django_q.models", after="from taskyard.models import Job", section="results"),
    mechanical(
        "import django_q.signals", after="from taskyard import task_started, task_finished", section="hooks"
    ),
    mechanical(
        "import django_q", "import django_q.*", after="from taskyard import task", section="the-task-itself"
    ),
)

ORIGIN = Origin(name="django-q2", page="how-to/from-django-q2.md", values=_VALUES, rules=_RULES)
