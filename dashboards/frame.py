"""What all dashboards have in common: data sources, variables, links and times."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
LOKI = DataSourceRef(type_val="loki", uid="loki")
TEMPO = DataSourceRef(type_val="tempo", uid="tempo")

TAG = "saltwatch"
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
# From the worst on, each with its colour.
LEVELS = {
    "critical": "purple",
    "error": "red",
    "warning": "orange",
    "info": "green",
    "debug": "blue",
    "unknown": "#8e8e8e",
}


class _Titled(AnnotationQuery):
    """An annotation that says what it is; the SDK has no option for that."""

    def to_json(self) -> dict[str, object]:
        return super().to_json() | {"titleFormat": "{{alertname}}"}


class _Alerts(Builder[AnnotationQuery]):
    """When something fired: one area an alert, as one for each host would hide what they lie on."""

    def build(self) -> AnnotationQuery:
        return _Titled(
            name="Alerts",
            datasource=PROMETHEUS,
            enable=True,
            icon_color="red",
            expr=f'group by (alertname) (ALERTS{{alertstate="firing",alertname!="Watchdog",{ENV}}})',
        )


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
        .annotation(_Alerts())
    )
    for name in variables:
        made.with_variable(_variable(name))
    return made


def row(title: str) -> dashboard.Row:
    """Return the heading of the panels that follow."""
    return dashboard.Row(title)


def _variable(name: str) -> dashboard.QueryVariable | dashboard.CustomVariable:
    if name == "level":
        levels = dashboard.CustomVariable("level").label("Level").values(",".join(LEVELS))
        return levels.multi(True).include_all(True).all_value(".+").current(_EVERYTHING)
    label, source, query = _VARIABLES[name]
    values = dashboard.QueryVariable(name).label(label).datasource(source).query(query)
    values.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    return values.multi(True).include_all(True).all_value(".+").current(_EVERYTHING)
