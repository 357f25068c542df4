"""Drifts of hosts: what may happen to what states look after, chosen by a seed."""

import random
from collections.abc import Callable
from typing import Any

Drift = tuple[str, list[str]]  # state id and command
States = list[dict[str, Any]]  # as state.show_lowstate has them

# What carries the tests themselves; the journal and the application, which their sockets start again at once;
# Salt's logs, of which the mode is managed and the content is not.
CARRIERS = ("/etc/sudoers", "/etc/ssh/", "/var/log/salt/", "salt", "ssh", "systemd-journald", "app")


def drifts(states: dict[str, States], count: int, seed: int) -> list[tuple[str, str, list[str]]]:
    """Return drifts, each of another state, taking turns among hosts.

    Args:
        states: each host's.
        count: how many.
        seed: of the choice.

    Returns:
        Host, state id and the command that makes the drift there.
    """
    choice = random.Random(seed)
    chosen: list[tuple[str, str, list[str]]] = []
    for number in range(count):
        host = sorted(states)[number % len(states)]
        taken = {state for other, state, _ in chosen if other == host}
        chosen.append((host, *_one(states[host], taken, choice)))
    return chosen


def _one(states: States, taken: set[str], choice: random.Random) -> Drift:
    kinds: list[Callable[[States], list[Drift]]] = [_of_files, _of_services]
    found = [each for each in choice.choice(kinds)(states) if each[0] not in taken]
    found = found or [each for each in _of_files(states) if each[0] not in taken]
    return choice.choice(sorted(found))


def _of_files(states: States) -> list[Drift]:
    found = []
    for state in states:
        path = state["name"]
        if (state["state"], state["fun"]) != ("file", "managed") or path.startswith(CARRIERS):
            continue
        found += [
            (state["__id__"], ["chmod", "0777", path]),
            (state["__id__"], ["chown", "daemon:daemon", path]),
            (state["__id__"], ["rm", path]),
            (state["__id__"], ["sh", "-c", 'echo "# drift" >> "$0"', path]),
        ]
    return found


def _of_services(states: States) -> list[Drift]:
    # One that only reloads comes after the state that starts the same service, and that has mended it then.
    first = {
        state["name"]: state["__id__"]
        for state in states
        if (state["state"], state["fun"]) == ("service", "running") and "reload" not in state
    }
    return [
        (state, ["systemctl", verb, name])
        for name, state in first.items()
        if not name.startswith(CARRIERS)
        for verb in ("stop", "disable")
    ]
