"""Loki is away while the application writes and its file is rotated: what is missing afterwards."""

import json
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import catalogue
import lines
import pytest
import remote
from store import Store

pytestmark = [pytest.mark.long, pytest.mark.drift, pytest.mark.alone]

HOST = catalogue.host_of("app")
RATE = 200  # lines a second
AWAY = 900  # seconds
WINDOW = 10  # seconds whose lines are asked for at once: fewer than Loki's limit for one answer
LIMIT = 10_000

# Run on the application's host: has the application write lines, so many a second for so long, each with its
# number and the second in its request id. Prints how many requests there were.
WRITE = """
import sys, time, urllib.request
url, run, rate, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
started = time.monotonic()
for second in range(seconds):
    time.sleep(max(0, started + second - time.monotonic()))
    named = {"X-Request-ID": f"{run}-{second}"}
    request = urllib.request.Request(f"{url}/faults/logs?lines={rate}", headers=named)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
print(seconds)
"""


@dataclass
class Writing:
    """What the application was made to write.

    Attributes:
        run: what the request ids start with.
        started: seconds since the epoch.
        seconds: for how long.
    """

    run: str
    started: float
    seconds: int

    @property
    def expected(self) -> set[tuple[str, int]]:
        """Each line, by request id and number."""
        return {
            (f"{self.run}-{second}", number)
            for second in range(self.seconds)
            for number in range(1, RATE + 1)
        }


@contextmanager
def _writing(seconds: int) -> Iterator[Writing]:
    """Have the application write while the context lasts and until it has written everything."""
    port = catalogue.fleet()["services"]["app"]["port"]
    run = f"loss-{secrets.token_hex(4)}"
    told = (f"http://127.0.0.1:{port}", run, str(RATE), str(seconds))
    command = remote.ssh(HOST, "python3", "-c", WRITE, *told, sudo=False)
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Writing(run, time.time(), seconds)
        output, _ = writer.communicate(timeout=seconds + 120)
        assert (writer.returncode, output.strip()) == (0, str(seconds))
    finally:
        writer.kill()


@pytest.fixture
def loki(real: Callable[[str], None]) -> Iterator[Store]:
    """Loki, which runs again afterwards."""
    real("alloy")
    real("loki")
    loki = Store("loki")
    yield loki
    remote.run(loki.host, "systemctl", "start", "loki", timeout=600)


def _rotate() -> None:
    remote.run(HOST, "logrotate", "--force", "/etc/logrotate.d/saltwatch-app")


def _found(loki: Store, writing: Writing) -> Counter[tuple[str, int]]:
    """Return how often each line is in Loki."""
    found: Counter[tuple[str, int]] = Counter()
    query = f'{{job="app", host="{HOST}"}} |= "{writing.run}" |= "noise on purpose"'
    moment = writing.started - WINDOW
    while moment < writing.started + writing.seconds + 60:
        streams = lines.between(loki, query, moment, moment + WINDOW, LIMIT)
        texts = [line for stream in streams for _, line in stream["values"]]
        assert len(texts) < LIMIT
        told = map(json.loads, texts)
        found.update((line["request_id"], line["number"]) for line in told)
        moment += WINDOW
    return found


def _settled(loki: Store, writing: Writing) -> Counter[tuple[str, int]]:
    """Return what is found when nothing more comes for a minute."""
    found, since = _found(loki, writing), time.monotonic()
    while set(found) != writing.expected and time.monotonic() < since + 60:
        time.sleep(5)
        now = _found(loki, writing)
        if sum(now.values()) != sum(found.values()):
            found, since = now, time.monotonic()
    return found


def test_no_line_is_missing_after_loki_was_away(
    loki: Store, record_property: Callable[[str, object], None]
) -> None:
    """Nor is any there twice.

    Mutants: `max_backoff_retries` of Alloy left at its default, after which a batch is thrown away;
    `copytruncate` in the rotation, which empties the file that is still to be read.
    """
    remote.run(loki.host, "systemctl", "stop", "loki", timeout=400)
    with _writing(AWAY + 30) as writing:
        time.sleep(AWAY / 2)
        _rotate()
        time.sleep(AWAY / 2)
        remote.run(loki.host, "systemctl", "start", "loki", timeout=600)
        back = time.time()
    found = _settled(loki, writing)
    assert len(writing.expected - set(found)) == 0
    assert [line for line, times in found.items() if times > 1] == []
    record_property(
        "lines that Loki missed and has", f"{len(found)}, {time.time() - back:.0f} s after it was back"
    )


@pytest.mark.parametrize("rotated", [False, True], ids=["as it is", "rotated"])
def test_what_is_missing_after_alloy_was_killed_meanwhile(
    loki: Store, record_property: Callable[[str, object], None], rotated: bool
) -> None:
    """What it had read and not sent is gone, as docs/grafana.md says; after a rotation more than that.

    Mutant: Alloy's unit without Restart. Lost positions would not show: what is read twice Loki keeps once.
    """
    away = AWAY // 10
    with _writing(away + 60) as writing:
        time.sleep(20)
        remote.run(loki.host, "systemctl", "stop", "loki", timeout=400)
        time.sleep(away / 3)
        if rotated:
            _rotate()
        time.sleep(away / 3)
        remote.run(HOST, "systemctl", "kill", "--signal=KILL", "alloy")
        time.sleep(away / 3)
        remote.run(loki.host, "systemctl", "start", "loki", timeout=600)
    found = _settled(loki, writing)
    missing = sorted(int(line[0].rpartition("-")[2]) for line in writing.expected - set(found))
    told = f"{len(missing)} of {len(writing.expected)}"
    if missing:
        told += f", of seconds {missing[0]} to {missing[-1]} of {writing.seconds}"
    record_property(f"missing after SIGKILL of Alloy, file {'rotated' if rotated else 'not rotated'}", told)
    # What is written from its new start on, and what was sent before Loki went, is there.
    for second in (*range(15), *range(writing.seconds - 15, writing.seconds)):
        assert {(f"{writing.run}-{second}", number) for number in range(1, RATE + 1)} <= set(found), second
