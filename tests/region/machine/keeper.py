"""``python -m tests.region.machine.keeper IMAGE NUMBER...``: a process that starts hosts and gets killed.

With ``--kill-at N`` it kills itself with SIGKILL instead of running its N-th command of the machine.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rehearsal.hypervisor import Hypervisor
from rehearsal.model import Volume, World
from rehearsal.network import Network
from rehearsal.region import certificates
from rehearsal.settings import load

from .worlds import instance


def die_at(number: int) -> None:
    """Have the process die before its ``number``-th subprocess."""
    count = 0
    real = subprocess.run

    def run(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)

    subprocess.run = run  # type: ignore[assignment]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("image", type=Path)
    parser.add_argument("numbers", type=int, nargs="+")
    parser.add_argument("--kill-at", type=int, default=0)
    options = parser.parse_args()
    settings = load()
    certificates.ensure_authority(settings)
    die_at(options.kill_at)
    Network(settings).up()
    hypervisor = Hypervisor(settings, lambda _: options.image)
    hypervisor.adopt()
    instances = tuple(instance(number) for number in options.numbers)
    volume = Volume("vol-0a1", 1, instances[0].id, "/dev/sdf")
    world = World(instances, (), (volume,))
    hypervisor.reconcile(world)
    while not all(host["boot_seconds"] for host in hypervisor.status()):
        time.sleep(0.05)
    if options.kill_at:
        hypervisor.reboot(instances[0].id)
        hypervisor.reconcile(World(instances[:1]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not options.kill_at:
        signal.pause()


if __name__ == "__main__":
    main()
