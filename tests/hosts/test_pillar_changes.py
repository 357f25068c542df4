"""What pillar says of a daemon reaches it by itself; what the daemon would refuse never does."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import catalogue
import pytest
import remote
from store import Store

pytestmark = pytest.mark.drift

Pillar = dict[str, Any]
OTHER_PORT = 3999


@dataclass(frozen=True)
class Daemon:
    """What has to be known of a daemon to change it.

    Attributes:
        formula: its formula, whose name is the key of its pillar.
        state: the state that writes its configuration.
        file: that configuration.
        ready: a path that is answered when it works.
        broken: pillar that its schema takes and it does not.
        cause: what its checker says of that.
    """

    formula: str
    state: str
    file: str
    ready: str
    broken: Pillar
    cause: str


# By the daemon's row of the catalogue.
DAEMONS = {
    "prometheus": Daemon(
        "prometheus",
        "prometheus-config",
        "/etc/prometheus/prometheus.yml",
        "/-/ready",
        {"config": {"global": {"scrape_timeout": "1h"}}},
        "scrape timeout greater than scrape interval",
    ),
    "alertmanager": Daemon(
        "alertmanager",
        "alertmanager-config",
        "/etc/prometheus/alertmanager.yml",
        "/-/ready",
        {"routes": {"critical": {"mute_time_intervals": ["no-such-interval"]}}},
        "no-such-interval",
    ),
    "blackbox": Daemon(
        "blackbox_exporter",
        "blackbox-exporter-config",
        "/etc/prometheus/blackbox.yml",
        "/-/healthy",
        {"config": {"modules": {"another": {"prober": "icmp", "timeout": "soon"}}}},
        "soon",
    ),
    "node": Daemon(
        "node_exporter",
        "node-exporter-arguments",
        "/etc/default/prometheus-node-exporter",
        "/metrics",
        {"collectors": ["no_such_collector"]},
        "no_such_collector",
    ),
    "loki": Daemon(
        "loki",
        "loki-config",
        "/etc/loki/config.yml",
        "/ready",
        {"limits": {"max_query_length": "soon"}},
        "not a valid duration",
    ),
    "tempo": Daemon(
        "tempo",
        "tempo-config",
        "/etc/tempo/config.yml",
        "/ready",
        {"limits": {"no_such_limit": {"x": 1}}},
        "no_such_limit",
    ),
    "mimir": Daemon(
        "mimir",
        "mimir-config",
        "/etc/mimir/config.yml",
        "/ready",
        {"limits": {"no_such_limit": 1}},
        "no_such_limit",
    ),
    "grafana": Daemon(
        "grafana",
        "grafana-config",
        "/etc/grafana/grafana.ini",
        "/api/health",
        {"config": {"unified_alerting": {"admin_config_poll_interval": "soon"}}},
        "soon",
    ),
    "alloy": Daemon(
        "alloy", "alloy-config", "/etc/alloy/config.alloy", "/-/ready", {"noise": ["("]}, "missing closing )"
    ),
    "http": Daemon(
        "nginx",
        "nginx-config",
        "/etc/nginx/nginx.conf",
        "/health",
        {"proxies": ["10.0.0.0/99"]},
        "10.0.0.0/99",
    ),
}
# How long something is kept and how much of it is taken: pillar, and where the daemon says it in which words.
KEPT = {
    "loki": (
        {"limits": {"max_line_size": "5KB"}, "retention_period": "48h"},
        "/config",
        ["max_line_size: 5KB", "retention_period: 2d"],
    ),
    "tempo": (
        {"limits": {"global": {"max_bytes_per_trace": 5000}}, "retention_period": "48h"},
        "/status/config",
        ["max_bytes_per_trace: 5000", "block_retention: 48h0m0s"],
    ),
    "mimir": (
        {"limits": {"ingestion_rate": 40000}, "retention_period": "48h"},
        "/config",
        ["ingestion_rate: 40000", "compactor_blocks_retention_period: 2d"],
    ),
    "prometheus": (
        {"retention_time": "10d", "retention_size": "30GB"},
        "/api/v1/status/flags",
        ['"storage.tsdb.retention.time":"10d"', '"storage.tsdb.retention.size":"30GiB"'],
    ),
}


def marks(row: str) -> list[pytest.MarkDecorator]:
    """Return what a row's tests are marked with: those on the application's host belong to its part."""
    return [pytest.mark.application] if Store(row).host == catalogue.host_of("app") else []


@pytest.fixture(params=[pytest.param(row, marks=marks(row)) for row in DAEMONS])
def server(request: pytest.FixtureRequest, real: Callable[[str], None]) -> Iterator[Store]:
    """Each of them, as pillar has it again afterwards."""
    real(request.param)
    server = Store(request.param)
    yield server
    assert not failed(apply(server, {})), "it does not come back"
    assert server.ask(DAEMONS[server.service].ready)[0] == 200


def answer(server: Store, override: Pillar) -> Any:
    """Apply the formula with some of its pillar overridden; return what the minion says."""
    formula = DAEMONS[server.service].formula
    told = f"pillar={json.dumps({formula: override})}"
    return remote.salt(server.host, "state.apply", formula, told)[server.host]


def apply(server: Store, override: Pillar) -> dict[str, dict[str, Any]]:
    """Do so with pillar that its schema takes; return the results by state."""
    states = answer(server, override)
    assert isinstance(states, dict), states
    return {state["__id__"]: state for state in states.values()}


def failed(states: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return what those states say that failed."""
    return {name: json.dumps(state) for name, state in states.items() if state["result"] is False}


def seen(server: Store) -> tuple[str, str]:
    """Return what another configuration, a restart and a reload change."""
    unit = catalogue.unit(server.service, catalogue.fleet()["services"][server.service])
    since = ("--property=MainPID", "--property=StateChangeTimestampMonotonic", unit)
    return (
        remote.run(server.host, "sha256sum", DAEMONS[server.service].file),
        remote.run(server.host, "systemctl", "show", *since),
    )


@pytest.mark.parametrize("server", KEPT, indirect=True)
def test_limits_and_retention_come_from_pillar_alone(server: Store) -> None:
    """Mutants: the service not watching its configuration; a limit typed in the template."""
    override, path, said = KEPT[server.service]
    assert not failed(apply(server, override))
    status, told = server.ask(path)
    assert status == 200
    for words in said:
        assert words in told


def test_a_changed_port_comes_from_pillar_alone(server: Store, eventually: Callable[..., Any]) -> None:
    """Mutants: the port typed in the unit's readiness check, with which the start fails; in the template."""
    assert not failed(apply(server, {"port": OTHER_PORT}))
    assert server.ask(DAEMONS[server.service].ready, port=OTHER_PORT)[0] == 200
    listening = ("ss", "--no-header", "--listening", "--tcp", "--numeric", f"sport = :{server.port}")
    eventually(lambda: remote.run(server.host, *listening), lambda found: not found)


def test_a_broken_value_leaves_configuration_and_service_alone(server: Store) -> None:
    """And the error names the cause: that of the pillar's schema, or else of the daemon's own checker.

    Mutants: `pillar_schema` left out of the master's external pillars; `check_cmd` left out; the service
    reloaded or restarted first.
    """
    daemon = DAEMONS[server.service]
    before = seen(server)
    refused = answer(server, {"port": "soon"})
    assert isinstance(refused, list), refused
    assert f"{daemon.formula}:port: expected " in json.dumps(refused)
    assert seen(server) == before
    errors = failed(apply(server, daemon.broken))
    assert daemon.cause in errors[daemon.state]
    assert seen(server) == before
    assert server.ask(daemon.ready)[0] == 200
