"""Prometheus writes its samples on to Mimir; to a receiver where its package cannot be had.

What the fleet then would be told is told by pillar: that Mimir is there. So names, ports and security groups
are those of the catalogue; only what answers on Mimir's host is the test's.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import catalogue
import pytest
import remote
import samples
from prometheus import Prometheus

pytestmark = pytest.mark.drift

PROGRAM = Path(__file__).with_name("push_receiver.py").read_text()
ROWS = {"mimir", "mimir_grpc", "mimir_memberlist"}


class Receiver:
    """A receiver of remote write on Mimir's host."""

    def __init__(self, host: str, port: int) -> None:
        command = remote.ssh(host, "python3", "-c", PROGRAM, str(port), "/api/v1/push")
        self._samples: dict[tuple[str, str], dict[int, float]] = {}
        self._lock = Lock()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        assert self._process.stdout.readline() == "listening\n"
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            for labels, found in samples.decode(base64.b64decode(line)):
                key = (labels["__name__"], labels.get("instance", ""))
                with self._lock:
                    self._samples.setdefault(key, {}).update(found)

    def samples(self, name: str, instance: str) -> dict[int, float]:
        """Return the samples of a metric of a host: value by milliseconds since the epoch."""
        with self._lock:
            return dict(self._samples.get((name, instance), {}))

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)


def _let_in(arguments: list[str]) -> None:
    """Let the security groups be as the fleet of such a pillar would have them."""
    salt_call = Path(sys.executable).with_name("salt-call")
    command = [salt_call, "-c", "operator", "--out=json", "state.apply", "aws.security_groups", *arguments]
    done = subprocess.run(
        command, cwd=catalogue.CHECKOUT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _write_on(arguments: list[str]) -> None:
    """Let Prometheus be as the fleet of such a pillar would have it."""
    host = catalogue.host_of("prometheus")
    answer = remote.salt(host, "state.apply", "prometheus", *arguments)[host]
    assert all(state["result"] for state in answer.values()), answer


@pytest.fixture
def long_term(prometheus: Prometheus, eventually: Callable[..., Any]) -> Iterator[Prometheus | Receiver]:
    """Where Prometheus writes to: Mimir, or a receiver while the test runs; afterwards all is as pillar says.

    The receiver goes last: while Prometheus cannot deliver what it has queued, a reload waits for that, and
    queries wait for the reload.
    """
    fleet = catalogue.fleet()
    if "mimir" not in fleet["unavailable"]:
        yield Prometheus(prometheus.host, "mimir", catalogue.host_of("mimir"), "/prometheus")
        return
    wired = {**fleet, "unavailable": sorted(set(fleet["unavailable"]) - ROWS)}
    host = catalogue.functions().hosts("mimir", wired)[0]
    receiver = Receiver(host, fleet["services"]["mimir"]["port"])
    told = [f"pillar={json.dumps({'fleet': {'unavailable': wired['unavailable']}})}"]
    try:
        _let_in(told)
        _write_on(told)
        yield receiver
    finally:
        _write_on([])
        eventually(lambda: "remote_write:" not in prometheus.get("status/config")["yaml"])
        _let_in([])
        receiver.stop()


def test_a_sample_is_in_prometheus_and_at_the_other_side(
    long_term: Prometheus | Receiver, prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """The same value of the same moment.

    Mutants: `remote_write` left out of prometheus.yml; another path; no rule for Prometheus among Mimir's.
    """
    name, instance = "node_boot_time_seconds", catalogue.host_of("app")
    there = eventually(lambda: long_term.samples(name, instance), seconds=120)
    here = prometheus.samples(name, instance)
    # What Mimir has may begin before what was asked of Prometheus a moment later.
    there = {moment: value for moment, value in there.items() if moment >= min(here)}
    assert there
    assert there.items() <= here.items()
