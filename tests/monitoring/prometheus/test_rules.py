"""The rules hold together: promtool's tests, names that exist, a page and a dashboard for every alert."""

import json
import re
import subprocess

import pytest
import yaml

from tests.monitoring.prometheus.shipped import (
    EXPORTED,
    FOLDER,
    OF_PROMETHEUS,
    ROOT,
    RUNBOOKS,
    copy,
    metric_names,
    rules,
)
from tests.support.servers import require

ALERTS = rules("alert")
RECORDED = rules("record")


def promtool(*arguments, cwd):
    done = subprocess.run(
        [require("promtool", "prometheus"), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_finds_nothing_wrong_with_the_configuration(tmp_path):
    folder = copy(tmp_path)
    (folder / "prometheus.yml").write_text(
        (folder / "prometheus.yml").read_text().replace("# - rules", "- rules")
    )

    found = promtool("check", "config", "prometheus.yml", cwd=folder)

    assert "3 rule files found" in found


def test_the_rules_do_what_their_tests_say():
    promtool("test", "rules", *sorted(map(str, (FOLDER / "tests").glob("*.yml"))), cwd=FOLDER)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_nearly_does(alert):
    tests = yaml.safe_load((FOLDER / "tests" / f"{alert}.yml").read_text())["tests"]

    asked = [check for test in tests for check in test["alert_rule_test"]]

    assert {check["alertname"] for check in asked} == {alert}
    assert any(check["exp_alerts"] for check in asked)
    assert any(not any(check["exp_alerts"] for check in test["alert_rule_test"]) for test in tests)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_how_bad_it_is_and_leads_to_its_page(alert):
    rule = ALERTS[alert]

    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.taskyard_runbooks }}}}/{alert}.md"
    assert (RUNBOOKS / f"{alert}.md").read_text().startswith(f"# {alert}\n")


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_leads_to_a_dashboard_and_to_variables_that_it_has(alert):
    url = ALERTS[alert]["annotations"]["dashboard_url"]

    uid = re.search(r"taskyard_grafana \}\}/d/([\w-]+)", url)[1]
    dashboard = json.loads((ROOT / "monitoring/grafana/dashboards" / f"{uid}.json").read_text())

    assert dashboard["uid"] == uid
    assert set(re.findall(r"var-(\w+)=", url)) <= {
        variable["name"] for variable in dashboard["templating"]["list"]
    }


def test_no_runbook_is_left_over():
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"index"}

    assert pages == set(ALERTS)


@pytest.mark.parametrize(
    "rule", [*ALERTS.values(), *RECORDED.values()], ids=lambda r: r.get("alert") or r["record"]
)
def test_rules_name_only_metrics_that_exist(rule):
    used = metric_names(rule["expr"])

    assert used
    assert used <= EXPORTED | set(RECORDED) | OF_PROMETHEUS


def test_what_is_recorded_is_used_or_known_elsewhere():
    used = {name for rule in [*ALERTS.values(), *RECORDED.values()] for name in metric_names(rule["expr"])}

    assert set(rules("record", "recording.yml")) <= used


def test_metric_names_are_found():
    assert metric_names('sum by (a) (rate(taskyard_x_total{b="taskyard_y", c=~"$d"}[5m])) / q:z:max') == {
        "taskyard_x_total",
        "q:z:max",
    }
