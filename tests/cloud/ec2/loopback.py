"""``python -m tests.cloud.ec2.loopback``: the rehearsal's region on 127.0.0.1, without hosts.

Prints its port when it listens, and ends when its standard input does.
"""

import os
import sys
from pathlib import Path

from rehearsal.region.aws import forget_machine
from rehearsal.region.http import HttpServer, UnixHttpServer
from rehearsal.region.server import RegionServer
from rehearsal.settings import Settings
from tests.region.local import Recorder


def main() -> None:
    """Serve the region whose directory is the first argument."""
    forget_machine()
    scratch = Settings(root=Path(sys.argv[1]))
    region = RegionServer(scratch, Recorder(), [])
    api = HttpServer("127.0.0.1", 0, region.api)
    api.start()
    UnixHttpServer(scratch.control_socket, region.control).start()
    # Whoever started it reads this.
    print(api.server_address[1], flush=True)  # noqa: T201
    sys.stdin.read()
    os._exit(0)  # its threads wait for connections that nobody closes


if __name__ == "__main__":
    main()
