#!/usr/bin/python3
# Managed by Salt: salt://collector/files/collector.py
"""Snapshots of the host: CPU, memory, disks, network and latency, as JSON lines and as metrics.

A snapshot is a line of a file that is rotated by size. ``/health`` and ``/metrics`` are answered from the
last whole line of that file, and from nothing else: what they say is what was written. Both say if it is old.
"""

import argparse
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

TAIL = 65_536  # bytes at the end of a file in which its last line is looked for
OLD = 3  # intervals after which a snapshot counts as stale
CONNECT = 2.0  # seconds that a connection may take
ASK = 5  # seconds that somebody who asks may take to do so

Snapshot = dict[str, Any]

GAUGES = {
    "cpu_ratio": "Share of the processors' time that was used since the snapshot before.",
    "load1": "Load average over a minute.",
    "memory_size_bytes": "Memory.",
    "memory_available_bytes": "Memory that programs can get without swapping.",
    "swap_used_bytes": "Swap space in use.",
}
COUNTERS = {
    "disk_read_bytes": "Bytes read from disks since the host started.",
    "disk_written_bytes": "Bytes written to disks since the host started.",
    "network_received_bytes": "Bytes received since the host started, the loopback device aside.",
    "network_sent_bytes": "Bytes sent since the host started, the loopback device aside.",
}


class Latency:
    """Times a TCP connection, one at a time and never longer than `CONNECT`, its name's resolution included.

    Args:
        target: ``HOST:PORT``.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[float] | None = None

    def seconds(self) -> float | None:
        """Return how long it takes to connect; None if it fails."""
        if self._pending is None or self._pending.done():
            self._pending = self._pool.submit(self._connect)
        try:
            return round(self._pending.result(CONNECT), 6)
        except (OSError, NotDone):
            return None

    def _connect(self) -> float:
        host, _, port = self.target.rpartition(":")
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(CONNECT)
            started = time.perf_counter()
            connection.connect(address)
            return time.perf_counter() - started


def measure(mountpoints: list[str], latency: Latency) -> Snapshot:
    """Return what is measured: bytes, seconds, and shares from 0 to 1.

    The first call in a process measures the CPU over a short time, each later one since the call before.
    """
    memory, devices, disks = (
        psutil.virtual_memory(),
        psutil.net_io_counters(pernic=True),
        psutil.disk_io_counters(),
    )
    network = [counters for name, counters in devices.items() if name != "lo"]
    filesystems = {}
    for mountpoint in mountpoints:
        if Path(mountpoint).is_dir():
            usage = psutil.disk_usage(mountpoint)
            filesystems[mountpoint] = {"size_bytes": usage.total, "available_bytes": usage.free}
    return {
        "cpu_ratio": round(psutil.cpu_percent() / 100, 4),
        "load1": psutil.getloadavg()[0],
        "memory_size_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "swap_used_bytes": psutil.swap_memory().used,
        "filesystems": filesystems,
        "disk_read_bytes": disks.read_bytes if disks else 0,
        "disk_written_bytes": disks.write_bytes if disks else 0,
        "network_received_bytes": sum(counters.bytes_recv for counters in network),
        "network_sent_bytes": sum(counters.bytes_sent for counters in network),
        "latency_target": latency.target,
        "latency_seconds": latency.seconds(),
    }


class SnapshotFile(RotatingFileHandler):
    """Writes lines to a file of bounded size that anybody may move away, or cut short."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line: to a new file if the one in use was taken away, and never behind a torn one."""
        path = Path(self.baseFilename)
        if self.stream and not path.exists():
            self.stream.close()
            self.stream = None  # type: ignore[assignment]
        self.stream = self.stream or self._open()
        if _tail(path, 1) not in (b"", b"\n"):
            self.stream.write("\n")
        super().emit(record)


def last_snapshot(path: Path) -> Snapshot | None:
    """Return the last whole snapshot of a file or, if it has none, of the one that was rotated last."""
    for file in (path, path.with_name(f"{path.name}.1")):
        for line in reversed(_tail(file, TAIL).split(b"\n")):
            try:
                snapshot = json.loads(line)
                datetime.fromisoformat(snapshot["ts"])
            except (ValueError, KeyError, TypeError):
                continue
            found: Snapshot = snapshot
            return found
    return None


