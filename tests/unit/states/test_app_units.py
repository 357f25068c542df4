"""The application's processes: asking them, and why one failed."""

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loader import load
from salt.exceptions import CommandExecutionError

units = load("_modules/app_units.py")


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with the server's statuses in turn, then with the last for ever."""

    def do_GET(self) -> None:
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.end_headers()
        self.wfile.write(b"so it is")

    def address_string(self) -> str:
        return "somebody"

    def log_message(self, *_: object) -> None:
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture(params=["tcp", "unix"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """A server's address, and the statuses that it will answer with."""
    path = str(tmp_path / "http.sock")
    made = (
        UnixServer(path, Answers)
        if request.param == "unix"
        else http.server.HTTPServer(("127.0.0.1", 0), Answers)
    )
    made.statuses = [200]
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"unix:{path}" if request.param == "unix" else f"127.0.0.1:{made.server_port}", made.statuses
    made.shutdown()
    thread.join()
    made.server_close()


def test_answers_are_good_bad_or_none(server: tuple[str, list[int]]) -> None:
    """Mutants: any answer is good; the body not told; an error let through."""
    address, statuses = server
    assert units.ask(address, "/health") is None
    statuses[:] = [503]
    assert units.ask(address, "/health") == "503 so it is"
    nowhere = "unix:/nowhere" if address.startswith("unix:") else "127.0.0.1:1"
    assert "no answer" in units.ask(nowhere, "/health")


def test_waits_until_answers_stay_good(
    server: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: the first good answer is enough; a bad one in between does not count."""
    monkeypatch.setattr(units, "PAUSE", 0.05)
    address, statuses = server
    statuses[:] = [500, 200, 500, 200, 200]
    units.wait(address, "/health", "app.service", 0.01)
    assert statuses == [200]


def test_waits_no_longer_than_it_may_and_says_why(
    server: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Mutants: waits for ever; the last answer or the log's error not told."""
    monkeypatch.setattr(units, "PROOF_TIMEOUT", 0.1)
    monkeypatch.setattr(units.subprocess, "run", _no_journal)
    address, statuses = server
    statuses[:] = [500]
    log = tmp_path / "app.json"
    log.write_text(json.dumps({"ts": "9999", "level": "error", "exception": "Traceback\nValueError: unwell"}))
    with pytest.raises(
        CommandExecutionError, match=r"/health: 500 so it is\. app\.service: ValueError: unwell"
    ):
        units.wait(address, "/health", "app.service", log_file=str(log))


def _no_journal(command: list[str], **_: object) -> object:
    """This machine has no systemd, whose journal is empty then."""
    assert command[0] == "journalctl"
    return type("Done", (), {"stdout": ""})


BEGAN = "2026-11-21T12:00:00Z"


def _line(level: str, message: str, ts: str = "2026-11-21T12:00:00.5Z", **more: str) -> str:
    return json.dumps({"ts": ts, "level": level, "message": message, **more})


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ([_line("info", "Starting"), "Traceback", "ValueError: x"], "ValueError: x"),
        (
            [_line("error", "first", exception="Traceback\nKeyError: 'a'"), _line("error", "Worker exited")],
            "KeyError: 'a'",
        ),
        ([_line("error", "Worker failed to boot"), "and a warning"], "Worker failed to boot"),
        ([_line("error", "of another start", ts="2026-11-21T11:59:59.9Z"), "plain"], "plain"),
        ([_line("info", "Starting")], "it said nothing"),
        (["[1, 2]", ""], "[1, 2]"),
    ],
)
def test_cause_is_the_line_that_says_most(lines: list[str], cause: str) -> None:
    """Mutants: the last line whatever it is; the first line of a traceback; errors of an earlier start."""
    assert units.cause(lines, BEGAN) == cause
