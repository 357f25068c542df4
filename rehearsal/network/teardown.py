"""Removes all that a rehearsal made on the machine, whatever state it is in and whoever made it."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from shutil import rmtree

from rehearsal.machine import nspawn
from rehearsal.machine.cgroups import Group
from rehearsal.machine.commands import run
from rehearsal.network.namespaces import is_namespace, remove_namespace
from rehearsal.settings import Settings

ETC = Path("/etc/netns")  # ip-netns(8): files that ``ip netns exec`` mounts over those of /etc
_GONE_SECONDS = 10.0


def down(settings: Settings) -> None:
    """Kill the rehearsal's processes, then remove its namespaces, mounts, loop devices and files.

    What it works from is what the machine shows, not what some process remembers: control groups, mounts,
    backing files and names with the prefix. So it also finishes what was killed half way.

    Raises:
        CommandError, TimeoutError: Something could not be removed; a second call goes on from there.
    """
    # The region first, which would take care of its hosts' end.
    _kill_inside([settings.namespace_path("router")])
    Group(settings.prefix).kill()
    namespaces = sorted(Path("/run/netns").glob(f"{settings.prefix}-*"))
    _kill_inside(namespaces)
    own = (settings.state / "hosts", settings.state / "volumes", settings.run)
    _unmount(own)
    _detach_loops(own)
    for namespace in namespaces:
        remove_namespace(namespace)
    nspawn.forget(f"{settings.prefix}-*")
    leftovers = [*own, *ETC.glob(f"{settings.prefix}-*")]
    for path in leftovers:
        if path.exists():
            rmtree(path)
    with contextlib.suppress(OSError):  # not empty: others use it
        ETC.rmdir()


def _kill_inside(namespaces: list[Path]) -> None:
    """Kill what runs in network namespaces, commands of the operator say, but never ourselves."""
    spared = {os.getpid(), os.getppid()}
    deadline = time.monotonic() + _GONE_SECONDS
    for namespace in namespaces:
        while pids := _inside(namespace) - spared:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{namespace}: processes {sorted(pids)} survived SIGKILL")
            time.sleep(0.02)


def _inside(namespace: Path) -> set[int]:
    if not is_namespace(namespace):
        return set()
    return {int(pid) for pid in run("ip", "netns", "pids", namespace.name).split()}


def _unmount(directories: tuple[Path, ...]) -> None:
    """Unmount all below some directories, innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    for point in reversed([Path(line.split()[4]) for line in lines]):
        if any(point.is_relative_to(directory) for directory in directories):
            nspawn.unmount(point)


def _detach_loops(directories: tuple[Path, ...]) -> None:
    output = run("losetup", "--list", "--json", "--output", "NAME,BACK-FILE")
    for item in json.loads(output)["loopdevices"] if output.strip() else []:
        if any(Path(item["back-file"]).is_relative_to(directory) for directory in directories):
            run("losetup", "--detach", item["name"])
