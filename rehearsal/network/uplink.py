"""The router's way out: slirp4netns, which turns the fleet's connections into this machine's own.

Nothing is added to the machine's own namespace: no interface, no route, no forwarding, no NAT.
"""

import os
import select
from ipaddress import IPv4Address
from pathlib import Path

from rehearsal.machine.cgroups import Group
from rehearsal.machine.commands import run
from rehearsal.network.namespaces import is_namespace
from rehearsal.settings import Settings

INTERFACE = "tap0"
_READY_SECONDS = 10.0


class UplinkError(Exception):
    """slirp4netns did not come up."""


def group(settings: Settings) -> Group:
    """Return the control group of the uplink's process."""
    return Group(settings.prefix, "uplink")


def machine(settings: Settings) -> Path:
    """Return where the machine's own network namespace is held, for use from inside the router's."""
    return settings.run / "machine.netns"


def hold_machine(settings: Settings) -> None:
    """Hold the network namespace of this process as the machine's own, unless one is held."""
    path = machine(settings)
    if not is_namespace(path):
        path.touch()
        run("mount", "--bind", "/proc/self/ns/net", path)


def nameserver(settings: Settings) -> IPv4Address:
    """Return the address at which slirp4netns passes queries to the machine's own name server."""
    return settings.uplink[3]


def ensure(settings: Settings) -> None:
    """Start slirp4netns unless it runs. Its interface and the default route come with it.

    Raises:
        UplinkError: It was not ready in time; its log is named.
    """
    if group(settings).pids():
        return
    group(settings).create("slirp")
    log = settings.run / "uplink.log"
    ready, write = os.pipe()
    try:
        _start(settings, log, write)
        os.close(write)
        readable, _, _ = select.select([ready], [], [], _READY_SECONDS)
        if not readable or os.read(ready, 1) != b"1":
            raise UplinkError(f"slirp4netns gave no uplink; see {log}")
    finally:
        os.close(ready)


def _start(settings: Settings, log: Path, ready: int) -> None:
    command = (
        "nsenter",
        f"--net={machine(settings)}",
        "--",
        # Its sandbox takes mounts down, of namespaces too, and would do so for all the machine.
        "unshare",
        "--mount",
        "--propagation=private",
        "slirp4netns",
        "--configure",
        "--mtu=65520",
        f"--cidr={settings.uplink}",
        "--disable-host-loopback",
        "--enable-sandbox",
        "--enable-seccomp",
        f"--ready-fd={ready}",
        "--netns-type=path",
        str(settings.namespace_path("router")),
        INTERFACE,
    )
    group(settings).spawn("slirp", *command, log=log, pass_fds=(ready,))
