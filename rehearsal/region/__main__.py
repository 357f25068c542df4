"""``python -m rehearsal.region``: the region's process, run as root inside the router namespace."""

import argparse
import logging
import signal
import sys

from rehearsal.region.aws import forget_machine


def _arguments() -> argparse.Namespace:
    from rehearsal.region.forwarding import Forward

    parser = argparse.ArgumentParser(prog="python -m rehearsal.region", description=__doc__)
    parser.add_argument(
        "--forward",
        action="append",
        default=[],
        type=Forward.parse,
        metavar="FD:NAME:PORT",
        help="relay connections to the inherited listening socket FD to port PORT of the host NAME",
    )
    return parser.parse_args()


def main() -> int:
    """Run until SIGTERM, SIGINT or a shutdown by the control socket; return the exit status."""
    arguments = _arguments()
    forget_machine()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # After forget_machine: moto and boto3 read the environment when they are imported.
    from rehearsal import image
    from rehearsal.hypervisor import Hypervisor
    from rehearsal.region.server import RegionServer
    from rehearsal.region.snapshots import SnapshotError
    from rehearsal.settings import load

    log = logging.getLogger("rehearsal.region")
    settings = load()
    hypervisor = Hypervisor(settings, lambda image_id: image.ensure(settings, log.info))
    hypervisor.adopt()
    try:
        region = RegionServer(settings, hypervisor, arguments.forward)
        region.start()
    except (OSError, SnapshotError) as error:
        log.error("%s", error)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: region.control.stopping.set())
    region.control.stopping.wait()
    region.stop()
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
