"""Every metric that a rule asks for is one that the fleet has: with a misspelt one it would never fire."""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

import catalogue
import pytest
import yaml
from prometheus import Prometheus

RULES = yaml.safe_load((catalogue.CHECKOUT / "salt/prometheus/defaults.yaml").read_text())["rules"]

# A metric, and what it is not: a string, a range, a list of labels, a function, a number.
_TOKEN = re.compile(
    r"""
      "(?:[^"\\]|\\.)*"
    | \[[^\]]*\]
    | \b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)
    | (?P<name>[a-zA-Z_:][\w:]*) (?P<call>\s*\()? (?P<matchers>\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?
    | \{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}
    | \d[\w.]*
    """,
    re.VERBOSE,
)
_JOB = re.compile(r'\bjob="([^"]+)"')
# Words that may stand without a parenthesis after them.
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_AGGREGATIONS = {
    *("sum", "min", "max", "avg", "count", "group", "stddev", "stdvar"),
    *("topk", "bottomk", "quantile", "count_values"),
}

# Metrics that a daemon has only after something happened, which need not have happened in a new fleet.
LATER = {
    # Faults: counters that begin with the first one.
    "alloy_component_evaluation_slow_seconds",
    "loki_discarded_samples_total",
    "tempo_backend_scheduler_jobs_failed_total",
    "tempo_discarded_spans_total",
    "tempo_distributor_metrics_generator_pushes_failures_total",
    "tempo_metrics_generator_active_processors_update_failed_total",
    "tempo_metrics_generator_registry_collections_failed_total",
    "tempodb_blocklist_poll_errors_total",
    "tempodb_blocklist_tenant_index_errors_total",
    # Tempo has them once it has stored a block, or compacted some.
    "tempo_backend_scheduler_jobs_created_total",
    "tempodb_blocklist_length",
    "tempodb_blocklist_tenant_index_age_seconds",
    "tempodb_blocklist_tenant_index_builder",
    "tempodb_compaction_outstanding_blocks",
    # Where AWS is: salt/aws_alarms reads CloudWatch only there.
    "aws_cloudwatch_alarm_active",
    "aws_cloudwatch_alarms_read_timestamp_seconds",
    # Where lines go to CloudWatch Logs, which dev does not have.
    "otelcol_exporter_enqueue_failed_log_records_total",
    "otelcol_exporter_send_failed_log_records_total",
    # A container may not ask the kernel for the clock.
    "node_timex_maxerror_seconds",
    "node_timex_sync_status",
    # Once somebody has looked for drift, and a host that was never converged before cannot be looked at.
    "salt_aws_drift_last_run_timestamp_seconds",
    "salt_aws_drift_resources",
    "salt_drift_last_run_timestamp_seconds",
    "salt_drift_states",
    # Grafana has them once somebody looked at a dashboard.
    "grafana_datasource_request_total",
    "grafana_plugin_request_total",
}
# Metrics that are there only where another service is: by the beginning of their names.
NEEDS = {
    "loki_write_": "loki",
    "otelcol_": "tempo",
    "service:traces_": "tempo",
    "traces_spanmetrics_": "tempo",
    # Who writes to Mimir; Tempo, which may write to Prometheus, has the same.
    "prometheus_remote_storage_": "mimir",
}


def metrics(expression: str) -> Iterator[tuple[str, str | None]]:
    """Yield the metrics of an expression, each with the job that it is selected by, if there is one."""
    for token in _TOKEN.finditer(expression):
        name = token["name"]
        if name and not token["call"] and name.lower() not in _WORDS | _AGGREGATIONS:
            job = _JOB.search(token["matchers"] or "")
            yield name, job[1] if job else None


def _missing(service: str | None) -> bool:
    """Return whether this fleet has no such service; what is no service of the catalogue is not missing."""
    fleet = catalogue.fleet()
    row = fleet["services"].get(service)
    return bool(row) and (
        service in fleet["unavailable"] or not catalogue.functions().hosts(row["role"], fleet)
    )


def _expected(name: str, job: str | None) -> bool:
    needed = next((service for prefix, service in NEEDS.items() if name.startswith(prefix)), None)
    return name not in LATER and not _missing(job) and not _missing(needed)


@pytest.mark.parametrize("file", RULES)
def test_every_metric_of_a_rule_exists(
    file: str, prometheus: Prometheus, real: Callable[[str], None], eventually: Callable[..., Any]
) -> None:
    """Mutant: ``loki_panic_total`` of salt/prometheus/files/rules/loki.yaml misspelt."""
    if file in catalogue.fleet()["services"]:
        real(file)
    loaded = prometheus.get("rules")["groups"]
    groups = [group for group in loaded if PurePath(group["file"]).name == f"{file}.yaml"]
    assert groups, f"Prometheus has not loaded {file}.yaml"
    found = {pair for group in groups for rule in group["rules"] for pair in metrics(rule["query"])}
    seldom = _recorded_seldom(loaded)
    expected = {(name, job) for name, job in found if name not in seldom and _expected(name, job)}
    eventually(lambda: _absent(expected, prometheus), lambda names: not names)


def _recorded_seldom(groups: list[dict[str, Any]]) -> set[str]:
    """Return what rules record that a new fleet has after some minutes only."""
    return {
        rule["name"]
        for group in groups
        for rule in group["rules"]
        if group["interval"] > 60 and rule["type"] == "recording"
    }


def _absent(expected: set[tuple[str, str | None]], prometheus: Prometheus) -> set[tuple[str, str | None]]:
    """Return those of the metrics that Prometheus does not have, of their job if they have one."""
    names = "|".join(sorted({name for name, _ in expected}))
    query = f'group by (__name__, job) ({{__name__=~"{names}"}})'
    series = [labels for labels, _ in prometheus.query(query)] if names else []
    there = {(labels["__name__"], labels.get("job")) for labels in series}
    there |= {(labels["__name__"], None) for labels in series}
    return expected - there


@pytest.mark.drift  # it disturbs nothing, but `./rehearse` would wait for it
def test_what_is_recorded_seldom_exists(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutant: the burn rate misspelt from which the rest of the error budget follows."""
    names = _recorded_seldom(prometheus.get("rules")["groups"])
    assert names
    expected = {(name, None) for name in names}
    eventually(lambda: _absent(expected, prometheus), lambda absent: not absent, seconds=300)
