"""The addresses that instances get, and AWS's errors for those that cannot be had.

moto hands the private address of a terminated instance out again at once, answers one in use with an HTML
page of status 500, and makes elastic addresses up from 127.0.0.0/8.
"""

import random
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends, elastic_ip_addresses, elastic_network_interfaces
from moto.ec2.models.subnets import Subnet

# Public addresses come from the half of the benchmarking range (RFC 2544) that the router does not use, so
# that they hide no address of the Internet.
PUBLIC = IPv4Network("198.19.0.0/16")
RESERVED = 4  # the network's first addresses are AWS's (and its last is the broadcast address)


def _taken(subnet: Any) -> set[str]:
    interfaces = (
        address["PrivateIpAddress"]
        for interface in subnet.ec2_backend.enis.values()
        if interface.subnet.id == subnet.id
        for address in interface.private_ip_addresses
    )
    return {*subnet._subnet_ips, *interfaces}


def next_free(subnet: Any) -> str:
    """Return the next free address after the one last handed out, from the start again after the last.

    Raises:
        EC2ClientError: InsufficientFreeAddressesInSubnet.
    """
    taken = _taken(subnet)
    first, last = int(subnet.cidr.network_address) + RESERVED, int(subnet.cidr.broadcast_address) - 1
    previous = getattr(subnet, "saltwatch_last_address", first - 1)
    for number in [*range(previous + 1, last + 1), *range(first, previous + 1)]:
        address = str(IPv4Address(number))
        if address not in taken:
            subnet.saltwatch_last_address = number
            return address
    raise EC2ClientError(
        "InsufficientFreeAddressesInSubnet",
        f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number of "
        "instances.",
    )


def check_free(subnet: Any, address: str) -> None:
    """Check that ``address`` can be given to an interface in ``subnet``.

    Raises:
        EC2ClientError: InvalidParameterValue or InvalidIPAddress.InUse, as AWS answers.
    """
    try:
        parsed = IPv4Address(address)
    except ValueError as error:
        message = f"Value ({address}) for parameter address is invalid."
        raise EC2ClientError("InvalidParameterValue", message) from error
    if parsed not in subnet.cidr:
        message = "Address does not fall within the subnet's address range"
        raise EC2ClientError("InvalidParameterValue", message)
    offset = int(parsed) - int(subnet.cidr.network_address)
    if offset < RESERVED or parsed == subnet.cidr.broadcast_address:
        message = "Address is in subnet's reserved address range"
        raise EC2ClientError("InvalidParameterValue", message)
    if address in _taken(subnet):
        raise EC2ClientError("InvalidIPAddress.InUse", f"Address {address} is in use.")


def _allocate(subnet: Any, instance: Any) -> str:
    address = next_free(subnet)
    subnet._subnet_ips[address] = instance
    return address


def next_public() -> str:
    """Return a public address that no interface and no elastic address has."""
    taken = set()
    backend: Any
    for _account, _region, backend in ec2_backends.iter_backends():
        taken |= {interface.public_ip for interface in backend.enis.values()}
        taken |= {address.public_ip for address in backend.addresses}
    while (address := str(PUBLIC[random.randrange(1, PUBLIC.num_addresses - 1)])) in taken:  # noqa: S311
        pass
    return address


def install() -> None:
    """Make moto hand addresses out this way."""
    setattr(Subnet, "get_available_subnet_ip", _allocate)  # noqa: B010, a plain assignment is an error to mypy
    elastic_network_interfaces.random_public_ip = next_public
    elastic_ip_addresses.random_ip = next_public
