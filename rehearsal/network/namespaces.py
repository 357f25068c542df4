"""Network namespaces with names, as ``ip netns`` keeps them."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.machine.commands import run

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ensure_namespace(path: Path) -> bool:
    """Make a network namespace with its loopback up; return False if it was there."""
    if is_namespace(path):
        return False
    path.unlink(missing_ok=True)  # left by an ``ip netns add`` that was killed before its mount
    run("ip", "netns", "add", path.name)
    run("ip", "-batch", "-", namespace=path, stdin="link set lo up\n")
    return True


def is_namespace(path: Path) -> bool:
    """Return whether a network namespace is mounted at ``path``."""
    return path.exists() and path.stat().st_dev != path.parent.stat().st_dev


def remove_namespace(path: Path) -> None:
    """Remove a network namespace if it is there; its interfaces go with it once no process is inside."""
    if is_namespace(path):
        run("ip", "netns", "delete", path.name)
    path.unlink(missing_ok=True)


@contextmanager
def inside(namespace: Path) -> Iterator[None]:
    """Have this thread, and no other, make its sockets in another network namespace.

    Raises:
        OSError: There is no such namespace, or no right to enter it.
    """
    own = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    try:
        other = os.open(namespace, os.O_RDONLY)
        try:
            _enter(other)
        finally:
            os.close(other)
        try:
            yield
        finally:
            _enter(own)
    finally:
        os.close(own)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
