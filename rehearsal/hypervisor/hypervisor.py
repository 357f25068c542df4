"""Makes a `World` real on this machine: hosts, volumes, security groups."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rehearsal.hypervisor.disk import directory
from rehearsal.hypervisor.host import Host
from rehearsal.hypervisor.volumes import Attachment, Volumes
from rehearsal.model import Instance, Volume, World
from rehearsal.network import Network, uplink
from rehearsal.settings import Settings

log = logging.getLogger(__name__)

_TEND_SECONDS = 5.0
_PARALLEL = 8


@contextmanager
def _logged(host: Host, what: str) -> Iterator[None]:
    """Log what fails, so that no host suffers from another."""
    try:
        yield
    except Exception:
        log.exception("%s: %s failed", host.id, what)


class Hypervisor:
    """Hosts as containers of this machine; ``Network.up`` has to have been called.

    Args:
        settings: Of the rehearsal.
        rootfs: Given an image's id, returns the directory of its file system.
    """

    def __init__(self, settings: Settings, rootfs: Callable[[str], Path]):
        self.settings = settings
        self._rootfs = rootfs
        self._network = Network(settings)
        self._volumes = Volumes(settings)
        self._hosts: dict[str, Host] = {}
        self._closed = threading.Event()
        self._lock = threading.Lock()  # of what changes hosts; status and console do not wait for it

    def adopt(self) -> None:
        """Find the hosts of an earlier process; from now on keep the uplink up and the consoles bounded."""
        with self._lock:
            path = directory(self.settings)
            for instance_id in sorted(item.name for item in path.glob("*")):
                self._hosts[instance_id] = Host(self.settings, instance_id)
            self._each(self._hosts.values(), Host.adopt)
            loops = self._volumes.loops()
            for host in self._hosts.values():
                host.forget_all_but(loops)
        threading.Thread(target=self._tend, name="tend", daemon=True).start()

    def reconcile(self, world: World) -> None:
        """Make ``world`` true: act on what differs from it, on hosts side by side.

        A host that cannot be started is logged and reported by `stopped_by_itself`; others are not held up.
        If a security group has an impossible rule, which AWS refuses, all groups stay as they were.

        Args:
            world: All that shall exist. Hosts and volumes that are not in it are destroyed.

        Raises:
            CommandError: nft failed; the groups stay as they were.
        """
        with self._lock:
            wanted = {instance.id for instance in world.instances}
            gone = [host for name, host in self._hosts.items() if name not in wanted]
            self._each(gone, self._terminate)
            try:
                self._network.apply(world)
            except ValueError as error:
                log.error("security groups stay as they were: %s", error)
            for instance in world.instances:
                if instance.id not in self._hosts:
                    self._hosts[instance.id] = Host(self.settings, instance.id)
                self._hosts[instance.id].instance = instance
            self._each([self._hosts[i.id] for i in world.instances if not i.running], self._stop)
            self._detach(world.volumes)
            self._volumes.keep({volume.id for volume in world.volumes})
            self._attach(world.volumes)
            self._each([self._hosts[i.id] for i in world.instances if i.running], self._start)

    def reboot(self, instance_id: str) -> None:
        """Restart a host on its disk; does nothing if it does not run."""
        with self._lock:
            self._each([host for name, host in self._hosts.items() if name == instance_id], Host.reboot)

    def console(self, instance_id: str) -> bytes:
        """Return the last 64 KiB that a host printed on its console; nothing for one that never ran."""
        host = self._hosts.get(instance_id)
        return host.console() if host else b""

    def stopped_by_itself(self) -> list[str]:
        """Return the hosts that powered themselves off, or did not start, until a world has them stopped."""
        return [host.id for host in list(self._hosts.values()) if host.stopped_by_itself]

    def status(self) -> list[dict[str, Any]]:
        """Return each host: id, name, addresses, state, boot_seconds (to SSH's greeting), memory_bytes."""
        return [
            {
                "name": instance.name,
                "private_ip": str(instance.private_ip),
                "public_ip": str(instance.public_ip) if instance.public_ip else None,
                **host.status(),
            }
            for host in list(self._hosts.values())
            if (instance := host.instance)
        ]

    def shutdown_all(self) -> None:
        """Stop every host; disks and volumes stay."""
        with self._lock:
            self._each(list(self._hosts.values()), Host.stop)

    def close(self) -> None:
        """Let go of the hosts, which keep running, for another process or `Network.down`."""
        self._closed.set()
        for host in list(self._hosts.values()):
            host.let_go()

    def _each(self, hosts: Iterable[Host], action: Callable[[Host], None]) -> None:
        """Do something to several hosts at once."""

        def guarded(host: Host) -> None:
            with _logged(host, getattr(action, "__name__", "action").strip("_")):
                action(host)

        with ThreadPoolExecutor(_PARALLEL) as pool:
            list(pool.map(guarded, hosts))

    def _terminate(self, host: Host) -> None:
        host.terminate()
        del self._hosts[host.id]  # else the next world tries again

    def _start(self, host: Host) -> None:
        instance: Instance | None = host.instance
        if instance is None:
            return
        if host.container.running:
            host.keep_files()
            return
        # AWS starts again what it runs itself.
        if host.stopped_by_itself and not instance.service:
            return
        host.stopped_by_itself = False
        try:
            host.start(instance, self._rootfs)
        except Exception:
            host.stopped_by_itself = True
            raise

    @staticmethod
    def _stop(host: Host) -> None:
        if host.container.running:
            host.stop()
        host.stopped_by_itself = False

    def _detach(self, volumes: Iterable[Volume]) -> None:
        attached = {(volume.id, volume.instance_id) for volume in volumes}
        for host in self._hosts.values():
            for volume_id in [name for name in host.attachments if (name, host.id) not in attached]:
                with _logged(host, f"detaching {volume_id}"):
                    host.detach(volume_id)
        attachments = [name for host in self._hosts.values() for name in host.attachments]
        for volume_id in set(self._volumes.loops()) - set(attachments):
            self._volumes.release(volume_id)

    def _attach(self, volumes: Iterable[Volume]) -> None:
        for volume in volumes:
            host = self._hosts.get(volume.instance_id or "")
            if host is None or volume.id in host.attachments:
                continue
            with _logged(host, f"attaching {volume.id}"):
                taken = {attachment.number for attachment in host.attachments.values()}
                number = next(n for n in range(1, len(taken) + 2) if n not in taken)
                loop = self._volumes.attach(volume)
                host.attach(Attachment(volume.id, loop, number, volume.device or f"/dev/nvme{number}n1"))

    def _tend(self) -> None:
        while not self._closed.wait(_TEND_SECONDS):
            try:
                uplink.ensure(self.settings)
            except Exception:
                log.exception("the uplink does not start")
            for host in list(self._hosts.values()):
                host.trim_console()
