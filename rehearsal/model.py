"""What the hypervisor is asked to make true, as the region's API describes it.

The region observes its own public API (DescribeInstances and the like), builds a `World` and hands it to
`Hypervisor.reconcile`, as often as it likes: the hypervisor compares it with what runs and acts on the
difference only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

Report = Callable[[str], None]  # one line of progress, for people


class Outside(StrEnum):
    """How an instance reaches addresses outside its VPC, by its subnet's route table."""

    NONE = "none"
    PUBLIC = "public"  # its own public address, through an internet gateway
    NAT = "nat"  # a NAT gateway's address


@dataclass(frozen=True)
class Volume:
    """An EBS volume. ``size`` in GiB; ``device`` (as in ``/dev/sdf``) is None while detached."""

    id: str
    size: int
    instance_id: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class File:
    """A file that is kept on a host's disk as it is here, root's; ``path`` without the leading slash."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Instance:
    """One EC2 instance that exists (not terminated nor being terminated), or a host of a managed service."""

    id: str
    name: str  # its Name tag, or its id
    running: bool
    image_id: str
    private_ip: IPv4Address
    subnet: IPv4Network
    public_ip: IPv4Address | None
    outside: Outside
    nat_address: IPv4Address | None  # source address of what leaves through a NAT gateway
    groups: tuple[str, ...]  # ids of its security groups
    # What AWS itself runs there (rds, elb), for which nobody logs in; empty for an instance of EC2.
    service: str = ""
    files: tuple[File, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One permission of a security group: a port range of a protocol, and its peers."""

    protocol: str  # tcp, udp, icmp or -1 (all)
    ports: tuple[int, int] | None  # None: all; of icmp: type and code, each -1 for all
    cidrs: tuple[IPv4Network, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class SecurityGroup:
    """A security group, by id."""

    id: str
    name: str
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]


@dataclass(frozen=True)
class World:
    """Everything the hypervisor has to make real. The root volumes are not in ``volumes``."""

    instances: tuple[Instance, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    volumes: tuple[Volume, ...] = ()