def _tail(path: Path, length: int) -> bytes:
    """Return the last bytes of a file; none if it is not there."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - length))
            return file.read()
    except OSError:
        return b""


class Reader:
    """What the file says now.

    Args:
        path: of the file.
        interval: seconds between two snapshots.
    """

    def __init__(self, path: Path, interval: float) -> None:
        self._path = path
        self._interval = interval

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of ``/health``: 503 unless there is a snapshot that is not stale."""
        snapshot = last_snapshot(self._path)
        if snapshot is None:
            return 503, {"status": "missing"}
        age = time.time() - datetime.fromisoformat(snapshot["ts"]).timestamp()
        fresh = abs(age) <= OLD * self._interval
        body = {"status": "ok" if fresh else "stale", "age_seconds": round(age, 3), "snapshot": snapshot}
        return 200 if fresh else 503, body

    def describe(self) -> Iterator[Metric]:
        """Name no metric: registering would otherwise read the file."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; those of the host only from a snapshot that is not stale."""
        status, body = self.health()
        yield GaugeMetricFamily(
            "collector_up", "Whether the last snapshot is not stale.", float(status == 200)
        )
        snapshot = body.get("snapshot")
        if snapshot is None:
            return
        moment = datetime.fromisoformat(snapshot["ts"]).timestamp()
        yield GaugeMetricFamily(
            "collector_snapshot_timestamp_seconds", "When the last snapshot was made.", moment
        )
        if status == 200:
            yield from _families(snapshot)


def _families(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield the metrics of a snapshot; a key that it lacks, since another version wrote it, has none."""
    for key, text in GAUGES.items():
        if key in snapshot:
            yield GaugeMetricFamily(f"host_{key}", text, snapshot[key])
    for key, text in COUNTERS.items():
        if key in snapshot:
            yield CounterMetricFamily(f"host_{key}", text, snapshot[key])
    for key, text in (
        ("size_bytes", "Size of a file system."),
        ("available_bytes", "Room that users have in it."),
    ):
        family = GaugeMetricFamily(f"host_filesystem_{key}", text, labels=["mountpoint"])
        for mountpoint, usage in snapshot.get("filesystems", {}).items():
            family.add_metric([mountpoint], usage[key])
        yield family
    if "latency_target" in snapshot:
        target, seconds = snapshot["latency_target"], snapshot["latency_seconds"]
        reached = GaugeMetricFamily(
            "host_latency_up", "Whether the target could be connected to.", labels=["target"]
        )
        reached.add_metric([target], float(seconds is not None))
        yield reached
        if seconds is not None:
            took = GaugeMetricFamily(
                "host_latency_seconds", "Time to connect to the target.", labels=["target"]
            )
            took.add_metric([target], seconds)
            yield took


class Handler(BaseHTTPRequestHandler):
    """Answers ``/health`` and ``/metrics``."""

    reader: Reader
    timeout = ASK

    def do_GET(self) -> None:
        """Answer from the file."""
        path = self.path.partition("?")[0]
        if path == "/health":
            status, health = self.reader.health()
            self._answer(status, "application/json", json.dumps(health).encode())
        elif path == "/metrics":
            registry = CollectorRegistry(auto_describe=False)
            registry.register(self.reader)  # type: ignore[arg-type]
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, content_type, encode(registry))
        else:
            self._answer(404, "text/plain", b"/health and /metrics are here\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def _record(options: argparse.Namespace) -> None:
    """Write a snapshot each interval, for ever."""
    log = logging.getLogger("collector")
    log.setLevel(logging.INFO)
    log.propagate = False
    file = SnapshotFile(
        options.file, maxBytes=options.max_bytes, backupCount=options.backups, encoding="utf-8"
    )
    file.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(file)
    latency = Latency(options.target)
    psutil.cpu_percent(0.2)
    due = time.monotonic()
    while True:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"ts": moment, "level": "info", "logger": "collector", "message": "snapshot"}
        line |= {"service": "collector", "env": options.env, "host": options.host}
        line |= dict.fromkeys(("request_id", "trace_id", "span_id"))
        log.info(json.dumps(line | measure(options.mountpoint, latency)))
        due = max(due + options.interval, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="collector", description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--max-bytes", type=int, required=True)
    parser.add_argument("--backups", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--interval", type=float, required=True, help="seconds")
    parser.add_argument("--target", required=True, metavar="HOST:PORT", help="where latency is measured to")
    parser.add_argument("--env", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--mountpoint", action="append", required=True)
    parser.add_argument("--check", action="store_true", help="check the other arguments, and end")
    options = parser.parse_args(arguments)
    if not options.target.rpartition(":")[2].isdigit():
        parser.error(f"--target: expected HOST:PORT, got {options.target!r}")
    if not options.file.parent.is_dir():
        parser.error(f"--file: expected a path in a directory that exists, got {options.file}")
    return options


def main(arguments: list[str]) -> None:
    """Record and answer until stopped.

    Raises:
        SystemExit: an argument is wrong; says how.
    """
    options = _options(arguments)
    if options.check:
        return
    Handler.reader = Reader(options.file, options.interval)
    server = ThreadingHTTPServer(("", options.port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _record(options)


if __name__ == "__main__":
    main(sys.argv[1:])
