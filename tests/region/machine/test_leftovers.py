"""After ``down`` the machine is as it was, whatever was killed at whatever moment."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rehearsal.hypervisor import Hypervisor
from rehearsal.machine.cgroups import Group
from rehearsal.machine.commands import run
from rehearsal.machine.leftovers import Snapshot, difference, snapshot
from rehearsal.model import Volume, World
from rehearsal.network import Network
from rehearsal.settings import CHECKOUT, Settings

from .worlds import instance

pytestmark = pytest.mark.root

# Two hosts, one of them with a volume.
HOSTS = (instance(31), instance(32))
WORLD = World(HOSTS, (), (Volume("vol-0b1", 1, HOSTS[0].id, "/dev/sdf"),))
# Kinds of things that a rehearsal must have while it is up, or the snapshots show nothing.
SEEN = ("processes", "mounts", "loop devices", "control groups", "files")


@pytest.fixture
def before(settings: Settings, authority: Path) -> Snapshot:
    Network(settings).down()
    return snapshot(settings.prefix)


def start(settings: Settings, rootfs: Path) -> Hypervisor:
    Network(settings).up()
    hypervisor = Hypervisor(settings, lambda _: rootfs)
    hypervisor.reconcile(WORLD)
    return hypervisor


def killed_start(settings: Settings, rootfs: Path, number: int) -> subprocess.CompletedProcess[bytes]:
    """Start two hosts in a process that dies before its ``number``-th command, if there are as many."""
    options = [f"--kill-at={number}", str(rootfs), "31", "32"]
    return subprocess.run(
        [sys.executable, "-m", "tests.region.machine.keeper", *options],
        cwd=CHECKOUT,
        env={**os.environ, "SALTWATCH_PREFIX": settings.prefix},
        check=False,
        capture_output=True,
    )


def test_down_leaves_nothing(settings: Settings, rootfs: Path, before: Snapshot) -> None:
    """Mutants: leave out any one line of `teardown.down`; add to the machine's own namespace."""
    hypervisor = start(settings, rootfs)
    during = snapshot(settings.prefix)
    hypervisor.close()
    assert [kind for kind in SEEN if during[kind] == before[kind]] == []
    unbidden = [kind for kind in before if kind not in SEEN and during[kind] != before[kind]]
    assert unbidden == []
    Network(settings).down()
    assert difference(before, snapshot(settings.prefix)) == []


def test_down_after_everything_was_killed(settings: Settings, rootfs: Path, before: Snapshot) -> None:
    """Mutant: find mounts, loop devices or namespaces by asking processes."""
    hypervisor = start(settings, rootfs)
    hypervisor.close()
    for pid in Group(settings.prefix).pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    Network(settings).down()
    assert difference(before, snapshot(settings.prefix)) == []


def test_down_ends_what_runs_in_the_namespaces(settings: Settings, before: Snapshot) -> None:
    """A command of the operator's is in no control group of ours. Mutant: kill control groups only."""
    Network(settings).up()
    sleeper = subprocess.Popen(["ip", "netns", "exec", settings.namespace("operator"), "sleep", "600"])
    Network(settings).down()
    assert sleeper.wait() == -signal.SIGKILL
    assert difference(before, snapshot(settings.prefix)) == []


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.long)])
def test_a_start_killed_at_any_command(settings: Settings, rootfs: Path, before: Snapshot, step: int) -> None:
    """Mutants: take a namespace's file without its mount for one; fail at what is half made."""
    for number in range(1 + step // 2, 1000, step):
        ended = killed_start(settings, rootfs, number)
        Network(settings).down()
        assert difference(before, snapshot(settings.prefix)) == [], f"killed before command {number}"
        if ended.returncode == 0:
            assert number > step  # it did die, until there were no more commands
            return
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def test_a_start_goes_on_from_where_it_was_killed(settings: Settings, rootfs: Path, before: Snapshot) -> None:
    """Mutant: `up`, or a launch, refuses what is there by half."""
    for number in (4, 9, 14, 19, 24, 29):
        assert killed_start(settings, rootfs, number).returncode == -signal.SIGKILL
    Network(settings).up()
    hypervisor = Hypervisor(settings, lambda _: rootfs)
    hypervisor.adopt()
    hypervisor.reconcile(WORLD)
    hypervisor.close()
    assert [host["state"] for host in hypervisor.status()] == ["running", "running"]
    Network(settings).down()
    assert difference(before, snapshot(settings.prefix)) == []


@contextmanager
def stray(kind: str, name: str) -> Iterator[None]:
    """Leave one thing on the machine for a while."""
    path = Path("/run") / name
    if kind == "processes":
        # A shell that waits at its standard input, with the name among its arguments.
        with subprocess.Popen(["sh", "-c", "read line", f"/{name}/"], stdin=subprocess.PIPE):
            yield
    elif kind == "control groups":
        group = Group(name)
        group.directories[0].mkdir()
        yield
        group.directories[0].rmdir()
    elif kind == "mounts":
        path.mkdir()
        run("mount", "-t", "tmpfs", f"{name}-x", path)
        yield
        run("umount", path)
        path.rmdir()
    elif kind == "loop devices":
        path.mkdir()
        file = path / "disk"
        file.write_bytes(bytes(1 << 20))
        loop = run("losetup", "--find", "--show", file).strip()
        yield
        run("losetup", "--detach", loop)
        file.unlink()
        path.rmdir()
    else:
        run("ip", "netns", "add", f"{name}-x")
        yield
        run("ip", "netns", "delete", f"{name}-x")


@pytest.mark.parametrize("kind", SEEN)
def test_a_snapshot_sees_each_kind(settings: Settings, kind: str) -> None:
    """Mutant: leave a kind out of `snapshot`: the tests above could not fail for it."""
    name = f"{settings.prefix}y"
    empty = snapshot(name)
    with stray(kind, name):
        found = difference(empty, snapshot(name))
    assert any(line.startswith(f"+ {kind}: ") for line in found)
    assert difference(empty, snapshot(name)) == []
