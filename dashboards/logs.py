"""The logs: how many of which level, from where, and the lines themselves."""

from grafana_foundation_sdk.builders import dashboard, timeseries

from dashboards.frame import LOG, board, row
from dashboards.parts import log_graph, log_lines

BAD = 'env=~"$env",host=~"$host",job=~"$job",level=~"warning|error|critical"'
VISITS = 'job="http",env=~"$env",host=~"$host"'


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board("logs", "Logs", "Lines by level, host and source.", ("env", "host", "job", "level"))
    for panel in _counts():
        made.with_panel(panel)
    made.with_panel(
        log_lines("Warnings and errors", "What is selected above, from the level warning.", f"{{{BAD}}}")
    )
    made.with_panel(
        log_lines("All lines", "What is selected above. A trace id leads to its trace.", f"{{{LOG}}}")
    )
    made.with_row(row("Visitors, without personal data"))
    for panel in _visitors():
        made.with_panel(panel)
    return made


def _counts() -> list[timeseries.Panel]:
    return [
        log_graph(
            "Lines by level",
            "Lines that were written each second.",
            "cps",
            (f"sum by (level) (rate({{{LOG}}}[$__interval]))", "{{level}}"),
            beside=True,
        ),
        log_graph(
            "Warnings and errors by host",
            "Lines from the level warning, each second.",
            "cps",
            (f"sum by (host) (rate({{{BAD}}}[$__interval]))", "{{host}}"),
            beside=True,
        ),
        log_graph(
            "Lines by source",
            "Lines that were written each second, by the service of the catalogue.",
            "cps",
            (f"sum by (job) (rate({{{LOG}}}[$__interval]))", "{{job}}"),
            width=24,
            beside=True,
        ),
    ]


def _visitors() -> list[timeseries.Panel]:
    seconds = f"{{{VISITS}}} | json seconds | unwrap seconds"
    return [
        log_graph(
            "Pages",
            "The ten paths that are asked for most, each second, from nginx's log.",
            "reqps",
            (f"topk(10, sum by (path) (rate({{{VISITS}}} | json path [$__interval])))", "{{path}}"),
            width=24,
            beside=True,
        ),
        log_graph(
            "Answers",
            "Requests each second by the status of their answer.",
            "reqps",
            (f"sum by (status) (rate({{{VISITS}}} | json status [$__interval]))", "{{status}}"),
            beside=True,
        ),
        log_graph(
            "Time",
            "Within this time 99 % of the requests were answered, by nginx's clock.",
            "s",
            (f"quantile_over_time(0.99, {seconds} [$__interval]) by (host)", "{{host}}"),
            stacked=False,
        ),
    ]
