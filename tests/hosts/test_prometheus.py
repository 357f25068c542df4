"""Prometheus: what it scrapes, for how long it keeps it, and that a restart loses nothing."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import catalogue
import pytest
import remote
from prometheus import Prometheus

# One family of each collector that dashboards and alerts need.
NODE_FAMILIES = (
    "node_cpu_seconds_total",
    "node_memory_MemAvailable_bytes",
    "node_disk_io_time_seconds_total",
    "node_filesystem_avail_bytes",
    "node_load1",
    "node_network_receive_bytes_total",
    "node_systemd_unit_state",
    "node_processes_threads",
    "node_textfile_scrape_error",
    "node_time_seconds",
)


def _expected() -> set[tuple[str, str]]:
    """Return the (job, instance) that the catalogue and the map make, without asking fleet.scrape_configs."""
    fleet, found = catalogue.fleet(), set()
    for name, row in fleet["services"].items():
        if "metrics" in row and name not in fleet["unavailable"]:
            hosts = catalogue.functions().hosts(row["role"], fleet)
            found |= {(name, host) for host in hosts}
    return found


def _targets(prometheus: Prometheus) -> dict[tuple[str, str], float]:
    return {
        (labels["job"], labels["instance"]): value for labels, value in prometheus.query('up{job!="probe"}')
    }


def test_every_target_is_up_and_there_is_no_other(
    prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """Mutant: an exporter stopped; a row's `metrics` removed from the rendered configuration only."""
    expected = dict.fromkeys(_expected(), 1.0)
    eventually(lambda: _targets(prometheus), lambda found: found == expected)


def test_labels_are_those_of_the_contract(prometheus: Prometheus) -> None:
    """Mutant: `instance` left to Prometheus, which takes the address."""
    env = catalogue.fleet()["env"]
    for labels, _ in prometheus.query("up"):
        assert labels["instance"] in catalogue.hosts()
        assert labels["env"] == env
        assert labels["role"] in catalogue.fleet()["roles"]
        assert not labels["instance"].count(":")


def test_probes_succeed(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutant: nginx stopped."""
    fleet = catalogue.fleet()
    expected = {
        (name, host): 1.0
        for name, row in fleet["services"].items()
        if "probe" in row and name not in fleet["unavailable"]
        for host in catalogue.functions().hosts(row["role"], fleet)
    } | {("dns", host): 1.0 for host in catalogue.functions().hosts("blackbox_exporter", fleet)}

    def probes() -> dict[tuple[str, str], float]:
        found = prometheus.query("probe_success")
        return {(labels["service"], labels["instance"]): value for labels, value in found}

    eventually(probes, lambda found: found == expected)


def test_node_exporter_tells_of_every_host(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutant: a collector switched off."""
    expected = set(itertools.product(NODE_FAMILIES, catalogue.hosts()))
    query = f'group by (__name__, instance) ({{job="node", __name__=~"{"|".join(NODE_FAMILIES)}"}})'

    def told() -> set[tuple[str, str]]:
        return {(labels["__name__"], labels["instance"]) for labels, _ in prometheus.query(query)}

    eventually(told, lambda found: found == expected)


def test_data_volumes_are_seen(prometheus: Prometheus) -> None:
    """Mutant: the file system collector made to skip /srv."""
    found = prometheus.query('node_filesystem_size_bytes{mountpoint="/srv/data",fstype="ext4"}')
    assert catalogue.host_of("prometheus") in {labels["instance"] for labels, _ in found}


def test_textfiles_are_read(prometheus: Prometheus) -> None:
    """Mutant: a broken file in the directory."""
    assert prometheus.query("node_textfile_scrape_error != 0") == []


def test_scrapes_every_15_seconds_and_keeps_15_days(prometheus: Prometheus) -> None:
    """Mutant: a retention flag, or the interval, changed in pillar's defaults."""
    flags = prometheus.get("status/flags")
    assert flags["storage.tsdb.retention.time"] == "15d"
    targets = prometheus.get("targets", state="active")["activeTargets"]
    assert {target["scrapeInterval"] for target in targets if target["labels"]["job"] != "probe"} == {"15s"}
    # By size it must not drop what by time it would keep, as long as the volume is big enough.
    assert flags["storage.tsdb.retention.size"] != "0B"


def test_rules_are_loaded_and_evaluate(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutant: a rule file not listed, or an expression that fails."""
    rules = eventually(
        lambda: [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]],
        lambda found: found and all(rule["health"] == "ok" for rule in found),
    )
    assert {"HighErrorRate", "HighLatency", "ServiceDown", "Watchdog"} <= {rule["name"] for rule in rules}


def test_alerts_reach_alertmanager(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutant: `alerting` left out of prometheus.yml."""
    fleet = catalogue.fleet()
    url = f"http://{catalogue.host_of('alertmanager')}.{fleet['zone']}:{fleet['services']['alertmanager']['port']}"
    program = f"import urllib.request as u; print(u.urlopen({url + '/api/v2/alerts'!r}).read().decode())"
    eventually(lambda: '"Watchdog"' in remote.run(prometheus.host, "python3", "-c", program))


@pytest.mark.drift
def test_restart_loses_no_sample(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutant: the data directory on a file system that goes with the process."""
    moment = f"{time.time() - 20:.3f}"
    query = f"sum by (job) (count_over_time(up[10m] @ {moment}))"
    before = prometheus.query(query)
    assert before
    remote.run(prometheus.host, "systemctl", "restart", "prometheus.service")
    ready = f"import urllib.request as u; u.urlopen({prometheus.url + '/-/ready'!r})"

    def is_ready() -> bool:
        return remote.run(prometheus.host, "python3", "-c", f"{ready}; print(1)", check=False) != ""

    eventually(is_ready)
    assert prometheus.query(query) == before
