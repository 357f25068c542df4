"""The kinds of panel that the dashboards have, with their thresholds and legends."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    gauge,
    logs,
    loki,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LogsSortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.frame import LEVELS, LOKI, PROMETHEUS

Query = tuple[str, str]  # an expression and its legend
Steps = Sequence[tuple[float | None, str]]  # the value from which a colour holds; None: from the lowest

WIDTH = 24  # columns of a dashboard
# Rows of what is over time. A legend below a graph has a third of them: a heading and three lines.
HEIGHT = 9
# Per cent of something that can be full.
FULL: Steps = ((None, "green"), (70, "yellow"), (90, "red"))
# A number that is good at zero.
NONE_IS_GOOD: Steps = ((None, "green"), (1, "red"))
NEUTRAL: Steps = ((None, "blue"),)


def graph(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    steps: Steps = NEUTRAL,
    top: float | None = None,
    exemplars: bool = False,
    link: tuple[str, str] | None = None,
    beside: bool = False,
) -> timeseries.Panel:
    """Return metrics over time.

    Args:
        title: of the panel.
        description: what is seen, for somebody who sees it for the first time.
        unit: as Grafana names it.
        queries: expressions of PromQL with their legends.
        width: in columns, of `WIDTH`.
        steps: thresholds, which the panel names but does not draw.
        top: the highest value that there can be.
        exemplars: whether traces are shown as points.
        link: title and URL of where a series leads to.
        beside: whether the legend is beside the graph, where more than three series find place.
    """
    panel = _over_time(title, description, unit, width, steps, beside).datasource(PROMETHEUS)
    if top is not None:
        panel.max(top)
    if link:
        panel.data_links([dashboard.DashboardLink(link[0]).url(link[1])])
    for letter, (expression, legend) in zip("ABCDEF", queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).expr(expression).legend_format(legend).range()
        panel.with_target(target.exemplar(True) if exemplars else target)
    return panel


def log_graph(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    beside: bool = False,
    stacked: bool = True,
) -> timeseries.Panel:
    """Return numbers that LogQL makes of lines, over time.

    Args:
        title: of the panel, and so on: see `graph`.
        description: see there.
        unit: see there.
        queries: expressions of LogQL with their legends.
        width: see there.
        beside: see there.
        stacked: whether the numbers are counts, drawn as bars on top of each other. Where there is no line
            Loki has no number, and a line between what is on both sides would say that there were some.
    """
    panel = _over_time(title, description, unit, width, NEUTRAL, beside).datasource(LOKI)
    if stacked:
        panel.draw_style(GraphDrawStyle.BARS).fill_opacity(60).line_width(0)
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for level, color in LEVELS.items():
        fixed = {"mode": "fixed", "fixedColor": color}
        panel.override_by_name(level, [DynamicConfigValue(id_val="color", value=fixed)])
    for letter, (expression, legend) in zip("ABCDEF", queries, strict=False):
        panel.with_target(
            loki.Dataquery().ref_id(letter).expr(expression).legend_format(legend).query_type("range")
        )
    return panel.interval("15s")


def number(
    title: str,
    description: str,
    unit: str,
    expression: str,
    legend: str = "",
    *,
    width: int = 4,
    height: int = 4,
    steps: Steps = NEUTRAL,
    link: tuple[str, str] | None = None,
) -> stat.Panel:
    """Return the newest value of a query of PromQL, with its course behind it; see `graph`."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .thresholds(_thresholds(steps))
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(width)
        .height(height)
        .with_target(prometheus.Dataquery().ref_id("A").expr(expression).legend_format(legend).range())
    )
    return panel.data_links([dashboard.DashboardLink(link[0]).url(link[1])]) if link else panel


def fullness(title: str, description: str, expression: str, legend: str, width: int = 8) -> gauge.Panel:
    """Return a gauge of per cent for each series: green below 70, yellow from 70, red from 90."""
    return (
        gauge.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit("percent")
        .min(0)
        .max(100)
        .decimals(0)
        .thresholds(_thresholds(FULL))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(width)
        .height(6)
        .with_target(prometheus.Dataquery().ref_id("A").expr(expression).legend_format(legend).range())
        .data_links(
            [dashboard.DashboardLink("This host").url("/d/hosts?var-host=${__series.name}&${env:queryparam}")]
        )
    )


def rows(
    title: str,
    description: str,
    expression: str,
    *,
    hidden: Sequence[str],
    first: str = "",
    wide: Mapping[str, int] | None = None,
) -> table.Panel:
    """Return the series of an instant query of PromQL as a table.

    Args:
        title: of the panel.
        description: what is seen.
        expression: of PromQL.
        hidden: columns that are left out.
        first: the column whose lowest value comes first; empty: as Prometheus has them.
        wide: columns that need more place than an equal share, in pixels.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .span(12)
        .height(HEIGHT)
        .min_width(80)  # else each column has 150 pixels
        .with_target(
            prometheus.Dataquery().ref_id("A").expr(expression).instant().format(PromQueryFormat.TABLE)
        )
    )
    for name in hidden:
        panel.override_by_name(name, [DynamicConfigValue(id_val="custom.hidden", value=True)])
    for name, pixels in (wide or {}).items():
        panel.override_by_name(name, [DynamicConfigValue(id_val="custom.width", value=pixels)])
    return panel.sort_by([common.TableSortByFieldState().display_name(first)]) if first else panel


def log_lines(title: str, description: str, expression: str, width: int = WIDTH) -> logs.Panel:
    """Return lines, the newest first; a trace id in one leads to its trace."""
    return (
        logs.Panel()
        .title(title)
        .description(description)
        .datasource(LOKI)
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(LogsSortOrder.DESCENDING)
        .span(width)
        .height(10)
        .with_target(loki.Dataquery().ref_id("A").expr(expression).query_type("range").max_lines(200))
    )


def _over_time(
    title: str, description: str, unit: str, width: int, steps: Steps, beside: bool
) -> timeseries.Panel:
    """Return a graph without its queries; in its legend those that were highest come first."""
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .thresholds(_thresholds(steps))
        .fill_opacity(10)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.RIGHT if beside else LegendPlacement.BOTTOM)
            .calcs(["mean", "max", "lastNotNull"])
            .sort_by("Max")
            .sort_desc(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .span(width)
        .height(HEIGHT)
    )


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=color) for value, color in steps])
    )
