"""What a rehearsal could leave on a machine: pictures of it before and after, and their difference."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from rehearsal.machine.cgroups import hierarchies
from rehearsal.machine.commands import run

Snapshot = dict[str, set[str]]


def snapshot(prefix: str) -> Snapshot:
    """Return what is on this machine that may come from a rehearsal, by kind.

    Interfaces, nftables rules, routes and system settings of the machine's own network namespace are
    listed all, for none may change. Of what other programs change at any time only what bears the prefix is
    listed: processes (by command line or control group), mounts, namespaces, loop devices, directories.

    Args:
        prefix: The rehearsal's.
    """
    return {
        "interfaces": set(run("ip", "-oneline", "link", "show").splitlines()),
        "addresses": {line.split("valid_lft")[0] for line in run("ip", "-oneline", "address").splitlines()},
        "routes": set(run("ip", "route", "show", "table", "all").splitlines()),
        "rules of nftables": set(run("nft", "list", "ruleset").splitlines()),
        "system settings": set(_settings()),
        "processes": set(_processes(prefix)),
        "mounts": {
            line for line in Path("/proc/self/mountinfo").read_text().splitlines() if _own(prefix, line)
        },
        "loop devices": {line for line in _loops() if _own(prefix, line)},
        "control groups": {str(path) for root in hierarchies() for path in root.glob(prefix)},
        "files": {str(path) for path in _files(prefix)},
    }


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Return a line for each thing that came (+) or went (-) between two snapshots."""
    lines = []
    for kind, things in before.items():
        lines += [f"+ {kind}: {thing}" for thing in sorted(after[kind] - things)]
        lines += [f"- {kind}: {thing}" for thing in sorted(things - after[kind])]
    return lines


def _own(prefix: str, text: str) -> bool:
    return any(f"/{prefix}{end}" in text for end in ("/", "-", " ", "\n")) or f" {prefix}-" in text


def _settings() -> Iterator[str]:
    """Yield the settings of IP, and of the kernel as far as a container could need them changed."""
    roots = [Path("/proc/sys/net/ipv4"), Path("/proc/sys/net/ipv6/conf"), Path("/proc/sys/net/netfilter")]
    for root in (path for path in roots if path.exists()):
        for directory, _, names in os.walk(root):
            for path in (Path(directory) / name for name in names):
                # Counters, and what can only be written.
                if path.name in ("flush", "nf_conntrack_count", "stable_secret") or not os.access(
                    path, os.R_OK
                ):
                    continue
                yield f"{path}={path.read_text().strip()}"


def _processes(prefix: str) -> Iterator[str]:
    own = {os.getpid(), os.getppid()}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = (process / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # What has ended has no command line; when init takes note of that is init's business.
        if command and int(process.name) not in own and (_own(prefix, command) or _own(prefix, groups)):
            yield f"{process.name} {command}"


def _loops() -> Iterator[str]:
    output = run("losetup", "--list", "--json", "--output", "NAME,BACK-FILE")
    for item in json.loads(output)["loopdevices"] if output.strip() else []:
        yield f"{item['name']} {item['back-file']}"


def _files(prefix: str) -> Iterator[Path]:
    for directory in ("/run", "/var/lib", "/run/netns", "/etc/netns"):
        yield from Path(directory).glob(prefix)
        yield from Path(directory).glob(f"{prefix}-*")
    yield from Path("/run/systemd/nspawn").glob(f"*/{prefix}-*")
