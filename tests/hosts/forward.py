"""The way of a browser to a service: through the control node."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import remote


@contextmanager
def forwarded(name: str, port: int) -> Iterator[str]:
    """The URL here of a port there, by SSH through salt-1, which has to be one of its clients."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        local = free.getsockname()[1]
    command = [
        "ssh",
        "-F",
        remote.SSH_CONFIG,
        "-N",
        "-o",
        "ControlPath=none",
        "-o",
        "ExitOnForwardFailure=yes",
    ]
    process = subprocess.Popen([*command, "-L", f"127.0.0.1:{local}:{name}:{port}", "salt-1"])
    try:
        deadline = time.monotonic() + 30
        while not _listens(local):
            assert process.poll() is None and time.monotonic() < deadline, f"no way to {name}:{port}"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{local}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
