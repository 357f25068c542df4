"""What AWS runs itself behind an endpoint in the VPC, as the region's API describes it."""

from dataclasses import dataclass

from rehearsal.model import File


@dataclass(frozen=True)
class Service:
    """A database or a load balancer: where it stands, and the files from which its host runs it."""

    kind: str  # rds or elb
    name: str
    interface: str  # description of its network interface, different for another one of the same name
    endpoint: str  # the host name that clients are given
    subnet: str
    groups: tuple[str, ...]  # ids
    public: bool  # whether the endpoint leads to a public address
    files: tuple[File, ...]
