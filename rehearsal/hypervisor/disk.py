"""The root file system of a host: an overlay of its image that outlives boots, and goes with the instance."""

from pathlib import Path
from shutil import rmtree

from rehearsal.machine.commands import run
from rehearsal.machine.nspawn import unmount
from rehearsal.settings import Settings


def directory(settings: Settings) -> Path:
    """Return where the disks of all hosts are."""
    return settings.state / "hosts"


class Disk:
    """One host's disk.

    Args:
        settings: Of the rehearsal.
        instance_id: The host.
    """

    def __init__(self, settings: Settings, instance_id: str):
        self.name = settings.namespace(instance_id)
        self.path = directory(settings) / instance_id
        self.root = self.path / "root"
        self.console = self.path / "console"
        # Names the image: a host keeps the one it was made from, and its presence says that seeding is done.
        self._lower = self.path / "image"

    @property
    def made(self) -> bool:
        """Whether the disk is complete."""
        return self._lower.is_symlink()

    def prepare(self, image: Path) -> None:
        """Make an empty disk on an image's file system and mount it, for seeding; call `finish` then."""
        self.remove()
        for name in ("upper", "work", "root"):
            (self.path / name).mkdir(parents=True)
        self.path.chmod(0o700)
        self._mount(image)

    def finish(self, image: Path) -> None:
        """Record that the disk is complete."""
        self._lower.symlink_to(image)

    def mount(self) -> None:
        """Mount the disk, unless it is mounted."""
        if not self.root.is_mount():
            self._mount(self._lower.readlink())

    def unmount(self) -> None:
        """Unmount the disk if it is mounted."""
        if self.root.is_mount():
            unmount(self.root)

    def remove(self) -> None:
        """Delete the disk, mounted or not, made or half made."""
        self.unmount()
        if self.path.exists():
            rmtree(self.path)

    def _mount(self, image: Path) -> None:
        # The mark of a volatile overlay refuses the next mount, in case the kernel crashed before all was
        # written; a rehearsal's disk is not worth the flushes that would make it durable.
        mark = self.path / "work" / "work" / "incompat"
        if mark.exists():
            rmtree(mark)
        layers = f"lowerdir={image},upperdir={self.path / 'upper'},workdir={self.path / 'work'}"
        # Directories of the image can be renamed, as on any disk.
        options = f"{layers},redirect_dir=on,volatile"
        run("mount", "-t", "overlay", "-o", options, self.name, self.root)
