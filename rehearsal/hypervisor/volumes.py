"""EBS volumes: a sparse file each, seen by a host as an NVMe device with the names that AWS's images give it.

The names are those of udev's rules in amazon-ec2-utils; "Identify the EBS device", EBS user guide.
"""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rehearsal.machine.commands import run
from rehearsal.model import Volume
from rehearsal.settings import Settings

_BY_ID = "nvme-Amazon_Elastic_Block_Store_"
_GIB = 1 << 30


@dataclass(frozen=True)
class Attachment:
    """A volume as a host sees it.

    Args:
        volume: The volume's id.
        loop: Its block device on this machine.
        number: Of the host's NVMe controller, from 1; 0 would be the root volume's.
        device: The name it was attached under, as in ``/dev/sdf``.
    """

    volume: str
    loop: str
    number: int
    device: str

    @property
    def node(self) -> str:
        """Name of the device, in ``/dev``."""
        return f"nvme{self.number}n1"

    @property
    def links(self) -> dict[str, str]:
        """Symbolic links to the device, by their path in ``/dev``."""
        by_id = f"disk/by-id/{_BY_ID}{self.volume.replace('-', '')}"
        return {by_id: f"../../{self.node}", Path(self.device).name: self.node}

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor number of the block device."""
        device = Path(self.loop).stat().st_rdev
        return os.major(device), os.minor(device)


class Volumes:
    """The files and loop devices of one rehearsal's volumes."""

    def __init__(self, settings: Settings):
        self.path = settings.state / "volumes"

    def attach(self, volume: Volume) -> str:
        """Return the loop device of a volume, made if there is none, on its file, new if there is none."""
        file = self.path / volume.id
        if volume.id not in self.loops():
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)
            if file.stat().st_size < volume.size * _GIB:
                os.truncate(file, volume.size * _GIB)
            return run("losetup", "--find", "--show", file).strip()
        return self.loops()[volume.id]

    def release(self, volume_id: str) -> None:
        """Give back the loop device of a volume; while a host still has it mounted, as soon as that ends."""
        for loop in [loop for name, loop in self.loops().items() if name == volume_id]:
            run("losetup", "--detach", loop)

    def keep(self, wanted: set[str]) -> None:
        """Delete the volumes that are not ``wanted``."""
        for file in self.path.glob("*"):
            if file.name not in wanted:
                self.release(file.name)
                file.unlink()

    def loops(self) -> dict[str, str]:
        """Return the loop device of each volume that has one."""
        output = run("losetup", "--list", "--json", "--output", "NAME,BACK-FILE")
        devices = json.loads(output)["loopdevices"] if output.strip() else []
        files = ((Path(item["back-file"].removesuffix(" (deleted)")), item["name"]) for item in devices)
        return {file.name: loop for file, loop in files if file.parent == self.path}


def boot_commands(attachments: Iterator[Attachment]) -> str:
    """Return the shell commands by which a host's first process makes the devices that are attached."""
    lines = []
    for attachment in attachments:
        major, minor = attachment.numbers
        lines.append(f"mknod -m 660 /dev/{attachment.node} b {major} {minor}")
        for link, target in attachment.links.items():
            lines.append(f"mkdir -p $(dirname /dev/{link}) && ln -sf {target} /dev/{link}")
    return "\n".join(lines)


def plug(leader: int, attachment: Attachment) -> None:
    """Make an attachment's device and links appear in a running host.

    Args:
        leader: The host's first process, as numbered on this machine.
        attachment: What to show.
    """
    with _Dev(leader) as dev:
        dev.remove(attachment.node)
        os.mknod(attachment.node, stat.S_IFBLK | 0o660, os.makedev(*attachment.numbers), dir_fd=dev.fd)
        os.chmod(attachment.node, 0o660, dir_fd=dev.fd)
        for link, target in attachment.links.items():
            dev.link(link, target)


def unplug(leader: int, attachment: Attachment) -> None:
    """Make an attachment's device and links vanish from a running host."""
    with _Dev(leader) as dev:
        for link in attachment.links:
            dev.remove(link)
        dev.remove(attachment.node)


class _Dev:
    """A host's /dev, opened from outside. No symbolic link that the host made is ever followed."""

    def __init__(self, leader: int):
        root = os.open(f"/proc/{leader}/root", os.O_PATH | os.O_DIRECTORY)
        try:
            self.fd = self._open("dev", root)
        finally:
            os.close(root)

    def __enter__(self) -> "_Dev":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    @staticmethod
    def _open(name: str, parent: int) -> int:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)

    def _directory(self, parts: tuple[str, ...], make: bool) -> int:
        """Open a directory below /dev, made if asked."""
        fd = os.dup(self.fd)
        for part in parts:
            try:
                if make:
                    os.mkdir(part, 0o755, dir_fd=fd)
            except FileExistsError:
                pass
            try:
                fd, parent = self._open(part, fd), fd
            except OSError:
                os.close(fd)
                raise
            os.close(parent)
        return fd

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link, in place of one that is there."""
        self.remove(path)
        *parts, name = Path(path).parts
        fd = self._directory(tuple(parts), make=True)
        try:
            os.symlink(target, name, dir_fd=fd)
        finally:
            os.close(fd)

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""
        *parts, name = Path(path).parts
        try:
            fd = self._directory(tuple(parts), make=False)
        except FileNotFoundError:
            return
        try:
            os.unlink(name, dir_fd=fd)
        except FileNotFoundError:
            return
        finally:
            os.close(fd)
