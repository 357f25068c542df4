"""The systemd-nspawn container of a host, started so that it needs nothing of the process that starts it."""

import os
import select
import signal
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path

from rehearsal.hypervisor.disk import Disk
from rehearsal.hypervisor.volumes import Attachment, boot_commands
from rehearsal.machine.cgroups import Group
from rehearsal.model import Instance
from rehearsal.network.namespaces import inside
from rehearsal.settings import Settings

REBOOT = 133  # exit status of nspawn under --keep-unit when the host wants to boot again
# Signals to a systemd that is a first process: systemd(1).
_SIGNAL_POWEROFF = signal.SIGRTMIN + 4
_SIGNAL_REBOOT = signal.SIGRTMIN + 5
_LAUNCH = 'status=$1; shift; set +e; "$@"; echo $? > "$status.new"; mv "$status.new" "$status"'


class Container:
    """The processes of one host: nspawn's tree, and a launcher that waits for it and notes its exit status.

    Which processes those are is the control group's knowledge, so a new region process finds them again.

    Args:
        settings: Of the rehearsal.
        instance_id: The host.
    """

    def __init__(self, settings: Settings, instance_id: str):
        self.settings = settings
        self.id = instance_id
        self.group = Group(settings.prefix, instance_id)
        self.run = settings.run / "hosts" / instance_id
        self._status = self.run / "status"

    def start(self, instance: Instance, disk: Disk, attachments: Iterable[Attachment]) -> None:
        """Boot the host in its network namespace; return at once.

        Raises:
            CommandError: The launcher could not be started.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        self._status.unlink(missing_ok=True)
        self.group.create("launcher", "machine")
        devices = boot_commands(iter(attachments))
        command = (
            *("env", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network"),  # /proc/sys/net, which is of that namespace
            "systemd-nspawn",
            "--quiet",
            "--settings=no",
            # The machine's init may be no systemd: nothing is asked of it, and no unit is left behind there.
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            f"--network-namespace-path={self.settings.namespace_path(self.id)}",
            "--capability=CAP_NET_ADMIN",  # over that namespace only
            f"--machine={self.settings.namespace(self.id)}",
            f"--hostname=ip-{str(instance.private_ip).replace('.', '-')}",
            f"--directory={disk.root}",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=read-only",
            "--kill-signal=SIGRTMIN+3",
            # Instead of --boot: devices have to be there before systemd looks for file systems to mount.
            *("/bin/sh", "-c", f"{devices}\nexec /sbin/init"),
        )
        machine = self.group.joining("machine", *command)
        self.group.spawn("launcher", "sh", "-c", _LAUNCH, "sh", self._status, *machine, log=disk.console)

    @property
    def running(self) -> bool:
        """Whether any process of it is left."""
        return bool(self.group.pids())

    def leader(self) -> int | None:
        """Return the host's first process, as numbered on this machine; None while there is none."""
        for pid in self.group.pids("machine"):
            try:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue
            numbers = next(line.split()[1:] for line in lines if line.startswith("NSpid:"))
            if len(numbers) == 2 and numbers[-1] == "1":
                return pid
        return None

    def watch(self) -> int | None:
        """Return a descriptor that is readable once a process of the launcher ended; None: it has none."""
        for pid in self.group.pids("launcher"):
            try:
                return os.pidfd_open(pid)
            except ProcessLookupError:
                continue
        return None

    def exit_status(self) -> int | None:
        """Return how its last run ended by itself; None if it runs or was killed."""
        return int(self._status.read_text()) if self._status.exists() else None

    def shut_down(self, seconds: float, reboot: bool = False) -> bool:
        """Ask the host to stop, and return whether it did within ``seconds``."""
        ended, leader = self.watch(), self.leader()
        if ended is None:
            return True
        try:
            if leader is not None:
                os.kill(leader, _SIGNAL_REBOOT if reboot else _SIGNAL_POWEROFF)
            return readable(ended, seconds)
        except ProcessLookupError:
            return readable(ended, seconds)
        finally:
            os.close(ended)

    def answers_ssh(self, address: IPv4Address) -> bool:
        """Return whether an SSH server greets at ``address``, asked from inside the host's own namespace.

        So it can be asked before, and whatever, the security groups permit.
        """
        try:
            with inside(self.settings.namespace_path(self.id)):
                connection = socket.socket()
            with connection:
                connection.settimeout(1.0)
                connection.connect((str(address), 22))
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


def readable(fd: int, seconds: float | None) -> bool:
    """Return whether a descriptor becomes readable within ``seconds`` (None: wait for it)."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))
