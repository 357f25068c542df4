"""Hosts from launch to termination, on the fleet's real image."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from rehearsal.hypervisor import Hypervisor, container
from rehearsal.hypervisor.container import Container
from rehearsal.machine.cgroups import Group, hierarchies
from rehearsal.machine.commands import run
from rehearsal.model import Instance, Rule, SecurityGroup, Volume, World
from rehearsal.network import Network
from rehearsal.settings import CHECKOUT, Settings

from .sides import Side
from .worlds import instance

pytestmark = pytest.mark.root

Find = Callable[[Instance | str], Side]
BY_ID = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc"
ONE = World((instance(21, "sg-open"),))
HOST = ONE.instances[0]
VOLUME = Volume("vol-0abc", 1, HOST.id, "/dev/sdf")


def eventually(condition: Callable[[], object]) -> None:
    """Wait for something that takes as long as the machine is busy; then give up."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not come true"
        time.sleep(0.05)


class Lab:
    """A hypervisor, and a way to run commands in its hosts."""

    def __init__(self, settings: Settings, rootfs: Path):
        self.settings = settings
        self.hypervisor = Hypervisor(settings, lambda _: rootfs)

    def make(self, world: World) -> None:
        self.hypervisor.reconcile(world)
        eventually(
            lambda: all(h["boot_seconds"] for h in self.hypervisor.status() if h["state"] == "running")
        )

    def state(self, item: Instance = HOST) -> str:
        return next(host["state"] for host in self.hypervisor.status() if host["id"] == item.id)

    def leader(self, item: Instance = HOST) -> int:
        """Return the host's first process, found as any administrator would."""
        for pid in Group(self.settings.prefix, item.id).pids("machine"):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except FileNotFoundError:  # it has ended meanwhile
                continue
            if "\t1\n" in status.partition("NSpid:")[2].partition("NSpgid")[0]:
                return pid
        raise AssertionError(f"{item.id} has no first process")

    def run(self, script: str, item: Instance = HOST) -> str:
        inside = ("nsenter", f"--target={self.leader(item)}", "--mount", "--uts", "--ipc", "--net", "--pid")
        return run(*inside, "--", "sh", "-ec", script)


@pytest.fixture
def lab(network: Network, authority: Path, rootfs: Path) -> Iterator[Lab]:
    lab = Lab(network.settings, rootfs)
    lab.hypervisor.adopt()
    yield lab
    lab.hypervisor.close()
    lab.hypervisor.reconcile(World())


def test_a_host_is_a_system_of_its_own(lab: Lab, authority: Path) -> None:
    """Mutants: seed nothing; share the network or the cgroup of the machine; count no memory."""
    other = instance(22, "sg-open", public="54.214.1.2")
    lab.make(World((HOST, other)))
    eventually(lambda: lab.run("systemctl is-system-running || :").strip() == "running")
    assert lab.run("cat /proc/1/comm").strip() == "systemd"
    assert lab.run("hostname").strip() == "ip-10-0-10-21"
    assert lab.run("hostname", other).strip() == "ip-10-0-10-22"
    assert lab.run("ip -brief -4 address show eth0").split()[2] == "10.0.10.21/24"
    assert "nameserver 10.0.0.2\n" in lab.run("cat /etc/resolv.conf")
    assert authority.read_text().strip() in lab.run("cat /etc/ssl/certs/ca-certificates.crt")
    assert "AWS_CA_BUNDLE=/etc/ssl/certs/" in lab.run(
        "systemctl show --property=Environment; cat /etc/environment"
    )
    assert lab.run("sysctl -w net.ipv4.ip_forward=1")  # WireGuard's host will want that
    status = {host["id"]: host for host in lab.hypervisor.status()}
    assert status[other.id]["public_ip"] == "54.214.1.2"
    assert status[HOST.id]["boot_seconds"] > 0
    assert b"Reached target" in lab.hypervisor.console(HOST.id)
    if any((root / "memory.stat").exists() or root.name == "memory" for root in hierarchies()):
        assert status[HOST.id]["memory_bytes"] > 1 << 20


def test_groups_hold_for_hosts(lab: Lab, side: Find) -> None:
    """Mutant: start hosts before, or without, applying groups."""
    ssh = SecurityGroup("sg-ssh", "ssh", (Rule("tcp", (22, 22), (), ("sg-to",)),), ())
    to = SecurityGroup("sg-to", "to", (), (Rule("-1", None, (IPv4Network("0.0.0.0/0"),)),))
    a, b = instance(21, "sg-to"), instance(22, "sg-ssh")
    lab.make(World((a, b), (ssh, to)))
    assert side(a).seen_as(b.private_ip, 22).startswith("SSH-2.0")
    assert side(b).dropped(a.private_ip, 22)


