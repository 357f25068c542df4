"""One host from its launch to its termination."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

from rehearsal.hypervisor.container import REBOOT, Container, readable
from rehearsal.hypervisor.disk import Disk
from rehearsal.hypervisor.seed import keep, seed
from rehearsal.hypervisor.volumes import Attachment, plug, unplug
from rehearsal.machine import nspawn
from rehearsal.machine.commands import run
from rehearsal.model import Instance
from rehearsal.network import links
from rehearsal.network.namespaces import remove_namespace
from rehearsal.settings import Settings

log = logging.getLogger(__name__)

_STOP_SECONDS = 8.0  # for a host to power itself off, before it is killed
_CONSOLE_BYTES = 64 * 1024  # what GetConsoleOutput returns (EC2 API)


class Host:
    """A host whose methods may be called from any thread; they take turns.

    What has to be known again by a later region process is kept in files: a note of boot times and attached
    volumes in the run directory, the disk with its image's name in the state directory.

    Args:
        settings: Of the rehearsal.
        instance_id: The host.
    """

    def __init__(self, settings: Settings, instance_id: str):
        self.settings = settings
        self.id = instance_id
        self.disk = Disk(settings, instance_id)
        self.container = Container(settings, instance_id)
        self.instance: Instance | None = None
        self.attachments: dict[str, Attachment] = {}
        self.stopped_by_itself = False
        self.boot_seconds: float | None = None
        self._started = 0.0  # time.monotonic(), which is the same clock in every process
        self._run = 0  # number of the run that is watched; 0 after it was ended from outside
        self._runs = 0
        self._stopping = False  # on request, so that its end is nobody's news
        self._lock = threading.RLock()
        self._note = self.container.run / "note.json"

    def adopt(self) -> None:
        """Find out what an earlier process left: running, ended by itself meanwhile, or nothing."""
        with self._lock:
            if self._note.exists():
                note = json.loads(self._note.read_text())
                self._started, self.boot_seconds = note["started"], note["boot_seconds"]
                self._stopping = note["stopping"]
                self.attachments = {item["volume"]: Attachment(**item) for item in note["attachments"]}
            if self.container.running:
                self._watch()
            else:
                status = self.container.exit_status()
                self._clear()
                self.stopped_by_itself = not self._stopping and status not in (None, REBOOT)

    def start(self, instance: Instance, rootfs: Callable[[str], Path]) -> None:
        """Boot the host, on a new disk if it has none.

        Args:
            instance: Its description.
            rootfs: Given an image's id, returns the directory of its file system.

        Raises:
            CommandError: A tool failed; nothing of the host is left running.
        """
        with self._lock:
            self.instance = instance
            if not self.disk.made:
                image = rootfs(instance.image_id)
                self.disk.prepare(image)
                seed(self.disk.root, self.settings, instance)
                self.disk.finish(image)
            self._boot(instance)

    def keep_files(self) -> None:
        """Have the running host's files as they are described; what it runs is told of a change."""
        with self._lock:
            if self.instance and self.disk.root.is_mount():
                keep(self.disk.root, self.instance.files)

    def stop(self) -> None:
        """Power the host off, as bounded as an instance's stop; its disk stays."""
        with self._lock:
            self._run = 0
            self._stopping = True
            self._keep_note()
            self.container.shut_down(_STOP_SECONDS)
            self._clear()

    def reboot(self) -> None:
        """Restart the host on its disk."""
        with self._lock:
            if not self.container.running or not self.instance:
                return
            self._run = 0
            self.container.shut_down(_STOP_SECONDS, reboot=True)
            self._clear()
            self._boot(self.instance)

    def let_go(self) -> None:
        """Take no more notice of how the host fares."""
        with self._lock:
            self._run = 0

    def terminate(self) -> None:
        """End the host at once, its network first (another may get its address); delete its disk."""
        links.disconnect(self.settings, self.id)
        with self._lock:
            self._run = 0
            self._clear()
            self.disk.remove()
            rmtree(self.container.run, ignore_errors=True)

    def attach(self, attachment: Attachment) -> None:
        """Show the host a volume, now if it runs and at each boot."""
        with self._lock:
            self.attachments[attachment.volume] = attachment
            self._keep_note()
            if leader := self.container.leader():
                plug(leader, attachment)

    def detach(self, volume_id: str) -> None:
        """Take a volume from the host; a file system that it has mounted stays usable until unmounted."""
        with self._lock:
            attachment = self.attachments.pop(volume_id)
            self._keep_note()
            if leader := self.container.leader():
                unplug(leader, attachment)

    def forget_all_but(self, loops: dict[str, str]) -> None:
        """Forget attachments whose loop device is gone, by a restart of the machine.

        Args:
            loops: The loop device of each volume that has one.
        """
        kept = {name: item for name, item in self.attachments.items() if loops.get(name) == item.loop}
        self.attachments = kept

    def console(self) -> bytes:
        """Return the last of what the host printed."""
        if not self.disk.console.exists():
            return b""
        with self.disk.console.open("rb") as file:
            file.seek(max(0, self.disk.console.stat().st_size - _CONSOLE_BYTES))
            return file.read()

    def trim_console(self) -> None:
        """Bound what the console's file takes of the disk: its beginning becomes a hole; no line is lost."""
        console = self.disk.console
        if console.exists() and console.stat().st_blocks * 512 > 4 * _CONSOLE_BYTES:
            hole = console.stat().st_size - _CONSOLE_BYTES
            run("fallocate", "--punch-hole", "--offset", "0", "--length", str(hole), str(console))

    def status(self) -> dict[str, Any]:
        """Return the host's state, seconds from start to SSH's greeting, and bytes of memory."""
        running = self.container.running
        return {
            "id": self.id,
            "state": "running" if running else "stopped",
            "boot_seconds": self.boot_seconds if running else None,
            "memory_bytes": self.container.group.memory() if running else None,
        }

    def _boot(self, instance: Instance) -> None:
        """Start the container on the disk there is."""
        self._started, self.boot_seconds, self._stopping = time.monotonic(), None, False
        try:
            self.disk.mount()
            keep(self.disk.root, instance.files)
            links.connect(self.settings, instance)
            self.container.start(instance, self.disk, self.attachments.values())
        except Exception:
            self._clear()
            raise
        self._keep_note()
        self._watch()

    def _clear(self) -> None:
        """End whatever runs of the host and take its network and mounts away; the disk stays."""
        links.disconnect(self.settings, self.id)
        self.container.group.kill()
        self.disk.unmount()
        nspawn.forget(self.settings.namespace(self.id))
        remove_namespace(self.settings.namespace_path(self.id))

    def _keep_note(self) -> None:
        self.container.run.mkdir(parents=True, exist_ok=True)
        note = {
            "started": self._started,
            "boot_seconds": self.boot_seconds,
            "stopping": self._stopping,
            "attachments": [vars(attachment) for attachment in self.attachments.values()],
        }
        new = self._note.with_suffix(".new")
        new.write_text(json.dumps(note))
        new.replace(self._note)

    def _watch(self) -> None:
        self._runs += 1
        self._run = self._runs
        name = f"watch {self.id}"
        threading.Thread(target=self._follow, args=(self._run,), name=name, daemon=True).start()

    def _follow(self, run: int) -> None:
        """Wait for SSH's greeting, then for the end of this run, which is that of the last of its launcher.

        What becomes nspawn is at first one of the launcher's processes, and ends before its status is noted.
        """
        while self._run == run and (ended := self.container.watch()) is not None:
            try:
                while self.boot_seconds is None and not self._mute() and not readable(ended, 0.1):
                    self._greeted(run)
                readable(ended, None)
            finally:
                os.close(ended)
        with self._lock:
            if self._run == run:
                self._ended()

    def _mute(self) -> bool:
        """Return whether it has no SSH."""
        return bool(self.instance and self.instance.service)

    def _greeted(self, run: int) -> None:
        if self.instance and self.container.answers_ssh(self.instance.private_ip):
            with self._lock:
                if self._run == run:
                    self.boot_seconds = round(time.monotonic() - self._started, 2)
                    self._keep_note()

    def _ended(self) -> None:
        """Boot again if the host wants that; else it is off, which the region has to learn."""
        self._run = 0
        again = self.container.exit_status() == REBOOT
        self._clear()
        if not again:
            self.stopped_by_itself = True
        elif self.instance:  # else the next world starts it
            try:
                self._boot(self.instance)
            except Exception:
                log.exception("%s does not boot again", self.id)
                self.stopped_by_itself = True
