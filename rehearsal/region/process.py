"""Starting, finding and ending the region's process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rehearsal.progress import StepError
from rehearsal.region.client import Region
from rehearsal.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 30.0
# What the region may see of the caller's environment: above all nothing of AWS.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "SALTWATCH_PREFIX", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT")


def log_file(settings: Settings) -> Path:
    """Return where the region writes its log."""
    return settings.logs / "region.log"


def _pid_file(settings: Settings) -> Path:
    return settings.run / "region.pid"


def _started(number: int) -> str:
    """Return when a process started, in clock ticks since boot (field 22 of proc(5)'s stat), "" if gone."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def pid(settings: Settings) -> int | None:
    """Return the id of the region's process, None if there is none.

    The time it started is compared too: after a SIGKILL or a reboot the number may be another program's.
    """
    try:
        number, started = _pid_file(settings).read_text().split()
    except FileNotFoundError:
        return None
    return int(number) if _started(int(number)) == started else None


def running(settings: Settings) -> bool:
    """Return whether the region answers on its control socket and is ready."""
    return Region(settings).answers()


def start(
    settings: Settings,
    forwards: Mapping[socket.socket, tuple[str, int]],
    module: str = "rehearsal.region",
) -> None:
    """Start the region inside the router namespace, which exists, detached from this process.

    Args:
        settings: of the rehearsal.
        forwards: for each listening socket of this namespace the host's Name tag and its port that it leads
            to; the sockets are closed here once the region has them.
        module: what to run, for tests another than the real one.

    Raises:
        StepError: it ended, or was not ready in time; the message names its log.
    """
    log = log_file(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    settings.run.mkdir(parents=True, exist_ok=True)
    command = [
        *(shutil.which("nsenter") or "nsenter", f"--net={settings.namespace_path('router')}"),
        *(sys.executable, "-m", module),
    ]
    for listener, (name, port) in forwards.items():
        command += ["--forward", f"{listener.fileno()}:{name}:{port}"]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=settings.checkout,
            env={**environment, "SALTWATCH_PREFIX": settings.prefix, "PYTHONUNBUFFERED": "1"},
            pass_fds=[listener.fileno() for listener in forwards],
            start_new_session=True,
        )
    _pid_file(settings).write_text(f"{process.pid} {_started(process.pid)}\n")
    for listener in forwards:
        listener.close()
    deadline = time.monotonic() + START_SECONDS
    while not running(settings):
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise StepError(f"the region ended: {' '.join(last)}", advice="mend what it names", log=log)
        if time.monotonic() > deadline:
            process.kill()
            raise StepError(f"the region is not ready after {START_SECONDS:.0f} s", log=log)
        time.sleep(0.1)


def _gone(number: int, seconds: float) -> bool:
    """Wait for a process to end; reap it if it is a child of this one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if os.waitpid(number, os.WNOHANG)[0] == number:
                return True
        except ChildProcessError:
            if not Path(f"/proc/{number}").exists():
                return True
        time.sleep(0.05)
    return False


def stop(settings: Settings) -> None:
    """End the region's process if there is one, by SIGKILL if SIGTERM does not; hosts keep running."""
    number = pid(settings)
    if number is not None:
        os.kill(number, signal.SIGTERM)
        if not _gone(number, STOP_SECONDS):
            os.kill(number, signal.SIGKILL)
            _gone(number, STOP_SECONDS)
    _pid_file(settings).unlink(missing_ok=True)
    settings.control_socket.unlink(missing_ok=True)
