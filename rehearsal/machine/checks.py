"""What the rehearsal needs of this machine's kernel, found out by trying it, before anything is changed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rehearsal.machine.cgroups import hierarchies
from rehearsal.machine.commands import CommandError, run
from rehearsal.model import World
from rehearsal.network import guard, security_groups
from rehearsal.settings import Settings

_ISOLATED = ("unshare", "--net", "--mount", "--propagation=private", "--")
_PACKAGES = {
    "ip": "iproute2",
    "losetup": "mount",
    "nft": "nftables",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "slirp4netns": "slirp4netns",
    "sysctl": "procps",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
}


def problems(settings: Settings) -> list[str]:
    """Return what this machine lacks, or has in the way, in words for people; nothing if it can begin.

    Everything is tried in namespaces that vanish with the attempt.

    Args:
        settings: Of the rehearsal that is to be started.
    """
    if os.geteuid():
        return ["not root: namespaces, mounts and loop devices need it"]
    missing = [
        f"command {name} is missing: install the package {package}"
        for name, package in _PACKAGES.items()
        if shutil.which(name) is None
    ]
    return missing or [*_kernel(settings), *_control_groups(), *_collisions(settings)]


def _kernel(settings: Settings) -> Iterator[str]:
    rules = guard.ruleset(settings, ()) + security_groups.ruleset(settings.vpc, World())
    link = ("ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1")
    trials: list[tuple[str, tuple[str, ...], str]] = [
        ("network and mount namespaces", ("true",), ""),
        ("virtual Ethernet pairs (veth)", link, ""),
        ("nftables with NAT, sets and fib in a namespace", ("nft", "-f", "-"), rules),
        ("tun devices (/dev/net/tun)", ("ip", "tuntap", "add", "probe0", "mode", "tap"), ""),
        ("loop devices (/dev/loop-control)", ("losetup", "--find"), ""),
    ]
    for feature, command, stdin in trials:
        yield from _trial(feature, command, stdin)
    parent = next(path for path in (settings.state, *settings.state.parents) if path.exists())
    with tempfile.TemporaryDirectory(dir=parent) as name:
        for part in ("lower", "upper", "work", "root"):
            (Path(name) / part).mkdir()
        layers = f"lowerdir={name}/lower,upperdir={name}/upper,workdir={name}/work"
        mount = (
            "mount",
            "-t",
            "overlay",
            "-o",
            f"{layers},redirect_dir=on,volatile",
            "overlay",
            f"{name}/root",
        )
        yield from _trial(f"overlayfs on the file system of {parent}", mount, "")


def _trial(feature: str, command: tuple[str, ...], stdin: str) -> Iterator[str]:
    try:
        run(*_ISOLATED, *command, stdin=stdin)
    except CommandError as error:
        yield f"the kernel lacks, or this container forbids, {feature}: {error.stderr.strip() or error}"


def _control_groups() -> Iterator[str]:
    try:
        for hierarchy in hierarchies():
            if not os.access(hierarchy, os.W_OK):
                yield f"{hierarchy} is read-only: hosts need control groups of their own"
    except OSError as error:
        yield str(error)


def _collisions(settings: Settings) -> Iterator[str]:
    """Find what has our names but cannot be ours, since the run directory does not know of it."""
    if settings.run.exists():
        return
    for directory in (Path("/run/netns"), Path("/etc/netns")):
        for path in sorted(directory.glob(f"{settings.prefix}-*")):
            yield f"{path} is in the way: ./rehearse down removes it, or choose another SALTWATCH_PREFIX"
