"""``python -m rehearsal.region``: the region's process, run as root inside the router namespace."""

import logging
import sys

from rehearsal import image
from rehearsal.hypervisor import Hypervisor
from rehearsal.region.server import run
from rehearsal.settings import load


def main() -> int:
    """Run the region on the hypervisor until it is told to end; return the exit status."""
    settings = load()
    report = logging.getLogger("rehearsal.image").info
    hypervisor = Hypervisor(settings, lambda _image_id: image.ensure(settings, report))
    hypervisor.adopt()
    return run(settings, hypervisor)


if __name__ == "__main__":
    sys.exit(main())
