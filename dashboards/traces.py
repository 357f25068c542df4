"""The traces: the newest ones, those with an error, and who calls whom."""

from grafana_foundation_sdk.builders import dashboard, nodegraph, table, tempo
from grafana_foundation_sdk.models.tempo import SearchTableType

from dashboards.frame import TEMPO, board
from dashboards.parts import WIDTH


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board("traces", "Traces", "Requests through all services that take part in them.")
    made.with_panel(
        nodegraph.Panel()
        .title("Who calls whom")
        .description("Services and the requests between them, from the metrics that Tempo makes of traces.")
        .datasource(TEMPO)
        .span(WIDTH)
        .height(10)
        .with_target(tempo.TempoQuery().ref_id("A").query_type("serviceMap"))
    )
    made.with_panel(_found("Newest traces", "Those that came in last.", "{}"))
    made.with_panel(_found("With an error", "Traces with a span that failed.", "{status=error}"))
    made.with_panel(_found("Slow", "Traces with a span that took longer than 1 second.", "{duration>1s}"))
    return made


def _found(title: str, description: str, query: str) -> table.Panel:
    search = tempo.TempoQuery().ref_id("A").query_type("traceql").query(query).limit(20)
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(TEMPO)
        .span(WIDTH)
        .height(8)
        .with_target(search.table_type(SearchTableType.TRACES))
    )
