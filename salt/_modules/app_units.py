"""The application's processes on its host: starting and stopping them, asking them, and why one failed."""

import http.client
import json
import socket
import subprocess
import time
from pathlib import Path

from salt.exceptions import CommandExecutionError

__virtualname__ = "app_units"

ANSWER_TIMEOUT = 5.0  # seconds
PROOF_TIMEOUT = 30.0  # seconds in which what was started has to answer well
STEADY = 3.0  # seconds for which it has to answer well without a break
PAUSE = 0.2  # seconds between two questions
LINES = 60  # of a journal or a log that are looked at for a cause
TAIL = 1 << 16  # bytes
REASON_LIMIT = 1000  # characters


def systemctl(*arguments: str) -> None:
    """Run systemctl.

    Raises:
        CommandExecutionError: with what it printed.
    """
    command = ["systemctl", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CommandExecutionError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")


def is_active(unit: str) -> bool:
    """Return whether a unit runs."""
    return subprocess.run(["systemctl", "--quiet", "is-active", unit], check=False).returncode == 0


def start(unit: str, verb: str = "start", log_file: str | None = None) -> None:
    """Start a unit and wait until it says that it is ready.

    Args:
        unit: its name.
        verb: ``start`` or ``restart``.
        log_file: where it writes its JSON lines, if not to the journal.

    Raises:
        CommandExecutionError: with the cause.
    """
    began = _now()
    try:
        systemctl(verb, unit)
    except CommandExecutionError as error:
        raise CommandExecutionError(f"{unit} did not start: {_said(unit, log_file, began)}") from error


def ask(address: str, path: str) -> str | None:
    """Ask for a path over HTTP; return what is wrong with the answer, None if it is 200.

    Args:
        address: ``HOST:PORT`` or ``unix:/PATH``.
        path: such as ``/health``.
    """
    kind = _UnixConnection if address.startswith("unix:") else http.client.HTTPConnection
    connection = kind(address.removeprefix("unix:"), timeout=ANSWER_TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        body = answer.read(REASON_LIMIT).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({error!r})"
    finally:
        connection.close()
    return None if answer.status == 200 else f"{answer.status} {body}"


def wait(address: str, path: str, unit: str, steady: float = 0.0, log_file: str | None = None) -> None:
    """Wait until a unit answers well.

    Args:
        address: where it listens.
        path: what to ask for.
        unit: its name.
        steady: seconds for which good answers have to come without a break.
        log_file: where it writes its JSON lines, if not to the journal.

    Raises:
        CommandExecutionError: with the last bad answer, and what the unit said.
    """
    began, deadline = _now(), time.monotonic() + PROOF_TIMEOUT
    good_since = None
    while True:
        wrong = ask(address, path)
        now = time.monotonic()
        good_since = None if wrong else good_since or now
        if good_since and now - good_since >= steady:
            return
        if wrong and now > deadline:
            raise CommandExecutionError(f"{path}: {wrong}. {unit}: {_said(unit, log_file, began)}")
        time.sleep(PAUSE)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; ``host`` is its path."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def _now() -> str:
    """Return the time as log lines and the journal write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _said(unit: str, log_file: str | None, began: str) -> str:
    command = ["journalctl", "--unit", unit, "--since", began.replace("T", " ").replace("Z", " UTC")]
    command += ["--output", "json", "--lines", str(LINES)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    # How the process ended, which systemd says, is the cause only if it said nothing itself.
    ended = [entry for entry in entries if "process exited" in str(entry.get("MESSAGE"))]
    own = [entry for entry in entries if entry.get("SYSLOG_IDENTIFIER") != "systemd"]
    lines = [str(entry.get("MESSAGE")) for entry in (*ended, *own)]
    if log_file and Path(log_file).exists():
        with Path(log_file).open("rb") as file:
            file.seek(max(0, Path(log_file).stat().st_size - TAIL))
            lines += file.read().decode(errors="replace").splitlines()[-LINES:]
    return cause(lines, began)


def cause(lines: list[str], began: str) -> str:
    """Return the line that says best why a process failed: of its last exception, else of its last error.

    Args:
        lines: JSON lines of the application, plain text of anything else.
        began: since when (RFC 3339); older JSON lines do not count.
    """
    exceptions, errors, plain = [], [], []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            plain.append(line)
        elif entry.get("level") in ("error", "critical") and str(entry.get("ts")) >= began[:-1]:
            exceptions.append(str(entry.get("exception") or ""))
            errors.append(str(entry.get("message")))
    for told in (exceptions, errors, plain):
        if said := [text.strip() for text in told if text.strip()]:
            return said[-1].splitlines()[-1][:REASON_LIMIT]
    return "it said nothing"
