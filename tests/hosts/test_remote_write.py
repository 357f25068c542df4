"""What is written to Mimir by remote write; to a receiver where its package cannot be had.

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
METRIC, INSTANCE = "node_boot_time_seconds", catalogue.host_of("grafana")
Pillar = dict[str, Any]


class Receiver:
    """A receiver of remote write on Mimir's host."""

    def __init__(self, host: str, port: int) -> None:
        command = remote.ssh(host, "python3", "-c", PROGRAM, str(port), "/api/v1/push")
        self._samples: dict[tuple[str, str], dict[int, float]] = {}
        self._labels: dict[tuple[str, str], dict[str, str]] = {}
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
                    self._labels[key] = labels

    def samples(self, name: str, instance: str) -> dict[int, float]:
        """Return the samples of a metric of a host: value by milliseconds since the epoch."""
        with self._lock:
            return dict(self._samples.get((name, instance), {}))

    def labels(self, name: str, instance: str) -> dict[str, str]:
        """Return the labels of a metric of a host, of which there has to be one series."""
        with self._lock:
            return dict(self._labels[name, instance])

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


def _apply(host: str, formula: str, pillar: Pillar) -> None:
    """Let a host be as the fleet of such a pillar would have it."""
    answer = remote.salt(host, "state.apply", formula, f"pillar={json.dumps(pillar)}")[host]
    assert all(state["result"] for state in answer.values()), answer


@pytest.fixture
def far(prometheus: Prometheus) -> Iterator[tuple[Prometheus | Receiver, Pillar]]:
    """Mimir, or a receiver while the test runs; and the pillar with which the fleet has it."""
    fleet = catalogue.fleet()
    if "mimir" not in fleet["unavailable"]:
        yield Prometheus(prometheus.host, "mimir", catalogue.host_of("mimir"), "/prometheus"), {}
        return
    pillar = {"fleet": {"unavailable": sorted(set(fleet["unavailable"]) - ROWS)}}
    host = catalogue.functions().hosts("mimir", fleet)[0]
    receiver = Receiver(host, fleet["services"]["mimir"]["port"])
    try:
        _let_in([f"pillar={json.dumps(pillar)}"])
        yield receiver, pillar
    finally:
        _let_in([])
        receiver.stop()


@pytest.fixture
def of_prometheus(
    far: tuple[Prometheus | Receiver, Pillar], prometheus: Prometheus, eventually: Callable[..., Any]
) -> Iterator[Prometheus | Receiver]:
    """The other side, where Prometheus writes to it; afterwards all is as pillar says.

    The receiver goes last: while Prometheus cannot deliver what it has queued, a reload waits for that, and
    queries wait for the reload.
    """
    there, pillar = far
    try:
        _apply(prometheus.host, "prometheus", pillar)
        yield there
    finally:
        _apply(prometheus.host, "prometheus", {})
        if pillar:
            eventually(lambda: "remote_write:" not in prometheus.get("status/config")["yaml"])


@pytest.fixture
def of_alloy(
    far: tuple[Prometheus | Receiver, Pillar], real: Callable[[str], None]
) -> Iterator[Prometheus | Receiver]:
    """The other side, where Alloy of a host writes to it; afterwards all is as pillar says."""
    real("alloy")
    there, pillar = far
    try:
        _apply(INSTANCE, "alloy", {**pillar, "alloy": {"remote_write": True}})
        yield there
    finally:
        _apply(INSTANCE, "alloy", {})


def test_a_sample_is_in_prometheus_and_at_the_other_side(
    of_prometheus: Prometheus | Receiver, prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """The same value of the same moment.

    Mutants: `remote_write` left out of prometheus.yml; another path; no rule for Prometheus among Mimir's.
    """
    there = eventually(lambda: of_prometheus.samples(METRIC, INSTANCE), seconds=120)
    here = prometheus.samples(METRIC, INSTANCE)
    # What Mimir has may begin before what was asked of Prometheus a moment later.
    there = {moment: value for moment, value in there.items() if moment >= min(here)}
    assert there
    assert there.items() <= here.items()


def test_alloy_writes_metrics_of_its_host_if_it_is_asked_to(
    of_alloy: Prometheus | Receiver, prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """Those that Prometheus would scrape, under the same labels, so that dashboards and rules know them.

    Mutants: `alloy:remote_write` not looked at; `instance` or the job's name left to Alloy; another path.
    """

    def own() -> dict[int, float]:
        """Return what is there of moments at which Prometheus has scraped nothing."""
        there, here = of_alloy.samples(METRIC, INSTANCE), prometheus.samples(METRIC, INSTANCE)
        return {moment: value for moment, value in there.items() if moment > min(here) and moment not in here}

    found = eventually(own, seconds=120)
    assert set(found.values()) == set(prometheus.samples(METRIC, INSTANCE).values())
    assert of_alloy.labels(METRIC, INSTANCE) == prometheus.labels(METRIC, INSTANCE)
