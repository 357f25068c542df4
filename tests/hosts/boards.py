"""The dashboards that the fleet has, and which of their panels have something to show."""

import json
from typing import Any

import catalogue
import pytest

_FILES = sorted((catalogue.CHECKOUT / "salt/grafana/files/dashboards").rglob("*.json"))
UIDS = [path.stem for path in _FILES]
# What need not be there while all is well.
EMPTY_WHEN_WELL = {
    *(("traces", title) for title in ("With an error", "Slow")),
    ("logs", "Warnings and errors"),
    # What is there after a look for drift, which in dev nobody takes by himself.
    *(("salt", title) for title in ("Drift of hosts", "Drift of AWS", "Oldest look", "Drifted states")),
    ("salt", "What drifted in AWS"),
}
# Panels of the dashboards that have some of another source than that of their dashboard.
ALSO = {"Log lines": ("alloy", "loki"), "Spans": ("tempo",)}


def available(service: str) -> bool:
    """Return whether the fleet has a service of the catalogue."""
    return bool(catalogue.functions().endpoints(service, catalogue.fleet()))


def found() -> dict[str, dict[str, Any]]:
    """Return the dashboards that this fleet has the sources of, by uid."""
    without = {uid for uid, service in {"logs": "loki", "traces": "tempo"}.items() if not available(service)}
    return {path.stem: json.loads(path.read_text()) for path in _FILES if path.stem not in without}


def panels(uid: str) -> list[dict[str, Any]]:
    """Return the panels of a dashboard; where the fleet has not its source, skip the test."""
    if uid not in found():
        pytest.skip(f"{uid}: the packages of its data source are not to be had here (./rehearse --mirror)")
    return [panel for panel in found()[uid]["panels"] if panel["type"] != "row"]


def has_something(uid: str, panel: dict[str, Any]) -> bool:
    """Return whether a panel has to show something in a fleet that is well."""
    services = (panel["datasource"]["uid"], *ALSO.get(panel["title"], ()))
    return all(available(service) for service in services) and (uid, panel["title"]) not in EMPTY_WHEN_WELL
