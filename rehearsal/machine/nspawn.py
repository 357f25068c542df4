"""Tidying up after systemd-nspawn, which leaves traces of a container when it is killed."""

from pathlib import Path
from shutil import rmtree

from rehearsal.machine.commands import run

_OWN = Path("/run/systemd/nspawn")


def unmount(root: Path) -> None:
    """Unmount a container's root directory; what keeps it busy loses it when it ends.

    The lock file about the directory goes too.

    Raises:
        CommandError: It cannot be unmounted.
    """
    found = root.stat()
    run("umount", "--lazy", root)
    (_OWN / "locks" / f"inode-{found.st_dev}:{found.st_ino}").unlink(missing_ok=True)


def forget(machines: str) -> None:
    """Remove the directories that were shared with containers which do not run any more.

    Args:
        machines: Their names, as a glob pattern.
    """
    for path in _OWN.glob(f"*/{machines}"):
        rmtree(path)
