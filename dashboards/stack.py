"""The monitoring itself: whether it sees everything, and what it takes in."""

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries

from dashboards.frame import ENV, HOST, board, row
from dashboards.parts import NONE_IS_GOOD, graph, number, rows

STORES = "prometheus|alertmanager|blackbox|loki|tempo|mimir|grafana|alloy|node"


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(
        "stack", "Monitoring", "Prometheus, Alertmanager, Loki, Tempo, Mimir, Alloy.", ("env", "host")
    )
    for panel in _summary():
        made.with_panel(panel)
    made.with_row(row("What comes in"))
    for panel in _intake():
        made.with_panel(panel)
    made.with_row(row("What it takes"))
    for panel in _cost():
        made.with_panel(panel)
    return made


def _summary() -> list[stat.Panel | table.Panel | timeseries.Panel]:
    return [
        number(
            "Targets down",
            "Targets that Prometheus cannot scrape.",
            "short",
            f"count(up{{{HOST}}} == 0) or vector(0)",
            width=6,
            steps=NONE_IS_GOOD,
        ),
        number(
            "Probes failing",
            "Services that do not answer the Blackbox Exporter.",
            "short",
            f'count(probe_success{{job="probe",{HOST}}} == 0) or vector(0)',
            width=6,
            steps=NONE_IS_GOOD,
        ),
        number(
            "Rules failing",
            "Evaluations of rules that failed in the last 5 minutes.",
            "short",
            f'sum(increase(prometheus_rule_evaluation_failures_total{{job="prometheus",{ENV}}}[5m]))',
            width=6,
            steps=NONE_IS_GOOD,
        ),
        number(
            "Notifications failing",
            "Notifications that Alertmanager could not deliver in the last 5 minutes.",
            "short",
            f'sum(increase(alertmanager_notifications_failed_total{{job="alertmanager",{ENV}}}[5m]))',
            width=6,
            steps=NONE_IS_GOOD,
        ),
        rows(
            "Targets",
            "Every job of every host, and whether it answers (1) or not (0).",
            f"min by (job, instance) (up{{{HOST}}})",
            hidden=("Time",),
            first="Value",
        ),
        graph(
            "Scrapes",
            "Time of a scrape, the slowest of each job.",
            "s",
            (f"max by (job) (scrape_duration_seconds{{{HOST}}})", "{{job}}"),
            beside=True,
        ),
        graph(
            "Answers to probes",
            "Time that a probed service takes to answer.",
            "s",
            (f'probe_duration_seconds{{job="probe",service!="ping",{HOST}}}', "{{service}} on {{instance}}"),
            width=24,
            beside=True,
        ),
        graph(
            "Pings",
            "Round trip of a ping from a Blackbox Exporter to each host.",
            "s",
            (
                f'probe_icmp_duration_seconds{{job="probe",service="ping",phase="rtt",{HOST}}}',
                "{{instance}} from {{prober}}",
            ),
            width=24,
            beside=True,
        ),
    ]


def _intake() -> list[timeseries.Panel]:
    def rate(metric: str, job: str) -> str:
        return f'sum(rate({metric}{{job="{job}",{ENV}}}[$__rate_interval]))'

    return [
        graph(
            "Samples",
            "Samples that Prometheus takes in each second.",
            "short",
            (rate("prometheus_tsdb_head_samples_appended_total", "prometheus"), "samples"),
            width=8,
        ),
        graph(
            "Series",
            "Series that Prometheus has in memory.",
            "short",
            (f'prometheus_tsdb_head_series{{job="prometheus",{ENV}}}', "{{instance}}"),
            width=8,
        ),
        graph(
            "Spans",
            "Spans each second that Tempo has taken.",
            "short",
            (rate("tempo_distributor_spans_received_total", "tempo"), "spans"),
            width=8,
        ),
        graph(
            "Log lines",
            "Lines each second that Alloy has sent, those it had to drop, and those that Loki has taken.",
            "cps",
            (rate("loki_write_sent_entries_total", "alloy"), "sent"),
            (rate("loki_write_dropped_entries_total", "alloy"), "dropped"),
            (rate("loki_distributor_lines_received_total", "loki"), "taken"),
            width=24,
        ),
    ]


def _cost() -> list[timeseries.Panel]:
    select = f'job=~"{STORES}",{HOST}'
    return [
        graph(
            "Memory",
            "Resident memory of each service of the monitoring.",
            "bytes",
            (f"process_resident_memory_bytes{{{select}}}", "{{job}} on {{instance}}"),
            width=24,
            beside=True,
        ),
        graph(
            "Processor",
            "Processor time of each service of the monitoring, in processors.",
            "short",
            (f"rate(process_cpu_seconds_total{{{select}}}[$__rate_interval])", "{{job}} on {{instance}}"),
            width=24,
            beside=True,
        ),
    ]
