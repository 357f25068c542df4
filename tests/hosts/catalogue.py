"""The fleet as the checkout's pillar describes it: what the hosts are compared with."""

import functools
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import salt.config
import salt.pillar

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIG = CHECKOUT / "operator" / "minion"
# Where a service's process comes from, if its unit is not the one whose journal is its log.
UNITS = {
    "salt_publish": "salt-master.service",
    "salt_request": "salt-master.service",
    "ssh_admin": "ssh.service",
    "alertmanager_cluster": "prometheus-alertmanager.service",
    "alertmanager_gossip": "prometheus-alertmanager.service",
    "http": "nginx.service",
    "https": "nginx.service",
    "nginx": "prometheus-nginx-exporter.service",
    "app": "app.service",
    "collector": "collector.service",
    "loki_grpc": "loki.service",
    "loki_memberlist": "loki.service",
    "mimir_grpc": "mimir.service",
    "mimir_memberlist": "mimir.service",
    "tempo_otlp": "tempo.service",
}
# Services that answer nobody whom they do not know.
SILENT = {"wireguard"}


@functools.cache
def functions() -> ModuleType:
    """Return ``salt/_modules/fleet.py``, whose functions take the fleet explicitly."""
    spec = importlib.util.spec_from_file_location("fleet", CHECKOUT / "salt/_modules/fleet.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def fleet() -> dict[str, Any]:
    """Return the pillar key ``fleet``, compiled as the operator's machine does, masking left out."""
    opts = salt.config.minion_config(str(CONFIG))
    for key in ("file_roots", "pillar_roots"):
        opts[key] = {"base": [str(CHECKOUT / path) for path in opts[key]["base"]]}
    opts["module_dirs"] = [str(CHECKOUT / "salt")]
    opts["ext_pillar"] = [
        {"fleet_map": [str(CHECKOUT / path) for path in opts["ext_pillar"][0]["fleet_map"]]}
    ]
    pillar = salt.pillar.Pillar(opts, {"id": "salt-1"}, "salt-1", "base").compile_pillar()
    assert "_errors" not in pillar, pillar["_errors"]
    result: dict[str, Any] = pillar["fleet"]
    return result


def hosts() -> list[str]:
    """Return the minion ids of the map."""
    return list(functions().hosts(None, fleet()))


def host_of(role: str) -> str:
    """Return the first host of a role."""
    found: str = functions().hosts(role, fleet())[0]
    return found


def services(host: str) -> dict[str, dict[str, Any]]:
    """Return the catalogue's rows that listen on a host."""
    rows: dict[str, dict[str, Any]] = functions().services(host, fleet())
    return rows


def daemons(host: str) -> dict[str, dict[str, Any]]:
    """Return the rows that a process of a host answers, and not its kernel."""
    return {name: row for name, row in services(host).items() if row.get("protocol") != "icmp"}


def unit(name: str, row: dict[str, Any]) -> str:
    """Return the systemd unit of a service."""
    found: str = UNITS.get(name) or row["logs"]["unit"]
    return found


def sockets() -> list[tuple[int, str]]:
    """Return every (port, protocol) of the catalogue, those of unavailable services too; of icmp the type."""
    rows = fleet()["services"].values()
    return sorted({(row["port"], row.get("protocol", "tcp")) for row in rows})
