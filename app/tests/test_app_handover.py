"""One gunicorn takes over from another on a socket that somebody else keeps open, as systemd does."""

import http.client
import itertools
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn_server import Server, serving

# Hands over file descriptor argv[1] as sd_listen_fds(3) says, then runs the rest.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""
CREATED = 'http_requests_total{method="POST",route="/api/tasks",status="201"}'


class Successor:
    """Another gunicorn on a server's database, counters and log; made when a worker of it is ready."""

    def __init__(self, server: Server, listener: socket.socket, directory: Path) -> None:
        path = (
            tempfile.mkdtemp(dir=directory) + "/notify"
        )  # its own: another gunicorn's workers are not to be heard
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(60)
            arguments = [sys.executable, "-c", ACTIVATE, str(listener.fileno()), sys.executable]
            self.process = subprocess.Popen(
                [*arguments, "-m", "gunicorn", "-c", "python:saltwatch_app.gunicorn_conf"],
                env=server.environ | {"NOTIFY_SOCKET": path},
                pass_fds=[listener.fileno()],
            )
            self.told = notify.recv(1024)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


class Visitors:
    """A constant load; ``failures`` is what was not answered as it should be."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.failures: list[str] = []
        self.created = itertools.count()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(kept,)) for kept in (True, True, False)]
        for thread in self._threads:
            thread.start()

    def leave(self) -> int:
        self._end.set()
        for thread in self._threads:
            thread.join()
        return next(self.created)

    def _visit(self, kept: bool) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        while not self._end.wait(0.02):
            try:
                connection.request(
                    "POST", "/api/tasks", b'{"title": "x"}', {"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            if answer.status == 201:
                next(self.created)
            else:
                self.failures.append(str(answer.status))
            if not kept:
                connection.close()
        connection.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


def test_no_request_and_no_count_is_lost_when_one_takes_over(tmp_path: Path, listener: socket.socket) -> None:
    """Twice, by connections that stay open and by new ones.

    Mutants: SIGQUIT in place of SIGTERM; counters that start from zero with each gunicorn; a gunicorn that
    binds its own socket.
    """
    address = "{}:{}".format(*listener.getsockname())
    with serving(tmp_path) as migrated:
        migrated.stop()
        migrated.url = f"http://{address}"
        serving_now = Successor(migrated, listener, tmp_path)
        try:
            visitors = Visitors(address)
            for _ in range(2):
                before, serving_now = serving_now, Successor(migrated, listener, tmp_path)
                before.stop()
            created = visitors.leave()
            assert visitors.failures == []
            assert created > 20
            assert migrated.sample(CREATED) == created == migrated.sample("tasks_total")
        finally:
            serving_now.stop()


def test_ready_is_said_by_a_worker_that_has_loaded_the_application(
    tmp_path: Path, listener: socket.socket
) -> None:
    """Mutant: NOTIFY_SOCKET left to gunicorn, whose arbiter says it before there is any worker."""
    with serving(tmp_path) as migrated:
        successor = Successor(migrated, listener, tmp_path)
        successor.stop()
    assert successor.told == b"READY=1"
