"""The application: what visitors ask for, what they get, how long it takes, and its tasks."""

from grafana_foundation_sdk.builders import dashboard, stat, timeseries

from dashboards.frame import ENV, HOST, board, row
from dashboards.parts import HEIGHT, graph, number

APP = f'job="app",{HOST}'
LOGS = ("Its lines", "/d/logs?var-job=app&${env:queryparam}&${host:queryparam}")


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board("application", "Application", "Requests, errors, latency and tasks.", ("env", "host"))
    for panel in (*summary(), by_status(), latency(), *_routes()):
        made.with_panel(panel)
    made.with_row(row("Error budget"))
    for budget in _error_budget():
        made.with_panel(budget)
    made.with_row(row("Tasks"))
    for panel in _tasks():
        made.with_panel(panel)
    made.with_row(row("Processes"))
    for panel in _processes():
        made.with_panel(panel)
    return made


def summary(width: int = 6) -> list[stat.Panel]:
    """Return the four numbers, each so many columns wide."""
    return [
        number(
            "Requests",
            "Requests that the application answers each second.",
            "reqps",
            f"sum(rate(http_requests_total{{{APP}}}[$__rate_interval]))",
            width=width,
        ),
        number(
            "Errors",
            "Share of the last 2 minutes' requests that were answered 5xx; above 5 % HighErrorRate fires.",
            "percent",
            f'max(http_error_rate_percent{{job="app",{ENV}}})',
            width=width,
            steps=((None, "green"), (1, "yellow"), (5, "red")),
            link=LOGS,
        ),
        number(
            "Response time",
            "Average over the last 2 minutes; above 1000 ms HighLatency fires.",
            "ms",
            f'max(http_request_duration_ms{{job="app",{ENV}}})',
            width=width,
            steps=((None, "green"), (500, "yellow"), (1000, "red")),
        ),
        number("Tasks", "Tasks in the database.", "short", f"max(tasks_total{{{APP}}})", width=width),
    ]


def by_status() -> timeseries.Panel:
    """Return the requests by the status of their answer."""
    return graph(
        "Requests by status",
        "Requests each second by the status of their answer.",
        "reqps",
        (f"sum by (status) (rate(http_requests_total{{{APP}}}[$__rate_interval]))", "{{status}}"),
        link=LOGS,
        beside=True,
    )


def latency() -> timeseries.Panel:
    """Return quantiles of the response time, with exemplars."""
    buckets = f"sum by (le) (rate(http_request_duration_seconds_bucket{{{APP}}}[$__rate_interval]))"
    return graph(
        "Latency",
        "Within this time half, 95 % and 99 % of the requests were answered. A point leads to a trace.",
        "s",
        *[(f"histogram_quantile({share}, {buckets})", f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)],
        steps=((None, "green"), (1, "red")),
        exemplars=True,
    )


def _routes() -> list[timeseries.Panel]:
    def rate(part: str) -> str:
        return f"sum by (route) (rate(http_request_duration_seconds_{part}{{{APP}}}[$__rate_interval]))"

    return [
        graph(
            "Requests by route",
            "The ten routes that are asked for most, each second.",
            "reqps",
            (
                f"topk(10, sum by (method, route) (rate(http_requests_total{{{APP}}}[$__rate_interval])))",
                "{{method}} {{route}}",
            ),
            width=24,
            beside=True,
        ),
        graph(
            "Latency by route",
            "Average time of a request, of the ten slowest routes.",
            "s",
            (f"topk(10, {rate('sum')} / ({rate('count')} > 0))", "{{route}}"),
            width=24,
            beside=True,
        ),
    ]


def _error_budget() -> list[stat.Panel | timeseries.Panel]:
    windows = ("5m", "30m", "1h", "6h", "1d", "3d")
    return [
        number(
            "Error budget",
            "Share that is left of the errors which the objective allows in 14 days; below 0 it is missed.",
            "percentunit",
            f"min(app:error_budget_remaining:ratio14d{{{ENV}}})",
            width=6,
            height=HEIGHT,
            steps=((None, "red"), (0, "yellow"), (0.5, "green")),
            link=LOGS,
        ),
        graph(
            "Burn rate",
            "How many times as many requests fail as the objective allows, over windows of different lengths;"
            " AppErrorBudgetBurnFast and -Slow say which is too fast.",
            "short",
            *[(f"max(app:error_budget_burn:rate{window}{{{ENV}}})", window) for window in windows],
            width=18,
            steps=((None, "green"), (1, "yellow"), (14.4, "red")),
            beside=True,
        ),
    ]


def _tasks() -> list[timeseries.Panel]:
    events = ("created", "completed", "deleted")
    return [
        graph(
            "What happens to tasks",
            "Tasks created, completed and deleted a minute.",
            "short",
            *[(f"60 * sum(rate(tasks_{event}_total{{{APP}}}[$__rate_interval]))", event) for event in events],
        ),
        graph("Tasks", "Tasks in the database.", "short", (f"max(tasks_total{{{APP}}})", "tasks")),
    ]


def _processes() -> list[timeseries.Panel]:
    return [
        graph(
            "Processor",
            "Processor time of all workers, in processors.",
            "short",
            (f"rate(process_cpu_seconds_total{{{APP}}}[$__rate_interval])", "{{instance}}"),
            width=8,
        ),
        graph(
            "Memory",
            "Resident memory of all workers.",
            "bytes",
            (f"process_resident_memory_bytes{{{APP}}}", "{{instance}}"),
            width=8,
        ),
        graph(
            "Connections of nginx",
            "Connections that visitors hold.",
            "short",
            (f'nginx_connections_active{{job="nginx",{HOST}}}', "{{instance}}"),
            width=8,
        ),
    ]
