"""The machine image of the rehearsal: Debian 13 as AWS offers it, cached by the content of its inputs."""

import shutil
import time
from pathlib import Path

from rehearsal.image import base, cache, salt_packages
from rehearsal.image.chroot import Workshop
from rehearsal.model import Report
from rehearsal.settings import Settings

__all__ = ["ensure"]

_HERE = Path(__file__).parent
_FILES = _HERE / "files"


def ensure(settings: Settings, report: Report) -> Path:
    """Return the root file system of the image, built first if any of its inputs changed.

    Three layers, each kept under a name made of its inputs: Debian, Salt's packages, and the two together
    with the image's own files. What no host uses any more is removed.

    Args:
        settings: Of this rehearsal.
        report: Told of each step and its seconds.

    Raises:
        StepError: A step failed; it names the log.
    """
    settings.logs.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(settings.logs / "image.log", report)
    layers = settings.cache / "bases", settings.cache / "salt", settings.cache / "images"
    bases, packages, images = layers
    base_key = cache.digest(*base.inputs())
    salt_key = cache.digest(base_key, *salt_packages.inputs(settings.checkout))
    # All of this package: the last layer takes seconds, and no input can be forgotten.
    image_key = cache.digest(salt_key, *cache.tree(_HERE))
    image = images / image_key / "rootfs"
    if image.exists():
        return image
    started = time.monotonic()
    debian = cache.entry(bases, base_key, lambda new: base.build(new, workshop), report) / "rootfs"
    repository = cache.entry(
        packages,
        salt_key,
        lambda new: salt_packages.build(new, debian, settings.checkout, settings.cache / "pip", workshop),
        report,
    )
    cache.entry(images, image_key, lambda new: _assemble(new, debian, repository, workshop), report)
    _remove_old(settings, {bases: base_key, packages: salt_key, images: image_key}, report)
    report(f"image ready after {time.monotonic() - started:.0f} s: {image}")
    return image


def current(settings: Settings, report: Report) -> Path:
    """Return the root file system that hosts launched now start from: that of the last `ensure`.

    The region asks for it as long as it runs, which may be longer than the checkout stays as it is.
    """
    record = settings.state / "image"
    if record.exists() and (found := Path(record.read_text())).exists():
        return found
    found = ensure(settings, report)
    record.write_text(str(found))
    return found


def _assemble(directory: Path, debian: Path, repository: Path, workshop: Workshop) -> None:
    """Make the image of its layers and of ``files/``, in ``directory/rootfs``."""
    rootfs = directory / "rootfs"
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    workshop.run("copying Debian", ["cp", "--archive", "--reflink=auto", debian, rootfs], env=path)
    shutil.copytree(_FILES, rootfs, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(repository, rootfs / "opt/repository")
    (rootfs / "opt/repository").chmod(0o755)  # apt reads it as a user of its own
    workshop.chroot("finishing the image", rootfs, (_HERE / "finish.sh").read_text(), env={})


def _remove_old(settings: Settings, current: dict[Path, str], report: Report) -> None:
    """Remove layers that nothing uses: not while any host exists, whose disk may stand on one of them."""
    if any(settings.state.parent.glob("*/hosts/*-*")):
        return
    mounts = cache.mounted()
    for directory, key in current.items():
        for old in cache.prune(directory, [key], mounts):
            report(f"removed {directory.name}/{old[:12]}, which nothing uses")
