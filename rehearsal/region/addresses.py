"""Private addresses of subnets: the next free one in turn, and AWS's errors for those that cannot be had.

moto hands the address of a terminated instance out again at once, and answers an address in use with an
HTML page of status 500.
"""

from ipaddress import IPv4Address
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.subnets import Subnet

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
        f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number of instances.",
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


def install() -> None:
    """Make moto's subnets hand addresses out this way."""
    Subnet.get_available_subnet_ip = _allocate