def test_the_disk_survives_boots_but_not_the_instance(lab: Lab) -> None:
    """Mutants: a new overlay at each boot; a disk kept for the next instance of the id."""
    lab.make(ONE)
    lab.run("echo mine > /root/mark")
    first = lab.leader()
    lab.hypervisor.reboot(HOST.id)
    lab.make(ONE)
    assert lab.leader() != first
    assert lab.run("cat /root/mark") == "mine\n"
    lab.hypervisor.reconcile(World((replace(HOST, running=False),)))
    assert lab.state() == "stopped"
    assert not Group(lab.settings.prefix, HOST.id).pids()
    assert not (lab.settings.state / "hosts" / HOST.id / "root").is_mount()
    assert lab.hypervisor.stopped_by_itself() == []
    lab.make(ONE)
    assert lab.run("cat /root/mark") == "mine\n"
    lab.hypervisor.reconcile(World())
    lab.make(ONE)
    assert lab.run("ls /root/mark || echo none") == "none\n"


def test_a_reboot_from_inside(lab: Lab) -> None:
    """Mutant: take every end of a container for the end of the host."""
    lab.make(ONE)
    first = lab.leader()
    lab.run("echo mine > /root/mark; systemctl reboot")
    eventually(lambda: Group(lab.settings.prefix, HOST.id).pids("machine") and _other(lab, first))
    lab.make(ONE)
    assert lab.run("cat /root/mark") == "mine\n"
    assert lab.hypervisor.stopped_by_itself() == []


