"""Descriptions of instances for tests."""

from ipaddress import IPv4Address, IPv4Network

from rehearsal.model import Instance, Outside

SUBNET = IPv4Network("10.0.10.0/24")
NAT = IPv4Address("54.214.9.9")


def instance(
    number: int, *groups: str, public: str | None = None, outside: Outside = Outside.NAT
) -> Instance:
    """Describe the instance with address .``number`` of the subnet."""
    return Instance(
        id=f"i-{number:017x}",
        name=f"host-{number}",
        running=True,
        image_id="ami-0",
        private_ip=SUBNET[number],
        subnet=SUBNET,
        public_ip=IPv4Address(public) if public else None,
        outside=outside,
        nat_address=NAT if outside is Outside.NAT else None,
        groups=groups,
    )
