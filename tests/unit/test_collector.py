"""The collector of snapshots, whatever becomes of its file: torn, rotated, emptied, taken away, old."""

import importlib.util
import json
import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PROGRAM = Path(__file__).parents[2] / "salt/collector/files/collector.py"
INTERVAL = 15.0


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("collector", PROGRAM)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


collector = _load()


def _line(age: float = 0.0, **more: Any) -> str:
    moment = datetime.now(UTC) - timedelta(seconds=age)
    return json.dumps({"ts": moment.isoformat().replace("+00:00", "Z"), **more}) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "snapshots.json"


@pytest.fixture
def file(path: Path) -> Iterator[logging.Logger]:
    """What writes snapshots, with files of 2000 bytes of which two are kept."""
    handler = collector.SnapshotFile(path, maxBytes=2000, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    yield logger
    handler.close()


@pytest.fixture
def server(path: Path) -> Iterator[str]:
    """The base URL of what answers from the file."""
    handler = type("Handler", (collector.Handler,), {"reader": collector.Reader(path, INTERVAL)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@given(count=st.integers(1, 4), cut=st.integers(0, 10_000), rubbish=st.binary(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_the_last_whole_line_is_found_wherever_the_file_is_torn(
    path: Path, count: int, cut: int, rubbish: bytes
) -> None:
    """Mutants: the last line taken as it comes; the search ended by a line that is no JSON."""
    lines = [_line(number=number, text="sälz\n塩").encode() for number in range(count)]
    whole = b"".join(lines)
    keep = cut % (len(whole) + 1)
    path.write_bytes(whole[:keep] + b"\xff" + rubbish.replace(b"\n", b"") if keep else b"")
    # What was cut in a line, or just behind it before its end, cannot be told from rubbish.
    ends = [sum(map(len, lines[: number + 1])) for number in range(count)]
    expected = max((number for number, end in enumerate(ends) if end <= keep), default=None)
    found = collector.last_snapshot(path)
    assert (found["number"] if found else None) == expected


@pytest.mark.parametrize(
    "content", ["", "\n\n", "5\n", "null\n", '{"ts": 5}\n', '{"ts": "soon"}\n', '{"a": 1}\n']
)
def test_what_is_no_snapshot_is_passed_over(path: Path, content: str) -> None:
    """Mutant: any JSON taken for a snapshot."""
    path.write_text(_line(number=7) + content)
    assert collector.last_snapshot(path)["number"] == 7
    path.write_text(content)
    assert collector.last_snapshot(path) is None


@pytest.mark.parametrize("content", [None, "", '{"ts": "2026-'])
def test_just_rotated_the_file_before_answers(path: Path, content: str | None) -> None:
    """Mutant: only the file itself looked at."""
    path.with_name("snapshots.json.1").write_text(_line(number=1))
    if content is not None:
        path.write_text(content)
    assert collector.last_snapshot(path)["number"] == 1


def test_of_a_large_file_only_the_end_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the start of the file read instead of its end."""
    monkeypatch.setattr(collector, "TAIL", 1000)
    path.write_text("".join(_line(number=number) for number in range(500)))
    assert collector.last_snapshot(path)["number"] == 499


def test_rotation_is_bounded_and_whole_lines_are_kept(path: Path, file: logging.Logger) -> None:
    """Mutants: no maxBytes; a line more in a file than fits."""
    for number in range(200):
        file.info(_line(number=number).strip())
    names = sorted(found.name for found in path.parent.iterdir())
    assert names == ["snapshots.json", "snapshots.json.1", "snapshots.json.2"]
    assert all(found.stat().st_size <= 2000 for found in path.parent.iterdir())
    kept = [
        json.loads(line)["number"]
        for name in reversed(names)
        for line in (path.parent / name).read_text().splitlines()
    ]
    assert kept == list(range(kept[0], 200))


def test_a_file_that_was_taken_away_is_made_again(path: Path, file: logging.Logger) -> None:
    """Mutant: `SnapshotFile.emit` left to RotatingFileHandler, which writes to what is gone."""
    file.info(_line(number=1).strip())
    path.unlink()
    file.info(_line(number=2).strip())
    assert collector.last_snapshot(path)["number"] == 2


def test_a_torn_line_does_not_spoil_the_next(path: Path, file: logging.Logger) -> None:
    """Mutant: `emit` that does not look at the end of the file."""
    path.write_text('{"ts": "2026-')
    file.info(_line(number=2).strip())
    assert collector.last_snapshot(path)["number"] == 2


def test_health_and_metrics_are_those_of_the_last_line(path: Path, server: str) -> None:
    """Mutants: another line's values; a key misspelled in `_families`."""
    old = _line(load1=9.0)
    usage = {"/": {"size_bytes": 10, "available_bytes": 4}}
    new = {"load1": 0.5, "network_sent_bytes": 7, "filesystems": usage}
    path.write_text(old + _line(**new, latency_target="salt:4506", latency_seconds=0.25))
    status, body = _ask(f"{server}/health")
    health = json.loads(body)
    assert (status, health["status"], health["snapshot"]["load1"]) == (200, "ok", 0.5)
    status, text = _ask(f"{server}/metrics")
    assert status == 200
    assert {
        "collector_up 1.0",
        "host_load1 0.5",
        "host_network_sent_bytes_total 7.0",
        'host_filesystem_available_bytes{mountpoint="/"} 4.0',
        'host_latency_up{target="salt:4506"} 1.0',
        'host_latency_seconds{target="salt:4506"} 0.25',
    } <= set(text.splitlines())


@pytest.mark.parametrize("age", [3.1 * INTERVAL, -3.1 * INTERVAL])
def test_a_stale_snapshot_is_told_and_not_served(path: Path, server: str, age: float) -> None:
    """Mutants: the age not looked at; values served with `collector_up 0`; the future taken for fresh."""
    path.write_text(_line(age, load1=0.5))
    status, body = _ask(f"{server}/health")
    assert (status, json.loads(body)["status"]) == (503, "stale")
    status, text = _ask(f"{server}/metrics")
    assert status == 200
    assert "collector_up 0.0" in text.splitlines()
    assert "collector_snapshot_timestamp_seconds" in text
    assert "host_load1" not in text


def test_a_snapshot_that_is_late_is_not_stale_yet(path: Path, server: str) -> None:
    """Mutant: one interval allowed."""
    path.write_text(_line(2.5 * INTERVAL))
    assert _ask(f"{server}/health")[0] == 200


def test_without_a_file_it_says_so(server: str) -> None:
    """Mutant: an exception, which closes the connection."""
    assert _ask(f"{server}/health") == (503, '{"status": "missing"}')
    status, text = _ask(f"{server}/metrics")
    assert (status, "collector_up 0.0" in text.splitlines()) == (200, True)
    assert _ask(f"{server}/anything")[0] == 404


def test_latency_is_that_of_a_connection() -> None:
    """Mutants: no result where something listens; a refusal taken for an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        assert 0 < collector.Latency(target).seconds() < collector.CONNECT
    assert collector.Latency(target).seconds() is None


def test_latency_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs is asked once, however many snapshots pass.

    Mutants: `result()` without a bound; a new question each time.
    """
    monkeypatch.setattr(collector, "CONNECT", 0.01)
    asked, over = [], threading.Event()

    def hang(*arguments: object, **_: object) -> list[Any]:
        asked.append(arguments)
        over.wait(30)
        raise OSError

    monkeypatch.setattr(collector.socket, "getaddrinfo", hang)
    latency = collector.Latency("salt-1:4506")
    try:
        assert [latency.seconds() for _ in range(3)] == [None, None, None]
    finally:
        over.set()
    latency._pool.shutdown()
    assert len(asked) == 1


def test_measurements_are_those_of_the_kernel() -> None:
    """Mutants: free memory for available memory; received for sent; the loopback device counted."""
    meminfo = {
        line.split(":")[0]: int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
    }
    before = _sent_and_received()
    found = collector.measure(["/", "/nowhere"], collector.Latency("127.0.0.1:1"))
    after = _sent_and_received()
    assert found["memory_size_bytes"] == meminfo["MemTotal"]
    assert found["memory_available_bytes"] == pytest.approx(meminfo["MemAvailable"], rel=0.2)
    assert 0 <= found["cpu_ratio"] <= 1
    assert list(found["filesystems"]) == ["/"]
    assert 0 < found["filesystems"]["/"]["available_bytes"] < found["filesystems"]["/"]["size_bytes"]
    assert before[0] <= found["network_sent_bytes"] <= after[0]
    assert before[1] <= found["network_received_bytes"] <= after[1]
    assert found["latency_seconds"] is None


def _sent_and_received() -> tuple[int, int]:
    devices = [line.replace(":", " ").split() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    others = [fields for fields in devices if fields[0] != "lo"]
    return sum(int(fields[9]) for fields in others), sum(int(fields[1]) for fields in others)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("--target=salt-1", "expected HOST:PORT"), ("--file=/nowhere/x.json", "expected a path in a directory")],
)
def test_wrong_arguments_say_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argument: str, expected: str
) -> None:
    """Mutant: a check left out of `_options`."""
    right = ["--target=salt-1:4506", f"--file={tmp_path}/x.json", "--port=1", "--interval=1", "--max-bytes=1"]
    right += ["--backups=1", "--env=dev", "--host=a", "--mountpoint=/", "--check"]
    collector.main(right)
    with pytest.raises(SystemExit):
        collector.main([*right, argument])
    assert expected in capsys.readouterr().err
