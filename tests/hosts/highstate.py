"""The highstate, and what it changed or would change."""

import time
from typing import Any

import catalogue
import remote

States = dict[str, dict[str, Any]]


def apply(*arguments: str) -> dict[str, States]:
    """Apply the highstate everywhere; return each host's results by state."""
    for host in catalogue.hosts():
        settle(host)
    answers = remote.salt("*", "state.apply", *arguments)
    assert sorted(answers) == sorted(catalogue.hosts())
    for host, states in answers.items():
        assert isinstance(states, dict), f"{host}: {states}"
        failed = {key: state["comment"] for key, state in states.items() if state["result"] is False}
        assert not failed, f"{host}: {failed}"
    return answers


def settle(host: str) -> None:
    """Wait for what the last run left to do after itself, as to restart the minion."""
    deadline = time.monotonic() + 120
    while remote.run(host, "systemctl", "list-units", "--plain", "--no-legend", "run-*.service"):
        assert time.monotonic() < deadline, f"{host}: what was started after the last run does not end"
        time.sleep(1)
    remote.salt(host, "test.ping")


def changes(answers: dict[str, States]) -> dict[str, set[str]]:
    """Return the ids that changed something, or would, by host; hosts with none left out."""
    found = {
        host: {state["__id__"] for state in states.values() if state["changes"] or state["result"] is None}
        for host, states in answers.items()
    }
    return {host: ids for host, ids in found.items() if ids}
