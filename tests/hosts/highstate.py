"""The highstate, and what it changed or would change."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import catalogue
import remote

States = dict[str, dict[str, Any]]
PUBLISHED = catalogue.fleet()["services"]["salt_publish"]["port"]


def apply(*arguments: str) -> dict[str, States]:
    """Apply the highstate everywhere; return each host's results by state."""
    settle(*catalogue.hosts())
    answers = remote.salt("*", "state.apply", *arguments)
    assert sorted(answers) == sorted(catalogue.hosts())
    for host, states in answers.items():
        assert isinstance(states, dict), f"{host}: {states}"
        failed = {key: state["comment"] for key, state in states.items() if state["result"] is False}
        assert not failed, f"{host}: {failed}"
    return answers


def settle(*hosts: str) -> None:
    """Wait for what the last run left to do after itself on hosts, as to restart the minion."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(_settle, hosts))
    remote.salt("-L", ",".join(hosts), "test.ping")


def _settle(host: str) -> None:
    units = "systemctl list-units --plain --no-legend 'run-*.service'"
    connected = f"ss --no-header --tcp state established dport = {PUBLISHED}"
    deadline = time.monotonic() + 120
    while remote.run(host, "sh", "-c", f'{units}; [ "$({connected})" ] || echo not connected'):
        assert time.monotonic() < deadline, f"{host}: what was started after the last run does not end"
        time.sleep(1)


def changes(answers: dict[str, States]) -> dict[str, set[str]]:
    """Return the ids that changed something, or would, by host; hosts with none left out."""
    found = {
        host: {state["__id__"] for state in states.values() if state["changes"] or state["result"] is None}
        for host, states in answers.items()
    }
    return {host: ids for host, ids in found.items() if ids}