def test_a_reboot_is_noticed_whichever_process_was_watched(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one is that is looked for before the launcher has let nspawn go. Mutant: only one waited for."""
    ordinary, asked = Container.watch, []
    slow = container._LAUNCH.replace('"$@"; echo $?', '"$@"; code=$?; sleep 0.5; echo $code')
    assert slow != container._LAUNCH
    monkeypatch.setattr(container, "_LAUNCH", slow)

    def nspawn_first(self: Container) -> int | None:
        if asked:
            return ordinary(self)
        eventually(self.leader)
        status = Path(f"/proc/{self.leader()}/status").read_text()
        asked.append(int(status.partition("PPid:")[2].split()[0]))
        return os.pidfd_open(asked[0])

    monkeypatch.setattr(Container, "watch", nspawn_first)
    lab.make(ONE)
    first = lab.leader()
    lab.run("systemctl reboot")
    eventually(lambda: _other(lab, first))
    assert not Path(f"/proc/{asked[0]}").exists()
    assert lab.hypervisor.stopped_by_itself() == []


def _other(lab: Lab, first: int) -> bool:
    try:
        return lab.leader() != first
    except (AssertionError, FileNotFoundError, ProcessLookupError):
        return False


def test_power_off_from_inside_is_noticed(lab: Lab) -> None:
    """Mutants: start it again at once; forget that it stopped before the world says so."""
    lab.make(ONE)
    lab.run("systemctl poweroff")
    eventually(lambda: lab.hypervisor.stopped_by_itself() == [HOST.id])
    lab.hypervisor.reconcile(ONE)
    assert lab.state() == "stopped"
    lab.hypervisor.reconcile(World((replace(HOST, running=False),)))
    assert lab.hypervisor.stopped_by_itself() == []
    lab.make(ONE)
    assert lab.state() == "running"


def test_termination_leaves_nothing_of_a_host(lab: Lab) -> None:
    """Mutants: leave the veth, the cgroup, the mount, the namespace or the files."""
    lab.make(replace(ONE, volumes=(VOLUME,)))
    lab.hypervisor.reconcile(World())
    assert lab.settings.namespace(HOST.id) not in Path("/proc/self/mountinfo").read_text()
    assert not lab.settings.namespace_path(HOST.id).exists()
    assert not any((root / lab.settings.prefix / HOST.id).exists() for root in hierarchies())
    assert not list(lab.settings.state.rglob(f"*{HOST.id}*"))
    assert not list((lab.settings.run / "hosts").iterdir())
    assert not list(Path("/run/systemd/nspawn").glob(f"*/{lab.settings.namespace(HOST.id)}"))
    router = lab.settings.namespace_path("router")
    assert HOST.id[-13:] not in run("ip", "link", "show", namespace=router)
    assert str(HOST.private_ip) not in run("ip", "route", "show", namespace=router)


def test_one_bad_host_holds_up_no_other(network: Network, authority: Path, rootfs: Path) -> None:
    """Mutant: start hosts without catching what fails. The region learns of it as of a host that went off."""

    def images(image_id: str) -> Path:
        if image_id == "ami-bad":
            raise OSError("no such image")
        return rootfs

    lab = Lab(network.settings, rootfs)
    lab.hypervisor = Hypervisor(network.settings, images)
    bad = replace(instance(22), image_id="ami-bad")
    lab.make(World((bad, HOST)))
    assert lab.state() == "running"
    assert lab.hypervisor.stopped_by_itself() == [bad.id]
    lab.hypervisor.reconcile(World())


def test_a_volume_is_attached_kept_and_detached(lab: Lab) -> None:
    """Mutants: no links; no device at boot; fstab left to udev; the node left after all; the file kept."""
    lab.make(ONE)
    attached = replace(ONE, volumes=(VOLUME,))
    lab.make(attached)
    file = lab.settings.state / "volumes" / VOLUME.id
    assert file.stat().st_size == 1 << 30
    assert lab.run(f"readlink -f {BY_ID} /dev/sdf").split() == ["/dev/nvme1n1"] * 2
    lab.run(f"mkfs.ext4 -q {BY_ID}; mkdir /srv/data; echo '{BY_ID} /srv/data ext4 nofail 0 2' >> /etc/fstab")
    lab.run("mount /srv/data; echo kept > /srv/data/mark")
    lab.hypervisor.reboot(HOST.id)
    lab.make(attached)
    eventually(lambda: "/srv/data" in lab.run("cat /proc/mounts"))
    assert lab.run("cat /srv/data/mark") == "kept\n"
    # Data goes with the volume, not with the host.
    other = instance(22, "sg-open")
    lab.make(World((other,), (), (replace(VOLUME, instance_id=other.id),)))
    assert lab.run("mount /dev/nvme1n1 /mnt; cat /mnt/mark; umount /mnt", other) == "kept\n"
    lab.make(World((other,), (), (replace(VOLUME, instance_id=None, device=None),)))
    assert lab.run("ls /dev/nvme1n1 /dev/sdf 2>/dev/null || echo none", other) == "none\n"
    assert file.exists()
    assert str(file) not in run("losetup", "--list")
    lab.make(World((other,)))
    assert not file.exists()


def test_a_host_cannot_have_devices_made_elsewhere(lab: Lab) -> None:
    """Mutant: make links by path: /dev/disk leads to this machine's directory then."""
    lab.make(ONE)
    target = lab.settings.run / "by-id"
    lab.run(f"rm -rf /dev/disk; ln -s {lab.settings.run} /dev/disk")
    lab.hypervisor.reconcile(replace(ONE, volumes=(VOLUME,)))
    assert not target.exists()


def test_the_console_is_bounded(lab: Lab) -> None:
    """Mutants: return, or keep, all of it; lose what is printed while the file is shortened."""
    lab.make(ONE)
    lab.run(
        "for i in $(seq 400); do echo line $i; head -c 1000 /dev/zero | tr '\\0' x; echo; done > /dev/console"
    )
    console = lab.settings.state / "hosts" / HOST.id / "console"
    lab.run("echo the last words > /dev/console")
    eventually(lambda: b"the last words" in lab.hypervisor.console(HOST.id))
    eventually(lambda: console.stat().st_blocks * 512 < 300_000)
    returned = lab.hypervisor.console(HOST.id)
    assert len(returned) == 64 * 1024
    numbers = [int(number) for number in re.findall(rb"^line (\d+)", returned, re.MULTILINE)]
    assert len(numbers) > 60
    assert numbers == list(range(401 - len(numbers), 401))


def test_what_a_host_prints_is_there_however_late_it_is_read(lab: Lab) -> None:
    """The reader is nspawn, which may wait for a processor. Mutant: a getty, which hangs the console up."""
    lab.make(ONE)
    eventually(lambda: lab.run("systemctl is-system-running || :").strip() == "running")
    readers = [pid for pid in Container(lab.settings, HOST.id).group.pids() if _name(pid) == "systemd-nspawn"]
    assert readers
    much = "head -c 6000 /dev/zero | tr '\\0' x"  # than a terminal keeps when it is hung up
    try:
        for pid in readers:
            os.kill(pid, signal.SIGSTOP)
        lab.run(
            f"({much}; echo the host keys) > /dev/console; systemctl restart console-getty && sleep 1 || :"
        )
    finally:
        for pid in readers:
            os.kill(pid, signal.SIGCONT)
    lab.run("echo the last words > /dev/console")
    eventually(lambda: b"the last words" in lab.hypervisor.console(HOST.id))
    assert b"the host keys" in lab.hypervisor.console(HOST.id)


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def keeper(
    settings: Settings, rootfs: Path, *options: str, wrapper: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    command = [*wrapper, sys.executable, "-m", "tests.region.machine.keeper", str(rootfs), *options]
    environment = {**os.environ, "SALTWATCH_PREFIX": settings.prefix}
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True)


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout and process.stdout.readline() == "ready\n"


def test_hosts_survive_the_region_and_are_found_again(
    lab: Lab, rootfs: Path, request: pytest.FixtureRequest
) -> None:
    """Mutants: hosts as children in the region's session; nothing noted; a restart of what runs already."""
    with keeper(lab.settings, rootfs, "21") as process:
        ready(process)
        process.send_signal(signal.SIGKILL)
    first = lab.leader()
    note = json.loads((lab.settings.run / "hosts" / HOST.id / "note.json").read_text())
    volume = Volume("vol-0a1", 1, HOST.id, "/dev/sdf")
    again = Lab(lab.settings, rootfs)
    request.addfinalizer(again.hypervisor.close)
    again.hypervisor.adopt()
    again.make(replace(ONE, volumes=(volume,)))
    assert lab.leader() == first
    assert again.hypervisor.status()[0]["boot_seconds"] == note["boot_seconds"]
    assert again.run("ls /dev/nvme2n1 2>/dev/null || echo one volume") == "one volume\n"
    again.run("systemctl poweroff")
    eventually(lambda: again.hypervisor.stopped_by_itself() == [HOST.id])
    again.hypervisor.reconcile(World())


def test_what_happened_while_no_region_ran(lab: Lab, rootfs: Path, request: pytest.FixtureRequest) -> None:
    """Mutant: start again, at adoption, what had powered itself off."""
    with keeper(lab.settings, rootfs, "21", "22") as process:
        ready(process)
        process.send_signal(signal.SIGKILL)
    other = instance(22)
    lab.run("systemctl poweroff")
    lab.run("systemctl reboot", other)
    eventually(lambda: not Group(lab.settings.prefix).pids() - _uplink(lab))
    again = Lab(lab.settings, rootfs)
    request.addfinalizer(again.hypervisor.close)
    again.hypervisor.adopt()
    again.make(World((HOST, other)))
    assert again.state() == "stopped" and again.hypervisor.stopped_by_itself() == [HOST.id]
    assert again.state(other) == "running"
    again.hypervisor.reconcile(World())


def _uplink(lab: Lab) -> set[int]:
    return Group(lab.settings.prefix, "uplink").pids()


def test_a_stop_on_request_is_no_news_to_a_later_region(
    lab: Lab, rootfs: Path, request: pytest.FixtureRequest
) -> None:
    """Mutant: judge by the exit status alone. The later region might terminate the instance for it."""
    lab.make(ONE)
    lab.hypervisor.reconcile(World((replace(HOST, running=False),)))
    again = Lab(lab.settings, rootfs)
    request.addfinalizer(again.hypervisor.close)
    again.hypervisor.adopt()
    assert again.hypervisor.stopped_by_itself() == []


def test_a_machine_with_the_single_control_group_tree(network: Network, rootfs: Path) -> None:
    """As systemd mounts it where it is init; here in a mount namespace. Mutant: expect the v1 hierarchies."""
    network.down()  # what runs in the machine's own hierarchies
    script = 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
    wrapper = ("unshare", "--mount", "--propagation=slave", "sh", "-c", script, "sh")
    with keeper(network.settings, rootfs, "21", wrapper=wrapper) as process:
        ready(process)
        tree = run(
            "nsenter",
            f"--target={process.pid}",
            "--mount",
            "find",
            f"/sys/fs/cgroup/{network.settings.prefix}",
        )
        process.send_signal(signal.SIGKILL)
    assert f"{HOST.id}/machine/payload" in tree
    network.down()
    network.up()
