"""What pillar says of Loki and Tempo reaches them by itself; what they would refuse never does."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import remote
from store import Store

pytestmark = pytest.mark.drift

FILES = {"loki": "/etc/loki/config.yml", "tempo": "/etc/tempo/config.yml"}
# Of each: a limit that it does not know; a limit and a retention that it then says it has.
UNKNOWN = {"loki": {"no_such_limit": 1}, "tempo": {"no_such_limit": {"x": 1}}}
LIMITS = {"loki": {"max_line_size": "5KB"}, "tempo": {"global": {"max_bytes_per_trace": 5000}}}
SAID = {
    "loki": ["max_line_size: 5KB", "retention_period: 2d"],
    "tempo": ["max_bytes_per_trace: 5000", "block_retention: 48h0m0s"],
}
OTHER_PORT = 3999


@pytest.fixture(params=FILES)
def store(request: pytest.FixtureRequest, real: Callable[[str], None]) -> Iterator[Store]:
    """Each of the two, as pillar has it again afterwards."""
    real(request.param)
    store = Store(request.param)
    yield store
    assert not failed(apply(store, {})), "it does not come back"
    assert store.ask("/ready")[0] == 200


def apply(store: Store, override: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Apply the formula with some of its pillar overridden; return the results by state."""
    pillar = f"pillar={json.dumps({store.service: override})}"
    answer: dict[str, dict[str, Any]] = remote.salt(store.host, "state.apply", store.service, pillar)[
        store.host
    ]
    return {state["__id__"]: state for state in answer.values()}


def failed(states: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: state["comment"] for name, state in states.items() if state["result"] is False}


def test_limits_and_retention_come_from_pillar_alone(store: Store) -> None:
    """Mutants: the service not watching its configuration; a limit typed in the template."""
    states = apply(store, {"limits": LIMITS[store.service], "retention_period": "48h"})
    assert not failed(states)
    assert states[f"{store.service}-config"]["changes"]
    status, config = store.ask("/status/config" if store.service == "tempo" else "/config")
    assert status == 200
    for said in SAID[store.service]:
        assert said in config


def test_a_changed_port_comes_from_pillar_alone(store: Store) -> None:
    """Mutants: the port typed in the unit's readiness check, with which the start fails."""
    assert not failed(apply(store, {"port": OTHER_PORT}))
    assert store.ask("/ready", port=OTHER_PORT)[0] == 200
    listening = remote.run(store.host, "ss", "--listening", "--tcp", "--numeric", f"sport = :{store.port}")
    assert str(store.port) not in listening


def test_a_broken_value_leaves_configuration_and_service_alone(store: Store) -> None:
    """And the error names the cause. Mutants: `check_cmd` left out; the service restarted first."""
    before = remote.run(store.host, "sha256sum", FILES[store.service]), store.pid()
    errors = failed(apply(store, {"limits": UNKNOWN[store.service]}))
    assert "no_such_limit" in errors[f"{store.service}-config"]
    assert (remote.run(store.host, "sha256sum", FILES[store.service]), store.pid()) == before
    assert store.ask("/ready")[0] == 200
