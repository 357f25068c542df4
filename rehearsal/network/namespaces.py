"""Network namespaces with names, as ``ip netns`` keeps them."""

from pathlib import Path

from rehearsal.machine.commands import run


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
