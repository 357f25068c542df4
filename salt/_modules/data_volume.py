"""The host's EBS data volume: which device it is, and whether anything is on it."""

import os
import re
import subprocess
from pathlib import Path

from salt.exceptions import CommandExecutionError

# What udev calls an EBS volume on Nitro, whole device only (partitions end in -partN, namespaces in _N):
# https://docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html
LINK = re.compile(r"nvme-Amazon_Elastic_Block_Store_vol[0-9a-f]+")
HEAD = 1 << 20  # bytes that have to be zero: a data base without any known signature is not blank


def find(links: str = "/dev/disk/by-id", root: str = "/", sys_block: str = "/sys/dev/block") -> str | None:
    """Return the link of the one EBS volume that is not the root's; None if there is none.

    Args:
        links: the directory of udev's links.
        root: a path on the root volume.
        sys_block: where the kernel lists block devices by number.

    Raises:
        CommandExecutionError: there are several.
    """
    root_disk = _disk(Path(root).stat().st_dev, Path(sys_block))
    candidates = sorted(path for path in Path(links).glob("*") if LINK.fullmatch(path.name))
    found = [str(path) for path in candidates if path.resolve().name != root_disk]
    if len(found) > 1:
        raise CommandExecutionError(f"{links}: expected at most one data volume, found {', '.join(found)}")
    return found[0] if found else None


def is_blank(device: str) -> bool:
    """Tell whether nothing is on a device: no signature that blkid knows, and only zeros at its start.

    Raises:
        CommandExecutionError: the device cannot be read.
    """
    probe = subprocess.run(["blkid", "--probe", device], check=False, capture_output=True, text=True)
    if probe.returncode == 0:
        return False
    if probe.returncode != 2:  # 2: nothing was found (or several things, of which it says so)
        raise CommandExecutionError(f"blkid --probe {device}: {probe.stderr.strip() or probe.returncode}")
    try:
        with Path(device).open("rb") as file:
            return not any(file.read(HEAD))
    except OSError as error:
        raise CommandExecutionError(f"{device}: cannot be read: {error}") from error


def _disk(number: int, sys_block: Path) -> str | None:
    """Return the name of the disk with a device number or of the one that this partition is of."""
    entry = sys_block / f"{os.major(number)}:{os.minor(number)}"
    if not entry.exists():
        return None  # not on a disk, as in a container
    device = entry.resolve()
    return device.parent.name if (device / "partition").exists() else device.name
