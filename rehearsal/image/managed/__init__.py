"""The image of the hosts of managed services: the fleet's own, with MariaDB and nginx and without logins.

Made when a rehearsal first needs it, and cached by the content of its inputs.
"""

from pathlib import Path

from rehearsal.image import cache, machine
from rehearsal.image.chroot import Workshop
from rehearsal.model import Report
from rehearsal.settings import Settings

IMAGE = "managed"  # its name where instances have the id of theirs
_SCRIPT = Path(__file__).with_name("install.sh")


def ensure(settings: Settings, base: Path, report: Report) -> Path:
    """Return the root file system of the image, built first if any of its inputs changed.

    Args:
        settings: Of this rehearsal.
        base: The root file system of the fleet's image.
        report: Told of each step and its seconds.

    Raises:
        StepError: A step failed; it names the log.
    """
    directory = settings.cache / "managed"
    key = cache.digest(base.parent.name, _SCRIPT.read_text(), Path(__file__).read_text())
    if (directory / key).exists():
        return directory / key / "rootfs"
    workshop = Workshop(settings.logs / "image.log", report)
    made = cache.entry(directory, key, lambda new: _build(new, base, workshop), report)
    for old in cache.prune(directory, [key], cache.mounted()):
        report(f"removed managed/{old[:12]}, which nothing uses")
    return made / "rootfs"


def _build(directory: Path, base: Path, workshop: Workshop) -> None:
    rootfs = directory / "rootfs"
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    workshop.run("copying the image", ["cp", "--archive", "--reflink=auto", base, rootfs], env=path)
    workshop.chroot(
        "installing MariaDB and nginx",
        rootfs,
        _SCRIPT.read_text(),
        env=machine.environment(),
        binds={Path("/etc/resolv.conf"): "/etc/resolv.conf", machine.CA_BUNDLE: str(machine.CA_BUNDLE)},
    )
