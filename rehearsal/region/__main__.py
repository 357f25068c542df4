"""``python -m rehearsal.region``: the region's process, run as root inside the router namespace."""

import logging
import sys
from pathlib import Path

from rehearsal import image
from rehearsal.hypervisor import Hypervisor
from rehearsal.image import managed
from rehearsal.region.server import run
from rehearsal.settings import load


def main() -> int:
    """Run the region on the hypervisor until it is told to end; return the exit status."""
    settings = load()
    report = logging.getLogger("rehearsal.image").info

    def rootfs(image_id: str) -> Path:
        base = image.ensure(settings, report)
        return managed.ensure(settings, base, report) if image_id == managed.IMAGE else base

    hypervisor = Hypervisor(settings, rootfs)
    hypervisor.adopt()
    return run(settings, hypervisor)


if __name__ == "__main__":
    sys.exit(main())
