"""A real Prometheus reads from real workers and the site, with the configuration as it is shipped.

Every metric that rules and dashboards use must be there, and every query of the dashboards must find something:
a metric that nobody exports any more, or two labels that never meet, would leave a panel empty and an alert silent.
"""

import re
from datetime import timedelta

import pytest
import yaml

from taskyard import cancel
from taskyard.models import Job
from taskyard.pauses import pause_queue
from taskyard_workers.models import WorkerProcess
from tests.example.tasks import fail, fail_thrice, leave, leave_slowly, nothing
from tests.monitoring.grafana.shipped import dashboards, expressions, filled
from tests.monitoring.prometheus.server import prometheus
from tests.monitoring.prometheus.shipped import copy, metric_names, rules
from tests.support.servers import free_port, wait_until
from tests.tasks.schedules.rows import add_schedule, now

TOKEN = "a token of the tests"

PANELS = [
    (f"{name}: {title}", filled(expression))
    for name, dashboard in dashboards().items()
    for title, expression in expressions(dashboard)
    if "ALERTS{" not in expression  # there is such a series only while an alert fires
]
RULES = [*rules("alert").values(), *rules("record").values()]


@pytest.fixture
def site(live_server, settings, effects):
    """The site, with what makes all its numbers appear."""
    settings.TASKYARD_MONITORING = {"METRICS_TOKEN": TOKEN}
    pause_queue("mail")
    add_schedule(name="asleep", paused_at=now())
    add_schedule(name="awake", due=True)
    nothing.using(backend="leased").enqueue()  # nobody serves it, so it waits
    cancel(nothing.using(backend="leased").enqueue())
    return live_server


@pytest.fixture
def workers(site, start):
    """Two workers; one is killed with a job in its hands, which the other takes from it."""
    port = free_port()
    doomed = start("worker", "--queues", "reports", "--name", "doomed")
    leave_slowly.using(queue_name="reports").enqueue("slow", 600)
    wait_until(lambda: Job.objects.filter(state="RUNNING").exists(), "a job runs", 60)
    doomed.kill()
    silent_since = now() - timedelta(minutes=5)
    WorkerProcess.objects.filter(name="doomed").update(beat_at=silent_since)
    worker = start("worker", "--metrics", str(port))
    worker.wait_for_log("is ready", 60)
    return port


@pytest.fixture
def config(site, workers, tmp_path):
    """The configuration as it is shipped, with its optional rules, in a hurry."""
    folder = copy(tmp_path)
    config = folder / "prometheus.yml"
    config.write_text(config.read_text().replace(": 15s", ": 2s").replace("# - rules", "- rules"))
    (folder / "metrics-token").write_text(TOKEN)
    for file, address in {"workers.yml": f"127.0.0.1:{workers}", "site.yml": site.url.split("//")[1]}.items():
        path = folder / "targets" / file
        [target] = yaml.safe_load(path.read_text())
        target["targets"] = [address]
        path.write_text(yaml.safe_dump([target]))
    return config


def work():
    """Have the worker do a little of everything."""
    for task, arguments in ((leave, ["x"]), (nothing, []), (fail, []), (fail_thrice, [])):
        task.enqueue(*arguments)


@pytest.mark.slow
def test_everything_that_rules_and_dashboards_ask_for_is_there(config, tmp_path):
    wanted = {name for _, expression in PANELS for name in metric_names(expression)}
    wanted |= {name for rule in RULES for name in metric_names(rule["expr"])} | set(rules("record"))
    with prometheus(tmp_path, config) as running:

        def missing():
            work()
            return {name for name in wanted if not running.query(name)}

        def empty():
            work()
            return [(where, expression) for where, expression in PANELS if not running.query(expression)]

        _shrinks_to_nothing(missing, "every metric is there")
        _shrinks_to_nothing(empty, "every query of the dashboards finds something")

        wait_until(lambda: len(running.query("up == 1")) == 2, "both are read from", 60)
        assert {series["metric"]["instance"] for series in running.query("up")} == {"worker-1", "shop"}
        assert not running.query('{name=~".+", __name__!~"celery_.*"}')
        assert _faults(running) == []
        # One reading that comes too late is enough for an alert to wait, until the rules are looked at again.
        wait_until(lambda: not _down(running), "no alert says that nobody answers", 60)


def _down(running):
    return [
        alert
        for alert in running.ask("alerts")["alerts"]
        if re.match("Taskyard(Metrics|Database)Down", alert["labels"]["alertname"])
    ]


def _shrinks_to_nothing(look, what):
    left = None

    def none_is_left():
        nonlocal left
        left = look()
        return not left

    try:
        wait_until(none_is_left, what, 120)
    except AssertionError as error:
        raise AssertionError(f"{error}: {left}") from None


def _faults(running):
    groups = running.ask("rules")["groups"]
    assert sum(len(group["rules"]) for group in groups) == len(RULES)
    return [
        (rule["name"], rule.get("lastError"))
        for group in groups
        for rule in group["rules"]
        if rule["health"] == "err"
    ]
