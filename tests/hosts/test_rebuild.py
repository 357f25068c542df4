"""A host is replaced: what is on its volume stays, and the states build the new one as they said."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import catalogue
import pytest
import remote
from highstate import apply, changes
from prometheus import Prometheus

from rehearsal import inventory

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def rebuilt(prometheus: Prometheus) -> dict[str, Any]:
    """Prometheus's host destroyed and launched again by salt-cloud; what was known before."""
    host = prometheus.host
    moment = f"{time.time() - 20:.3f}"
    query = f"sum by (job) (count_over_time(up[10m] @ {moment}))"
    before = {"query": query, "samples": prometheus.query(query), "instance": _instance(host)}
    cloud = "cd /srv/saltwatch && salt-cloud"
    remote.run("salt-1", "sh", "-c", f"{cloud} -y -d {host}", timeout=600)
    remote.run("salt-1", "sh", "-c", f"{cloud} -y -m cloud.map -P", timeout=900)
    _write_ssh_files()
    before["predicted"] = changes({host: remote.salt(host, "state.apply", "test=True")[host]})
    before["applied"] = changes({host: remote.salt(host, "state.apply")[host]})
    return before


def _instance(host: str) -> str:
    found = {each.name: each.instance_id for each in inventory.find(boto3.client("ec2"))}
    return found[host]


def _write_ssh_files() -> None:
    """Let ssh know the new host's address and keys, as every run of `./rehearse` does."""
    directory = Path(remote.SSH_CONFIG).parent
    options = subprocess.run(
        ["ssh", "-F", remote.SSH_CONFIG, "-G", "salt-1"], capture_output=True, text=True, check=True
    ).stdout
    identity = next(line.split()[1] for line in options.splitlines() if line.startswith("identityfile "))
    subprocess.run([sys.executable, "-m", "rehearsal.inventory", str(directory), identity], check=True)


def test_it_is_another_machine(rebuilt: dict[str, Any], prometheus: Prometheus) -> None:
    """Mutant: the driver finding the old one alive."""
    assert _instance(prometheus.host) != rebuilt["instance"]


def test_prediction_is_what_happens_on_a_fresh_host(rebuilt: dict[str, Any]) -> None:
    """Mutant: a state that fails under `test=True` because its package is not there yet."""
    assert rebuilt["predicted"] == rebuilt["applied"]


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
