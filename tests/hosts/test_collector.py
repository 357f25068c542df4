"""Snapshots of each host: written, served, scraped, true, and seen by nobody outside."""

import json
from collections.abc import Callable
from typing import Any

import catalogue
import pytest
import remote
from prometheus import Prometheus
from website import Website

ROW = catalogue.fleet()["services"]["collector"]
FILE = ROW["logs"]["file"]
URL = f"http://localhost:{ROW['port']}"
CATALOGUE = "/srv/saltwatch/pillar/base/fleet/services.yaml"


def _health(host: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of a host's /health."""
    told = remote.run(host, "curl", "--silent", "--write-out", r"\n%{http_code}", f"{URL}/health")
    body, _, status = told.rpartition("\n")
    return int(status), json.loads(body)


def _series(host: str) -> dict[str, float]:
    told = remote.run(host, "curl", "--silent", f"{URL}/metrics").splitlines()
    pairs = (line.rpartition(" ") for line in told if not line.startswith("#"))
    return {series: float(value) for series, _, value in pairs}


def test_prometheus_has_every_host_s_snapshot(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """Mutant: the row's `metrics` left out of the catalogue."""
    expected = dict.fromkeys(catalogue.hosts(), 1.0)

    def up(metric: str) -> dict[str, float]:
        return {
            labels["instance"]: value for labels, value in prometheus.query(f'{metric}{{job="collector"}}')
        }

    for metric in ("up", "collector_up", "host_latency_up"):
        eventually(lambda metric=metric: up(metric), lambda found: found == expected)


def test_values_are_those_of_the_kernel(minion_id: str) -> None:
    """Mutants: memory in kilobytes; received for sent; the size of a file system for what is free of it."""
    program = """
import json, os
memory = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in open("/proc/meminfo")}
devices = [line.replace(":", " ").split() for line in open("/proc/net/dev").readlines()[2:]]
others = [device for device in devices if device[0] != "lo"]
root = os.statvfs("/")
print(json.dumps({
    "size": memory["MemTotal"], "available": memory["MemAvailable"],
    "received": sum(int(device[1]) for device in others), "sent": sum(int(device[9]) for device in others),
    "root": root.f_frsize * root.f_blocks, "free": root.f_frsize * root.f_bavail}))
"""
    told, kernel = _series(minion_id), remote.python(minion_id, program)
    assert told["host_memory_size_bytes"] == pytest.approx(kernel["size"])
    assert told["host_memory_available_bytes"] == pytest.approx(kernel["available"], rel=0.3)
    assert told['host_filesystem_size_bytes{mountpoint="/"}'] == pytest.approx(kernel["root"])
    assert told['host_filesystem_available_bytes{mountpoint="/"}'] == pytest.approx(kernel["free"], rel=0.1)
    assert 0 < told["host_network_received_bytes_total"] <= kernel["received"]
    assert 0 < told["host_network_sent_bytes_total"] <= kernel["sent"]
    assert 0 <= told["host_cpu_ratio"] <= 1


def test_health_is_the_last_line_of_the_file(minion_id: str, eventually: Callable[..., Any]) -> None:
    """Mutant: measured anew for each question."""

    def same() -> bool:
        line = json.loads(remote.run(minion_id, "tail", "-n", "1", FILE))
        status, health = _health(minion_id)
        return status == 200 and health["snapshot"] == line  # unless one was written in between

    eventually(same)


def test_lines_have_the_agreed_shape_and_are_for_members_of_adm(minion_id: str) -> None:
    """Mutants: `ts` not first; a file that everybody may read."""
    line = json.loads(remote.run(minion_id, "tail", "-n", "1", FILE))
    assert list(line)[:10] == [
        *("ts", "level", "logger", "message", "service", "env", "host", "request_id", "trace_id", "span_id")
    ]
    assert (line["service"], line["env"], line["host"]) == ("collector", catalogue.fleet()["env"], minion_id)
    assert remote.run(minion_id, "stat", "--format=%U:%G %a", FILE).strip() == "collector:adm 640"


@pytest.mark.drift
def test_a_torn_or_lost_file_is_survived(eventually: Callable[..., Any]) -> None:
    """Mutants: the last line taken as it comes; a file that is gone written to for ever."""
    host = catalogue.host_of("app")
    before = _health(host)[1]["snapshot"]["ts"]
    remote.run(host, "sh", "-c", f'printf \'{{"ts": "2026-\' >> {FILE}')
    status, health = _health(host)
    assert (status, health["snapshot"]["ts"] >= before) == (200, True)
    remote.run(host, "rm", "--force", FILE, f"{FILE}.1")
    eventually(lambda: _health(host)[0], lambda status: status == 200)
    assert remote.run(host, "sh", "-c", f"wc -l < {FILE}").strip() != "0"


@pytest.mark.drift
def test_without_new_snapshots_it_says_so(prometheus: Prometheus, eventually: Callable[..., Any]) -> None:
    """The one that writes is the one that answers: what it wrote is made old.

    Mutants: the age not looked at; values served that are old.
    """
    host = catalogue.host_of("database")
    old = "import json, sys; line = json.loads(open(sys.argv[1]).readlines()[-1])"
    old += "; line['ts'] = '2026-01-01T00:00:00Z'; print(json.dumps(line))"
    remote.run(host, "systemctl", "stop", "collector.service")
    content = remote.run(host, "python3", "-c", old, FILE)
    remote.run(host, "systemctl", "start", "collector.service")
    # At once: until the next snapshot the last line is an old one.
    command = f"cat >> {FILE}; curl --silent {URL}/health; echo; curl --silent {URL}/metrics"
    health, _, metrics = remote.run(host, "sh", "-c", command, stdin=content).partition("\n")
    assert json.loads(health)["status"] == "stale"
    assert "collector_up 0.0" in metrics.splitlines()
    assert "host_load1" not in metrics
    eventually(lambda: _health(host)[0], lambda status: status == 200)
    eventually(lambda: prometheus.value(f'collector_up{{instance="{host}"}}'), lambda value: value == 1)


@pytest.mark.parametrize("path", ["/collector", "/collector/metrics", "/collector/health", "//collector/"])
def test_nginx_does_not_serve_it(website: Website, path: str) -> None:
    """Mutant: /collector taken out of what nginx hides, with a `location` for it."""
    answer = website.ask("GET", path)
    assert answer.status == 404
    assert b"host_" not in answer.body


@pytest.mark.drift
def test_one_key_sets_the_interval_of_snapshots_and_scrapes(
    prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """Mutants: `interval` not used in `fleet.scrape_configs`, or not in the collector's arguments."""
    host = catalogue.host_of("grafana")

    def intervals() -> tuple[set[str], bool]:
        targets = prometheus.get("targets", state="active")["activeTargets"]
        scraped = {target["scrapeInterval"] for target in targets if target["labels"]["job"] == "collector"}
        return scraped, "--interval=5 " in remote.run(host, "pgrep", "-af", "lib/saltwatch/collector")

    def apply() -> None:
        for target, formula in ((host, "collector"), (prometheus.host, "prometheus")):
            results = remote.salt(target, "state.apply", formula)[target]
            assert all(result["result"] for result in results.values()), results

    assert ROW["interval"] == 15
    change = "s/^  interval: 15$/  interval: 5/"
    try:
        remote.run("salt-1", "sed", "--in-place", change, CATALOGUE)
        apply()
        eventually(intervals, lambda found: found == ({"5s"}, True))
    finally:
        remote.run("salt-1", "sed", "--in-place", "s/^  interval: 5$/  interval: 15/", CATALOGUE)
        apply()
    eventually(intervals, lambda found: found == ({"15s"}, False))
