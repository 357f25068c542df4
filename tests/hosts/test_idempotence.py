"""The states say what they will do, do it, and then have nothing left to do."""

import random
from collections.abc import Callable

import pytest
import remote
from highstate import States, apply, changes

pytestmark = pytest.mark.drift

SEED = 3006  # of the drifts; a failure names what was drifted
DRIFTS = 10
# What carries the test itself; the journal and the application, which their sockets start again at once;
# Salt's logs, of which the mode is managed and the content is not.
CARRIERS = ("/etc/sudoers", "/etc/ssh/", "/var/log/salt/", "salt", "ssh", "systemd-journald", "app")


def _file_drifts(states: States) -> list[tuple[str, list[str]]]:
    """Return (state id, command) of what may happen to a managed file."""
    found = []
    for key, state in states.items():
        if not key.startswith("file_|-") or not key.endswith("_|-managed"):
            continue
        path = state["name"]
        if path.startswith(CARRIERS):
            continue
        found += [
            (state["__id__"], ["chmod", "0777", path]),
            (state["__id__"], ["chown", "daemon:daemon", path]),
            (state["__id__"], ["rm", path]),
            (state["__id__"], ["sh", "-c", 'echo "# drift" >> "$0"', path]),
        ]
    return found


def _service_drifts(states: States) -> list[tuple[str, list[str]]]:
    """Return (state id, command) of what may happen to a running service."""
    return [
        (state["__id__"], ["systemctl", verb, state["name"]])
        for key, state in states.items()
        if key.startswith("service_|-") and key.endswith("_|-running")
        for verb in ("stop", "disable")
        if not state["name"].startswith(CARRIERS)
    ]


def _drift(host: str, states: States, choice: random.Random) -> tuple[str, list[str]]:
    kinds: list[Callable[[States], list[tuple[str, list[str]]]]] = [_file_drifts, _service_drifts]
    drifts = choice.choice(kinds)(states) or _file_drifts(states)
    return choice.choice(sorted(drifts))


def test_second_highstate_changes_nothing() -> None:
    """Mutant: a `cmd.run` without `unless`, or a template that prints the time."""
    assert changes(apply()) == {}


def test_prediction_is_what_happens_after_drifts() -> None:
    """Mutant: a state whose `test=True` stays silent; a drift that no state looks after."""
    before = apply("test=True")
    choice = random.Random(SEED)
    drifted: dict[str, set[str]] = {}
    done = []
    try:
        for number in range(DRIFTS):
            host = sorted(before)[number % len(before)]
            state, command = _drift(host, before[host], choice)
            remote.run(host, *command)
            drifted.setdefault(host, set()).add(state)
            done.append(f"{host}: {' '.join(command)}")
        predicted = changes(apply("test=True"))
    finally:
        applied = changes(apply())
    assert predicted == applied, done
    assert all(ids <= applied.get(host, set()) for host, ids in drifted.items()), done
    assert changes(apply()) == {}, done
