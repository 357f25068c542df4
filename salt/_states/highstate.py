"""The last state of a highstate: what became of the others, as metrics."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__virtualname__ = "highstate"

Result = dict[str, Any]


def recorded(name: str) -> Result:
    """Write what became of the states that this run has had so far; never a change.

    A real run is written as ``salt_highstate_*``; one with ``test=True`` as ``salt_drift_*``: what it would
    change is what has drifted. However the highstate was started, this runs with it.

    Args:
        name: the directory that the Node Exporter's textfile collector reads.
    """
    if __opts__["test"] and not Path(name).is_dir():
        comment = f"{name} is not there yet: nothing is written of a host that was never converged"
        return {"name": name, "result": True, "changes": {}, "comment": comment}
    runs = list(__running__.values())
    failed = sum(run["result"] is False for run in runs)
    if __opts__["test"]:
        written = [_write_drift(name, failed + sum(_would_change(run) for run in runs))]
    else:
        written = [_write_run(name, runs, failed)]
        if not failed:
            written.append(_write_success(name))
    return {"name": name, "result": True, "changes": {}, "comment": f"Written: {', '.join(written)}"}


def _would_change(run: Mapping[str, Any]) -> bool:
    return run["result"] is None or bool(run["result"] and run["changes"])


def _write_drift(directory: str, drifted: int) -> str:
    metrics = {
        "salt_drift_states": (
            "States that a highstate would change, or that could not tell.",
            [({}, drifted)],
        ),
        "salt_drift_last_run_timestamp_seconds": ("When the host was last looked at.", [({}, time.time())]),
    }
    return str(__salt__["textfile.write"]("salt_drift", metrics, directory))


def _write_run(directory: str, runs: list[Mapping[str, Any]], failed: int) -> str:
    changed = sum(bool(run["result"] and run["changes"]) for run in runs)
    counts = {"ok": len(runs) - changed - failed, "changed": changed, "failed": failed}
    seconds = sum(run.get("duration", 0) for run in runs) / 1000
    metrics = {
        "salt_highstate_states": (
            "States of the last highstate by result.",
            [({"result": result}, count) for result, count in counts.items()],
        ),
        "salt_highstate_duration_seconds": (
            "What the states of the last highstate took, one after the other.",
            [({}, seconds)],
        ),
        "salt_highstate_last_run_timestamp_seconds": ("When the last highstate ended.", [({}, time.time())]),
    }
    return str(__salt__["textfile.write"]("salt_highstate", metrics, directory))


def _write_success(directory: str) -> str:
    """Write a file of its own: it outlives the runs that fail."""
    name = "salt_highstate_last_success_timestamp_seconds"
    metrics = {name: ("When the last highstate ended in which no state failed.", [({}, time.time())])}
    return str(__salt__["textfile.write"]("salt_highstate_success", metrics, directory))
