"""The process at the other end of a TCP connection, in whichever network namespace it is."""

import logging
import os
import signal
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

log = logging.getLogger(__name__)


def _processes() -> Iterator[Path]:
    return (path for path in Path("/proc").iterdir() if path.name.isdigit())


def _sockets(process: Path, peer: str) -> set[str]:
    """Return the inodes of TCP sockets in the process's network namespace whose own end is ``peer``."""
    inodes = set()
    for line in (process / "net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[1] == peer:
            inodes.add(columns[9])
    return inodes


def _opens(process: Path, links: set[str]) -> bool:
    return any(str(descriptor.readlink()) in links for descriptor in (process / "fd").iterdir())


def find(address: str, port: int) -> list[int]:
    """Return the ids of the processes that have the socket open whose own end is ``address`` and ``port``.

    Each network namespace's ``/proc/PID/net/tcp`` is read once (addresses there are in the byte order of the
    machine), then the file descriptors of the namespace's processes. A loopback address is one of this
    process's own namespace: the others have the same.
    """
    here = str(Path("/proc/self/ns/net").readlink())
    only_here = IPv4Address(address).is_loopback
    own = f"{int.from_bytes(IPv4Address(address).packed, 'little'):08X}:{port:04X}"
    inodes: dict[str, set[str]] = {}
    found = []
    for process in _processes():
        try:
            namespace = str((process / "ns/net").readlink())
            if only_here and namespace != here:
                continue
            if namespace not in inodes:
                inodes[namespace] = _sockets(process, own)
            links = {f"socket:[{inode}]" for inode in inodes[namespace]}
            if links and _opens(process, links):
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended meanwhile, or belongs to a container's supervisor
    return found


def kill(peer: tuple[str, int]) -> None:
    """Send SIGKILL to the process groups that hold the other end ``peer`` of a connection.

    The region's own group and those of PID 1 are never among them.
    """
    spared = {os.getpgid(0), os.getpgid(1), 0}
    for process in find(*peer):
        try:
            group = os.getpgid(process)
        except ProcessLookupError:
            continue  # killed with its group just now
        if group in spared:
            log.warning(
                "not killing caller %s: its process group %s is the region's or init's", process, group
            )
            continue
        log.info("killing process group %s of caller %s at %s:%s", group, process, *peer)
        os.killpg(group, signal.SIGKILL)
