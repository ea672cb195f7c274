"""The kinds of panels: each looks the same on every dashboard."""

from collections.abc import Iterable, Mapping
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")

WIDTH = 24
"""Of a dashboard, in Grafana's grid."""

HEIGHT = 8

COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "cancelled": "#8e8e8e",
    "waiting": "blue",
    "scheduled": "purple",
    "running": "green",
    "alive": "green",
    "silent": "yellow",
    "lost": "red",
}
"""What a series of this name is drawn in, wherever it shows."""

KEEP = "${datasource:queryparam}&${site:queryparam}&${__url_time_range}"
"""What a link from dashboard to dashboard takes along."""

LINKS = {
    "queue": ("The queue", f"/d/taskyard-queue?var-queue=${{__field.labels.queue}}&{KEEP}"),
    "task": ("The task", f"/d/taskyard-task?var-task=${{__field.labels.task}}&{KEEP}"),
}
"""Where a click on a series with this label leads."""

Thresholds = Iterable[tuple[float | None, str]]

GOOD: Thresholds = [(None, "green")]


def _thresholds(steps: Thresholds) -> dashboard_builders.ThresholdsConfig:
    return (
        dashboard_builders.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=colour) for value, colour in steps])
    )


def up_to(warning: float, bad: float) -> Thresholds:
    """Return thresholds of what should be small."""
    return [(None, "green"), (warning, "yellow"), (bad, "red")]


def at_least(good: float) -> Thresholds:
    """Return thresholds of what should not be smaller."""
    return [(None, "red"), (good, "green")]


def _query(expression: str, legend: str = "", *, number: int = 0) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + number))


def _links(*labels: str) -> list[Builder[dashboard.DashboardLink]]:
    return [dashboard_builders.DashboardLink(LINKS[label][0]).url(LINKS[label][1]) for label in labels]


def figure(  # noqa: PLR0913 - what a panel is told
    title: str,
    description: str,
    expression: str,
    *,
    unit: str = "short",
    thresholds: Thresholds = GOOD,
    texts: Mapping[int, str] | None = None,
    nothing: str = "-",
    width: int = 3,
) -> stat.Panel:
    """Return a panel with one number, and how it went in the background."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(_query(expression))
        .unit(unit)
        .no_value(nothing)
        .thresholds(_thresholds(thresholds))
        .color_scheme(dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.AREA)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(4)
        .span(width)
    )
    if texts:
        options = {str(value): dashboard.ValueMappingResult(text=text) for value, text in texts.items()}
        panel.mappings([dashboard.ValueMap(options=options)])
    return panel


def lines(  # noqa: PLR0913 - what a panel is told
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    unit: str = "short",
    stacked: bool = False,
    thresholds: Thresholds | None = None,
    most: float | None = None,
    links: Iterable[str] = (),
    width: int = WIDTH // 3,
) -> timeseries.Panel:
    """Return a panel with lines over time.

    Args:
        queries: expressions by legend; a legend may hold labels: "{{queue}}".
        stacked: whether the lines add up, as parts of a whole do.
        thresholds: drawn as lines.
        links: the labels by which a click leads to another dashboard.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .targets(
            [_query(expression, legend, number=n) for n, (legend, expression) in enumerate(queries.items())]
        )
        .unit(unit)
        .min(0)
        .draw_style(common.GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(25 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builders.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .data_links(_links(*links))
        .overrides([_colour(name, colour) for name, colour in COLOURS.items()])
        .height(HEIGHT)
        .span(width)
    )
    if most is not None:
        panel.max(most)
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if thresholds:
        panel.thresholds(_thresholds(thresholds))
        panel.thresholds_style(
            common_builders.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
        )
    return panel


def _colour(name: str, colour: str) -> dashboard_builders.DashboardFieldConfigSourceOverrides:
    return (
        dashboard_builders.DashboardFieldConfigSourceOverrides()
        .matcher(dashboard.MatcherConfig(id_val="byName", options=name))
        .properties(
            [dashboard.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})]
        )
    )


def heat(title: str, description: str, expression: str, *, width: int = WIDTH // 3) -> heatmap.Panel:
    """Return a panel that shows how the values of a histogram are spread over time."""
    query = _query(expression, "{{le}}").format(PromQueryFormat.HEATMAP)
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(query)
        .calculate(False)  # noqa: FBT003 - the buckets are there
        .y_axis(heatmap.YAxisConfig().unit("s"))
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        .cell_gap(1)
        .scale_distribution(common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LINEAR))
        .show_legend()
        .show_tooltip()
        .height(HEIGHT)
        .span(width)
    )


def listing(
    title: str,
    description: str,
    columns: Mapping[str, tuple[str, str]],
    *,
    by: Iterable[str],
    sort: str,
    links: Mapping[str, str] | None = None,
    width: int = WIDTH // 2,
) -> table.Panel:
    """Return a table, a row for each combination of labels.

    Args:
        columns: by heading, the expression and the unit.
        by: the labels that make a row.
        sort: the heading to sort by, largest first.
        links: by label, where a click on it leads; `${__value.text}` is what it says there.
    """
    by = list(by)
    values = {f"Value #{chr(ord('A') + n)}": heading for n, heading in enumerate(columns)}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .targets(
            [
                _query(expression, number=n).instant().format(PromQueryFormat.TABLE)
                for n, (expression, _) in enumerate(columns.values())
            ]
        )
        .with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": {name: n for n, name in enumerate([*by, *values])},
                    "renameByName": values,
                },
            )
        )
        .sort_by([common_builders.TableSortByFieldState().display_name(sort).desc(True)])  # noqa: FBT003
        .height(HEIGHT)
        .span(width)
    )
    for heading, (_, unit) in columns.items():
        panel.override_by_name(heading, [dashboard.DynamicConfigValue(id_val="unit", value=unit)])
    for label, url in (links or {}).items():
        link: list[dict[str, Any]] = [{"title": f"The {label}", "url": url}]
        panel.override_by_name(label, [dashboard.DynamicConfigValue(id_val="links", value=link)])
    return panel
