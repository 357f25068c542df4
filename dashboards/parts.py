"""What the dashboards have in common: data sources, variables, links, thresholds and the kinds of panel."""

from collections.abc import Sequence

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
    LegendDisplayMode,
    LegendPlacement,
    LogsSortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Query = tuple[str, str]  # an expression and its legend
Steps = Sequence[tuple[float | None, str]]  # the value from which a colour holds; None: from the lowest

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
LOKI = DataSourceRef(type_val="loki", uid="loki")
TEMPO = DataSourceRef(type_val="tempo", uid="tempo")

TAG = "saltwatch"
WIDTH = 24  # columns of a dashboard
# Per cent of something that can be full.
FULL: Steps = ((None, "green"), (70, "yellow"), (90, "red"))
# A number that is good at zero.
NONE_IS_GOOD: Steps = ((None, "green"), (1, "red"))
NEUTRAL: Steps = ((None, "blue"),)
# What the variables select.
ENV = 'env=~"$env"'
HOST = f'{ENV},instance=~"$host"'
LOG = 'env=~"$env",host=~"$host",job=~"$job",level=~"$level"'

# The variable's label, where its values come from, and how they are asked for.
_VARIABLES = {
    "env": ("Environment", PROMETHEUS, "label_values(up, env)"),
    "host": ("Host", PROMETHEUS, 'label_values(up{env=~"$env"}, instance)'),
    "job": ("Job", LOKI, 'label_values({env=~"$env",host=~"$host"}, job)'),
}
_EVERYTHING = VariableOption(text="All", value="$__all", selected=True)
LEVELS = ("critical", "error", "warning", "info", "debug", "unknown")


def board(uid: str, title: str, description: str, variables: Sequence[str] = ("env",)) -> dashboard.Dashboard:
    """Return an empty dashboard with the variables, links and times that all have.

    Args:
        uid: which never changes; the file is called after it.
        title: in the list of dashboards.
        description: what it is for.
        variables: of env, host, job and level, in this order.
    """
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("10s")
        .time("now-15m", "now")
        .link(
            dashboard.DashboardLink("Saltwatch")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .annotation(
            dashboard.AnnotationQuery()
            .name("Alerts")
            .datasource(PROMETHEUS)
            .enable(True)
            .icon_color("red")
            .expr(f'ALERTS{{alertstate="firing",alertname!="Watchdog",{ENV}}}')
        )
    )
    for name in variables:
        made.with_variable(_variable(name))
    return made


def row(title: str) -> dashboard.Row:
    """Return the heading of the panels that follow."""
    return dashboard.Row(title)


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
    """
    panel = _lines_over_time(title, description, unit, width, steps).datasource(PROMETHEUS)
    if top is not None:
        panel.max(top)
    if link:
        panel.data_links([dashboard.DashboardLink(link[0]).url(link[1])])
    for letter, (expression, legend) in zip("ABCDEF", queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).expr(expression).legend_format(legend).range()
        panel.with_target(target.exemplar(True) if exemplars else target)
    return panel


def log_graph(title: str, description: str, unit: str, *queries: Query, width: int = 12) -> timeseries.Panel:
    """Return numbers that LogQL makes of lines, over time; the arguments are those of `graph`."""
    panel = _lines_over_time(title, description, unit, width, NEUTRAL).datasource(LOKI)
    for letter, (expression, legend) in zip("ABCDEF", queries, strict=False):
        panel.with_target(
            loki.Dataquery().ref_id(letter).expr(expression).legend_format(legend).query_type("range")
        )
    return panel


def number(
    title: str,
    description: str,
    unit: str,
    expression: str,
    legend: str = "",
    *,
    width: int = 4,
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
        .height(4)
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
    title: str, description: str, expression: str, hidden: Sequence[str], width: int = 12
) -> table.Panel:
    """Return the series of an instant query of PromQL as a table, without the columns in ``hidden``."""
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .span(width)
        .height(8)
        .with_target(
            prometheus.Dataquery().ref_id("A").expr(expression).instant().format(PromQueryFormat.TABLE)
        )
    )
    for name in hidden:
        panel.override_by_name(name, [DynamicConfigValue(id_val="custom.hidden", value=True)])
    return panel


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


def _lines_over_time(title: str, description: str, unit: str, width: int, steps: Steps) -> timeseries.Panel:
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
            .placement(LegendPlacement.BOTTOM)
            .calcs(["mean", "max", "lastNotNull"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .span(width)
        .height(8)
    )


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=color) for value, color in steps])
    )


def _variable(name: str) -> dashboard.QueryVariable | dashboard.CustomVariable:
    if name == "level":
        levels = dashboard.CustomVariable("level").label("Level").values(",".join(LEVELS))
        return levels.multi(True).include_all(True).all_value(".+").current(_EVERYTHING)
    label, source, query = _VARIABLES[name]
    values = dashboard.QueryVariable(name).label(label).datasource(source).query(query)
    values.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    return values.multi(True).include_all(True).all_value(".+").current(_EVERYTHING)
