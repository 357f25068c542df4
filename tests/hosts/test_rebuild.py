"""A host is replaced: what is on its volume stays, and the states build the new one as they said."""

import time
from collections.abc import Callable
from typing import Any

import catalogue
import pytest
import remote
import saltcloud
from highstate import apply, changes
from prometheus import Prometheus

pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.fixture(scope="module")
def rebuilt(prometheus: Prometheus) -> dict[str, Any]:
    """Prometheus's host destroyed and launched again by salt-cloud; what was known before."""
    host = prometheus.host
    moment = f"{time.time() - 20:.3f}"
    query = f"sum by (job) (count_over_time(up[10m] @ {moment}))"
    before = {
        "query": query,
        "samples": prometheus.query(query),
        "instance": saltcloud.instances()[host],
    }
    assert saltcloud.run("-d", host)[0] == 0
    assert saltcloud.run("-m", "cloud.map", "-P")[0] == 0
    saltcloud.write_ssh_files()
    for key, arguments in {"predicted": ["test=True"], "applied": []}.items():
        states = remote.salt(host, "state.apply", *arguments)[host]
        ids = changes({host: states})[host]
        before[key] = {state["__id__"]: state["name"] for state in states.values() if state["__id__"] in ids}
    return before


def test_it_is_another_machine(rebuilt: dict[str, Any], prometheus: Prometheus) -> None:
    """Mutant: the driver finding the old one alive."""
    assert saltcloud.instances()[prometheus.host] != rebuilt["instance"]


def test_prediction_is_what_happens_on_a_fresh_host(rebuilt: dict[str, Any]) -> None:
    """But for what is on the volume, which nobody can see before it is mounted.

    Mutant: a state that fails under `test=True` because its package is not there yet.
    """
    predicted, applied = rebuilt["predicted"], rebuilt["applied"]
    assert applied.keys() <= predicted.keys()
    unseen = predicted.keys() - applied.keys()
    assert unseen, "the volume came back empty"
    assert {predicted[state] for state in unseen if not predicted[state].startswith("/srv/data/")} == set()


def test_samples_survive(
    rebuilt: dict[str, Any], prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """Mutant: the volume deleted with its host, or formatted by the state that mounts it."""
    assert rebuilt["samples"]
    found = eventually(lambda: prometheus.query(rebuilt["query"]))
    assert found == rebuilt["samples"]


def test_nothing_is_left_to_do(rebuilt: dict[str, Any]) -> None:
    """Mutant: a host entry or target that only the second run writes."""
    assert changes(apply()) == {}
    assert catalogue.hosts()
