"""One request, as nginx, the application, Prometheus and an OTLP receiver tell of it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import catalogue
import pytest
import remote
from prometheus import Prometheus
from website import Website

pytestmark = [pytest.mark.drift, pytest.mark.application]

HOST = catalogue.host_of("app")
PORT = 4319  # where the fleet has Alloy, OTLP/HTTP's own is taken
PROGRAM = Path(__file__).with_name("receiver.py").read_text()
SERVER, CLIENT = 2, 3  # kinds of span


class Receiver:
    """An OTLP/HTTP receiver on the application's host; it can be gone, or silent, for a while."""

    def __init__(self) -> None:
        self._spans: list[dict[str, Any]] = []
        self._lock = Lock()

    def start(self) -> None:
        command = remote.ssh(HOST, "/opt/app/current/release/bin/python", "-c", PROGRAM, str(PORT))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        told, *self._pids = self._process.stdout.readline().split()
        assert told == "listening"
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._lock:
                self._spans.append(json.loads(line))

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(30)

    def hold(self) -> None:
        """Make it silent: it is connected to and told, and does not answer. sudo stops with what it runs."""
        remote.run(HOST, "kill", "-STOP", *self._pids)

    def release(self) -> None:
        remote.run(HOST, "kill", "-CONT", *self._pids)

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the spans of one trace."""
        with self._lock:
            return [span for span in self._spans if span["trace_id"] == trace_id]


def _apply(pillar: dict[str, Any] | None = None) -> None:
    """Apply the application's formula, with some of its pillar overridden."""
    arguments = [f"pillar={json.dumps({'app': pillar})}"] if pillar else []
    answer = remote.salt(HOST, "state.apply", "app", *arguments)[HOST]
    assert isinstance(answer, dict), answer
    assert all(each["result"] for each in answer.values()), answer


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver that the application exports to; afterwards where pillar says."""
    receiver = Receiver()
    receiver.start()
    try:
        _apply({"otlp_endpoint": f"http://127.0.0.1:{PORT}"})
        yield receiver
    finally:
        _apply()
        receiver.stop()


def _log(service: str, trace_id: str) -> list[dict[str, Any]]:
    """Return the lines of a service's log that are of a trace."""
    path = catalogue.fleet()["services"][service]["logs"]["file"]
    found = remote.run(HOST, "grep", "--fixed-strings", trace_id, path, check=False).splitlines()
    return [line for line in map(json.loads, found) if line["trace_id"] == trace_id]


def test_one_trace_id_is_everywhere(
    website: Website, prometheus: Prometheus, receiver: Receiver, eventually: Callable[..., Any]
) -> None:
    """Mutants: nginx not passing the traceparent on; the storage of exemplars off; no export."""
    since = time.time() - 60
    answer = website.ask("GET", "/test-telemetry")
    assert answer.status == 200
    told = answer.json
    trace_id = told["trace_id"]
    assert told["exported"]
    assert told["call"]["ok"], told

    (nginx,) = eventually(lambda: _log("http", trace_id))
    assert (nginx["path"], nginx["status"], nginx["request_id"]) == (
        "/test-telemetry",
        200,
        told["request_id"],
    )
    # nginx's span is the parent of the application's.
    spans = eventually(lambda: receiver.spans(trace_id), lambda found: len(found) >= 5)
    by_name = {span["name"]: span for span in spans}
    server = by_name["GET /test-telemetry"]
    assert (server["kind"], server["service"]) == (SERVER, "app")
    assert server["parent_span_id"] == nginx["span_id"]
    # The span that /test-telemetry promises, the call to itself, and what that asks the database.
    assert by_name[told["span"]]["span_id"] == told["span_id"]
    assert by_name["GET /api/tasks"]["kind"] == SERVER
    assert [span for span in spans if span["kind"] == CLIENT and span["name"].startswith("SELECT")]
    lines = eventually(lambda: _log("app", trace_id), lambda found: len(found) >= 2)
    assert told["log"]["message"] in [line["message"] for line in lines]
    assert {line["span_id"] for line in lines} <= {span["span_id"] for span in spans}
    bucket = 'http_request_duration_seconds_bucket{job="app",route="/test-telemetry"}'
    eventually(lambda: prometheus.exemplars(bucket, since), lambda found: trace_id in found)


def test_a_caller_s_trace_goes_on(
    website: Website, receiver: Receiver, eventually: Callable[..., Any]
) -> None:
    """Mutant: nginx making a new trace id always."""
    trace_id = f"{time.time_ns():032x}"
    website.ask("GET", "/api/tasks?limit=1", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})

    def parents() -> set[str]:
        return {span["parent_span_id"] for span in receiver.spans(trace_id)}

    eventually(parents, lambda found: "00f067aa0ba902b7" in found)
    assert eventually(lambda: _log("http", trace_id))[0]["span_id"] == "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("end", "begin"),
    [(Receiver.stop, Receiver.start), (Receiver.hold, Receiver.release)],
    ids=["gone", "silent"],
)
def test_a_collector_that_is_gone_costs_traces_only(
    website: Website,
    receiver: Receiver,
    eventually: Callable[..., Any],
    end: Callable[[Receiver], None],
    begin: Callable[[Receiver], None],
) -> None:
    """Mutants: /health/ready 503 without the collector; spans exported in the request."""

    def ready() -> tuple[int, str]:
        answer = website.ask("GET", "/health/ready")
        return answer.status, answer.json["status"]

    eventually(ready, lambda found: found == (200, "ready"))
    end(receiver)
    try:
        eventually(ready, lambda found: found == (200, "degraded"))
        assert {website.ask("GET", "/api/tasks").status for _ in range(20)} == {200}
        told = b">Traces of this time are lost; nothing else is.<"
        eventually(lambda: told in website.ask("GET", "/").body)  # which shows what was found a little before
    finally:
        begin(receiver)
    eventually(ready, lambda found: found == (200, "ready"))
    trace_id = website.ask("GET", "/test-telemetry").json["trace_id"]
    eventually(lambda: receiver.spans(trace_id))
