"""What autoscalers ask Prometheus: of a real one, with series as the site and its workers give them."""

import re
import subprocess

import pytest
import yaml

from compose.kubernetes.prometheus_rules import RULES
from taskyard_monitoring.metrics.names import METRICS
from tests.monitoring.prometheus.shipped import metric_names, rules
from tests.support.servers import require

from .rendering import ENGINES, EVERYTHING, FOLDER
from .test_manifests import of_kind, of_overlay

ADAPTER = FOLDER / "components" / "hpa" / "prometheus-adapter.yaml"


def scaled_objects():
    return of_kind(of_overlay("production"), "ScaledObject")


def triggers():
    """Return KEDA's questions by the trigger's name, as they are asked for Celery's workers."""
    [scaled] = [each for each in scaled_objects() if each["metadata"]["name"] == "worker-celery"]
    return {each["name"]: each for each in scaled["spec"]["triggers"]}


def of_adapter():
    [rule] = yaml.safe_load(ADAPTER.read_text())["external"]
    return rule["metricsQuery"].replace("<<.LabelMatchers>>", 'engine="celery", site="shop"')


@pytest.mark.parametrize("trigger", ["latency", "busy"])
def test_metrics_that_are_asked_for_are_exported(trigger):
    known = {metric.name for metric in METRICS} | set(rules("record"))

    assert metric_names(triggers()[trigger]["metadata"]["query"]) <= known
    assert metric_names(of_adapter()) <= known


def test_each_autoscaler_has_its_own_engine_and_deployment():
    for each in scaled_objects():
        name = each["metadata"]["name"]
        queries = [trigger["metadata"]["query"] for trigger in each["spec"]["triggers"]]
        assert each["spec"]["scaleTargetRef"]["name"] == name
        assert {label for query in queries for label in re.findall(r'engine="([^"]+)"', query)} == {
            name.removeprefix("worker-")
        }
    autoscalers = of_kind(of_overlay(EVERYTHING), "HorizontalPodAutoscaler")
    for each in autoscalers:
        external = each["spec"]["metrics"][0]["external"]["metric"]
        engine = external["selector"]["matchLabels"]["engine"]
        assert each["spec"]["scaleTargetRef"]["name"] == each["metadata"]["name"] == f"worker-{engine}"
        assert external["name"] == yaml.safe_load(ADAPTER.read_text())["external"][0]["name"]["as"]
    assert len(autoscalers) == len(ENGINES)


def test_what_is_scaled_has_no_number_of_its_own():
    for overlay in ("production", EVERYTHING):
        for each in of_kind(of_overlay(overlay), "Deployment"):
            is_worker = each["metadata"]["name"].startswith("worker-")
            assert ("replicas" in each["spec"]) != is_worker


SERIES = {
    "a job waits": {
        "taskyard_database_up": 1,
        'taskyard_oldest_waiting_age_seconds{engine="celery",queue="default"}': 90,
        'taskyard_oldest_waiting_age_seconds{engine="celery",queue="mail"}': 3,
        'taskyard_oldest_waiting_age_seconds{engine="arq",queue="default"}': 500,
        'taskyard_queue_paused{queue="mail"}': 0,
    },
    "what waits is paused": {
        "taskyard_database_up": 1,
        'taskyard_oldest_waiting_age_seconds{engine="celery",queue="mail"}': 900,
        'taskyard_queue_paused{queue="mail"}': 1,
    },
    "the database is away": {"taskyard_database_up": 0},
    "nobody answers": {},
}

EXPECTED = {
    "a job waits": 90,
    "what waits is paused": 0,
    "the database is away": None,
    "nobody answers": None,
}


@pytest.mark.parametrize("case", SERIES)
def test_the_latency_that_workers_are_scaled_by(case, tmp_path):
    tests = []
    queries = [triggers()["latency"]["metadata"]["query"], of_adapter()]
    expected = EXPECTED[case]
    for query in queries:
        samples = [] if expected is None else [{"labels": "{}", "value": expected}]
        tests.append({"expr": query, "eval_time": "1m", "exp_samples": samples})
    _promtool(
        tmp_path,
        [{"series": _on_site(name), "values": f"{value}x10"} for name, value in SERIES[case].items()],
        tests,
    )


def test_the_busyness_that_workers_are_scaled_by(tmp_path):
    series = [
        {"series": _on_site('taskyard_slots{engine="celery"}'), "values": "16x10"},
        {"series": _on_site('taskyard_slots_busy{engine="celery"}'), "values": "12x10"},
    ]
    query = triggers()["busy"]["metadata"]["query"]
    labels = 'engine:taskyard_slots_busy:ratio{engine="celery", site="shop"}'
    _promtool(
        tmp_path,
        series,
        [{"expr": query, "eval_time": "2m", "exp_samples": [{"labels": labels, "value": 0.75}]}],
    )


def _on_site(name):
    metric, _, labels = name.partition("{")
    given = f"{labels.rstrip('}')}," if labels else ""
    return f'{metric}{{{given}site="shop",instance="shop-1"}}'


def _promtool(folder, series, expressions):
    """Have Prometheus' own tool evaluate, with our rules loaded."""
    file = folder / "test.yml"
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(RULES / "recording.yml")],
                "evaluation_interval": "15s",
                "tests": [
                    {
                        "interval": "15s",
                        "input_series": series or [{"series": "none", "values": "0x10"}],
                        "promql_expr_test": expressions,
                    }
                ],
            }
        )
    )
    ended = subprocess.run(
        [require("promtool", "prometheus"), "test", "rules", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
