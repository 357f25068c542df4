"""Control groups of one prefix: where its processes live, hence how they are found and killed.

A group is a directory ``<prefix>/<name>`` in each hierarchy that counts: the single tree of cgroup v2,
or where v1 is mounted the ``name=systemd``, ``memory`` and ``unified`` ones. Membership is kept by the
kernel, so it cannot go stale as a recorded pid can, and children that were reparented are still in it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rehearsal.machine.commands import CommandError

CGROUP2 = "cgroup2"
_ROOT = Path("/sys/fs/cgroup")
_V1_CONTROLLERS = {"name=systemd", "memory"}
# Time for killed processes to be gone; a host's file systems are unmounted meanwhile.
_REAP_SECONDS = 20.0
# 0 stands for the process that writes it.
_JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1"; shift; done; shift; exec "$@"'


@cache
def hierarchies(mountinfo: Path = Path("/proc/self/mountinfo")) -> tuple[Path, ...]:
    """Return the mount points of the hierarchies used, that of processes' membership first.

    Args:
        mountinfo: As in proc(5).

    Raises:
        OSError: No cgroup hierarchy that could hold a host's systemd is mounted.
    """
    found = []
    for line in mountinfo.read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ")[:3]
        point = Path(fields.split()[4])
        if not point.is_relative_to(_ROOT):
            continue
        if kind == CGROUP2 and point == _ROOT:
            return (point,)
        if kind == CGROUP2 or (kind == "cgroup" and _V1_CONTROLLERS & set(options.split(","))):
            found.append((kind != CGROUP2 and "name=systemd" not in options, kind == CGROUP2, point))
    if not found:
        raise OSError(f"no cgroup hierarchy is mounted below {_ROOT}")
    return tuple(point for _, _, point in sorted(set(found)))


class Group:
    """The processes of one host, or of one service of the rehearsal.

    Args:
        prefix: The rehearsal's.
        name: The group's; empty for all groups of the prefix.
    """

    def __init__(self, prefix: str, name: str = ""):
        self.directories = [root / prefix / name for root in hierarchies()]

    def create(self, *children: str) -> None:
        """Make the group and, inside it, ``children`` for processes; with all controllers that there are."""
        for directory in self.directories:
            for parent in (directory.parent, directory):
                parent.mkdir(exist_ok=True)
                _delegate(parent)
            for child in children:
                (directory / child).mkdir(exist_ok=True)

    def pids(self, child: str = "") -> set[int]:
        """Return the processes of the group and its descendants, or of its ``child`` only."""
        return {pid for directory in self.directories for pid in _pids(directory / child)}

    def kill(self) -> None:
        """Kill all its processes, wait until they are gone, and remove the group.

        Raises:
            TimeoutError: Some processes did not go.
        """
        deadline = time.monotonic() + _REAP_SECONDS
        while pids := self.pids():
            for pid in pids:
                _kill(pid)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.directories[0]}: processes {sorted(pids)} survived SIGKILL")
            time.sleep(0.02)
        for directory in self.directories:
            for path in sorted(_tree(directory), reverse=True):
                path.rmdir()

    def joining(self, child: str, *argv: str | Path) -> tuple[str, ...]:
        """Return the command that runs ``argv`` as a member of ``child``, which `create` has made."""
        files = [str(directory / child / "cgroup.procs") for directory in self.directories]
        return ("sh", "-ec", _JOIN, "sh", *files, "--", *(str(word) for word in argv))

    def spawn(self, child: str, *argv: str | Path, log: Path, pass_fds: tuple[int, ...] = ()) -> None:
        """Start a process that outlives this one, in a session of its own; when this returns it is a member.

        Args:
            child: As in `joining`.
            argv: The command and its arguments.
            log: File that its output is appended to.
            pass_fds: Descriptors that it inherits beside the standard ones.

        Raises:
            CommandError: It could not be started.
        """
        command = self.joining(child, "setsid", "--fork", *argv)
        with log.open("ab") as output:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
            )
        if done.returncode:
            raise CommandError(command, done.returncode, f"see {log}")

    def memory(self) -> int | None:
        """Return its working set in bytes (usage less inactive file cache), None where it is not counted."""
        for directory in self.directories:
            for usage, inactive in (
                ("memory.current", "inactive_file"),
                ("memory.usage_in_bytes", "total_inactive_file"),
            ):
                if (directory / usage).exists():
                    lines = (directory / "memory.stat").read_text().splitlines()
                    stat = dict(line.split() for line in lines)
                    return int((directory / usage).read_text()) - int(stat[inactive])
        return None


def _delegate(directory: Path) -> None:
    """Let children of a v2 group have its controllers; v1 hierarchies need nothing."""
    controllers = directory / "cgroup.controllers"
    if controllers.exists():
        wanted = " ".join(f"+{name}" for name in controllers.read_text().split())
        (directory / "cgroup.subtree_control").write_text(wanted)


def _tree(directory: Path) -> Iterator[Path]:
    for path, _, _ in os.walk(directory):
        yield Path(path)


def _pids(directory: Path) -> Iterator[int]:
    for path in _tree(directory):
        try:
            # 0 stands for processes outside our pid namespace; to kill(2) it would mean ourselves.
            yield from (int(pid) for pid in (path / "cgroup.procs").read_text().split() if pid != "0")
        except OSError:
            continue  # the group went while we looked


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
