"""The dashboards are as their source writes them, hold together, and ask what Prometheus can answer.

Grafana itself is in no package registry for Debian, Python or Node, so none is started here: the files are read
with the types that Grafana generates from its own schema, and every query is put to a real Prometheus.
"""

import json
import re
import subprocess
import sys

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.grafana.source.files import FOLDER, written
from tests.monitoring.grafana.shipped import OF_GRAFANA, dashboards, expressions, filled, panels, variables
from tests.monitoring.prometheus.server import prometheus
from tests.monitoring.prometheus.shipped import EXPORTED, OF_PROMETHEUS, ROOT, metric_names

DASHBOARDS = dashboards()
PROVISIONING = FOLDER.parent / "provisioning"

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)


def test_the_files_are_as_their_source_writes_them():
    shipped = {path.name: path.read_text() for path in FOLDER.iterdir()}

    assert shipped == written(), "Write them anew: python -m monitoring.grafana.source"


def test_they_can_be_written_for_another_console(tmp_path):
    subprocess.run(
        [
            *(sys.executable, "-m", "monitoring.grafana.source", "--folder", str(tmp_path / "new")),
            *("--console", "https://shop.example/ops", "--runbooks", "https://wiki.example"),
        ],
        cwd=ROOT,
        check=True,
    )

    texts = [path.read_text() for path in (tmp_path / "new").iterdir()]
    assert len(texts) == len(DASHBOARDS)
    assert all("https://shop.example/ops" in text and "https://wiki.example" in text for text in texts)


@each_dashboard
def test_grafanas_own_types_read_them_without_loss(dashboard):
    register_default_plugins()

    read = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))

    assert read == dashboard


@each_dashboard
def test_every_panel_says_what_it_shows_in_which_unit(dashboard):
    for panel in panels(dashboard):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert _units(panel), panel["title"]


def _units(panel):
    if panel["type"] == "heatmap":
        return panel["options"]["yAxis"]["unit"]
    if panel["type"] == "table":
        given = [
            each["id"] for override in panel["fieldConfig"]["overrides"] for each in override["properties"]
        ]
        return given.count("unit") == len(panel["targets"])
    return panel["fieldConfig"]["defaults"]["unit"]


@each_dashboard
def test_lines_have_legends_of_labels_that_their_query_keeps(dashboard):
    for panel in panels(dashboard):
        for target in panel["targets"] if panel["type"] == "timeseries" else []:
            assert target["legendFormat"], panel["title"]
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert re.search(rf"by \([^)]*\b{label}\b", target["expr"]), (panel["title"], label)


@each_dashboard
def test_the_panels_lie_side_by_side(dashboard):
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

        assert at["x"] + at["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


@each_dashboard
def test_it_has_an_address_that_stays_and_ids_of_its_own(dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]

    assert re.fullmatch(r"taskyard-\w+", dashboard["uid"])
    assert len(ids) == len(set(ids))


@each_dashboard
def test_every_variable_that_is_used_is_there(dashboard):
    used = set(re.findall(r"\$\{?(\w+)", "".join(expression for _, expression in expressions(dashboard))))

    assert used - {name.removeprefix("$") for name in OF_GRAFANA} <= set(variables(dashboard))


@each_dashboard
def test_its_links_lead_to_dashboards_and_variables_that_exist(dashboard):
    text = json.dumps(dashboard)

    assert '"url": "${console:raw}/' in text
    for uid, variable in re.findall(r"/d/([\w-]+)\?var-(\w+)=", text):
        assert variable in variables(DASHBOARDS[uid])


@each_dashboard
def test_expressions_name_only_metrics_that_exist(dashboard):
    for title, expression in expressions(dashboard):
        used = metric_names(filled(expression))

        assert used, title
        assert used <= EXPORTED | OF_PROMETHEUS, title
    for name, variable in variables(dashboard).items():
        if variable["type"] == "query":
            assert metric_names(filled(variable["query"])) <= EXPORTED, name


def test_every_metric_is_on_some_dashboard():
    shown = {
        name
        for dashboard in DASHBOARDS.values()
        for _, expression in expressions(dashboard)
        for name in metric_names(filled(expression))
    }

    of_histograms = {name for name in EXPORTED if name.endswith(("_bucket", "_sum", "_count"))}
    assert EXPORTED - of_histograms <= shown


@pytest.fixture(scope="module")
def empty_prometheus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    with prometheus(folder, folder / "prometheus.yml") as running:
        yield running


@each_dashboard
def test_a_real_prometheus_understands_every_expression(dashboard, empty_prometheus):
    for _, expression in expressions(dashboard):
        empty_prometheus.query(filled(expression))  # what it does not understand fails


def test_what_prometheus_does_not_understand_fails(empty_prometheus):
    with pytest.raises(AssertionError, match="parse error"):
        empty_prometheus.query("sum by (le) (rate(taskyard_run_seconds_bucket{[5m]))")


def test_the_provisioning_names_the_data_source_and_the_folder():
    [source] = yaml.safe_load((PROVISIONING / "datasources" / "taskyard.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((PROVISIONING / "dashboards" / "taskyard.yml").read_text())["providers"]

    assert (source["type"], source["uid"]) == ("prometheus", "taskyard-prometheus")
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "$TASKYARD_DASHBOARDS"
