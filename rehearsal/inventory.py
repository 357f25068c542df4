"""Where the fleet's hosts are and how to reach them, from EC2's own answers: nothing is written by hand.

Run as ``python -m rehearsal.inventory DIRECTORY IDENTITY`` with AWS credentials: writes ``config`` and
``known_hosts`` for ssh into DIRECTORY and prints the hosts as JSON.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3

CONTROL = "salt-1"
FLEET = "saltwatch"
_BEGIN, _END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"


@dataclass(frozen=True)
class Host:
    """One running instance of the fleet."""

    name: str
    instance_id: str
    private_ip: str
    public_ip: str | None
    host_keys: tuple[str, ...]
    half_built: bool = False  # its bootstrap failed or was interrupted, as the driver's tag says


def find(ec2: Any, states: Sequence[str] = ("running",)) -> list[Host]:
    """Return the fleet's instances by name.

    Args:
        ec2: boto3's EC2 client.
        states: Only those in one of these states.
    """
    filters = [
        {"Name": "tag:Fleet", "Values": [FLEET]},
        {"Name": "instance-state-name", "Values": list(states)},
    ]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    instances = [i for page in pages for r in page["Reservations"] for i in r["Instances"]]
    return sorted((_host(ec2, instance) for instance in instances), key=lambda host: host.name)


def _host(ec2: Any, instance: dict[str, Any]) -> Host:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    console = ec2.get_console_output(InstanceId=instance["InstanceId"]).get("Output", "")
    return Host(
        name=tags.get("Name", instance["InstanceId"]),
        instance_id=instance["InstanceId"],
        private_ip=instance["PrivateIpAddress"],
        public_ip=instance.get("PublicIpAddress"),
        host_keys=host_keys(console),
        half_built=tags.get("salt-cloud:bootstrap") in ("pending", "failed"),
    )


def host_keys(console: str) -> tuple[str, ...]:
    """Return the SSH host keys that cloud-init printed on a console, newest boot's only."""
    _, found, rest = console.replace("\r", "").rpartition(_BEGIN)
    keys, ended, _ = rest.partition(_END)
    if not (found and ended):
        return ()
    # The console may interleave the boot's messages: only whole keys count.
    lines = (line.strip().split() for line in keys.splitlines())
    return tuple(
        " ".join(words[:2]) for words in lines if len(words) >= 2 and words[0].startswith(("ssh-", "ecdsa-"))
    )


def ssh_config(hosts: list[Host], directory: Path, identity: Path) -> str:
    """Return an ssh configuration: the control node by its public address, the others through it."""
    parts = []
    for host in hosts:
        # On the control node the image's own user, whose key pair is the operator's.
        address, jump, user = (
            (host.public_ip, "none", "admin")
            if host.name == CONTROL and host.public_ip
            else (host.private_ip, CONTROL, "operator")
        )
        parts.append(
            f"Host {host.name}\n"
            f"  HostName {address}\n"
            f"  User {user}\n"
            f"  ProxyJump {jump}\n"
            f"  HostKeyAlias {host.name}\n"
        )
    parts.append(
        "Host *\n"
        f"  IdentityFile {identity}\n"
        "  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {directory / 'known_hosts'}\n"
        "  StrictHostKeyChecking yes\n"
        "  ControlMaster auto\n"
        f"  ControlPath {directory}/%C\n"
        "  ControlPersist 60\n"
        "  ConnectTimeout 10\n"
        "  ServerAliveInterval 15\n"
        "  LogLevel ERROR\n"
    )
    return "\n".join(parts)


def known_hosts(hosts: list[Host], before: str = "") -> str:
    """Return the known_hosts lines of hosts whose console told their keys; each ends with the instance's id.

    A console is the last 64 KB of what an instance printed, so after some boots it has the keys no more. Then
    the lines of that instance stay that were there ``before``.
    """
    lines = []
    for host in hosts:
        told = [f"{host.name} {key} {host.instance_id}" for key in host.host_keys]
        lines += told or [line for line in before.splitlines() if line.endswith(f" {host.instance_id}")]
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    """Write ssh's files and print the hosts."""
    directory, identity = (Path(word) for word in sys.argv[1:])
    hosts = find(boto3.client("ec2"))
    (directory / "config").write_text(ssh_config(hosts, directory, identity))
    known = directory / "known_hosts"
    known.write_text(known_hosts(hosts, known.read_text() if known.exists() else ""))
    json.dump([asdict(host) for host in hosts], sys.stdout)


if __name__ == "__main__":
    main()
