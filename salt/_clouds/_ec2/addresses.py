"""Elastic IPs and other things of interfaces that can only be set once a machine runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import machines, network
from .errors import explained, ignored
from .provider import Provider


def configure(provider: Provider, instance: machines.Instance, settings: Mapping[str, Any]) -> bool:
    """Give a machine's interfaces their Elastic IPs, names and source/destination checks.

    What is so already is left alone: it can be called again on the same machine.

    Returns:
        Whether an address was changed.
    """
    changed = False
    own = {one["Attachment"]["DeviceIndex"]: one for one in instance.get("NetworkInterfaces") or ()}
    interfaces = [network.folded(one) for one in settings.get("network_interfaces") or ()]
    allocates = any(one.get("allocate_new_eip") or one.get("allocate_new_eips") for one in interfaces)
    # What an interrupted run has allocated is taken before a new one is.
    spare = _loose(provider, machines.name(instance)) if allocates else []
    for index, wanted in enumerate(interfaces):
        interface = own[int(wanted.get("deviceindex", index))]
        _attributes(provider, interface, wanted)
        changed |= _elastic_ips(provider, instance, interface, wanted, spare)
    release(provider, spare)
    return changed


def _attributes(provider: Provider, interface: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    id_ = interface["NetworkInterfaceId"]
    check = wanted.get("sourcedestcheck")
    if check is not None and check != interface.get("SourceDestCheck"):
        with explained(f"setting SourceDestCheck of {id_}"):
            provider.client().modify_network_interface_attribute(
                NetworkInterfaceId=id_, SourceDestCheck={"Value": check}
            )
    if wanted.get("name"):
        with explained(f"naming {id_}"):
            provider.client().create_tags(Resources=[id_], Tags=machines.as_tags({"Name": wanted["name"]}))


def _elastic_ips(
    provider: Provider,
    instance: machines.Instance,
    interface: Mapping[str, Any],
    wanted: Mapping[str, Any],
    spare: list[dict[str, Any]],
) -> bool:
    free = [
        address["PrivateIpAddress"]
        for address in interface["PrivateIpAddresses"]
        if not _is_elastic(address.get("Association") or {})
    ]
    if wanted.get("associate_eip"):
        private = interface["PrivateIpAddress"]
        if private in free:
            _associate(provider, _allocation(provider, str(wanted["associate_eip"])), interface, private)
        return private in free
    if wanted.get("allocate_new_eip"):
        free = [address for address in free if address == interface["PrivateIpAddress"]]
    elif not wanted.get("allocate_new_eips"):
        return False
    for private in free:
        allocation = (spare or _allocate(provider, machines.name(instance))).pop()["AllocationId"]
        _associate(provider, allocation, interface, private)
    return bool(free)


def _allocate(provider: Provider, name: str) -> list[dict[str, Any]]:
    """Return a new Elastic IP for a machine, alone in a list."""
    given = {"Name": name, machines.PROVIDER_TAG: provider.alias}
    with explained(f"allocating an Elastic IP for {name}"):
        answer = provider.client().allocate_address(
            Domain="vpc",
            TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": machines.as_tags(given)}],
        )
    if answer["ResponseMetadata"].get("RetryAttempts"):
        # EC2 takes no token here: a try whose answer was lost has allocated one as well.
        lost = [one for one in _loose(provider, name) if one["AllocationId"] != answer["AllocationId"]]
        release(provider, lost)
    return [answer]


def _loose(provider: Provider, name: str) -> list[dict[str, Any]]:
    """Return the Elastic IPs that were allocated for a machine and are associated with nothing."""
    return [one for one in _tagged(provider, name) if "AssociationId" not in one]


def _tagged(provider: Provider, name: str) -> list[dict[str, Any]]:
    filters = [
        {"Name": "tag:Name", "Values": [name]},
        {"Name": f"tag:{machines.PROVIDER_TAG}", "Values": [provider.alias]},
    ]
    with explained(f"looking for the Elastic IPs of {name}"):
        return list(provider.client().describe_addresses(Filters=filters)["Addresses"])


def _is_elastic(association: Mapping[str, Any]) -> bool:
    return bool(association.get("PublicIp")) and association.get("IpOwnerId") != "amazon"


def _allocation(provider: Provider, wanted: str) -> str:
    """Return the allocation of an Elastic IP, given by its id or its address."""
    if wanted.startswith("eipalloc-"):
        return wanted
    with explained(f"looking for Elastic IP {wanted}"):
        found = provider.client().describe_addresses(PublicIps=[wanted])["Addresses"]
    return str(found[0]["AllocationId"])


def _associate(provider: Provider, allocation: str, interface: Mapping[str, Any], private: str) -> None:
    with explained(f"associating {allocation} with {interface['NetworkInterfaceId']}"):
        provider.client().associate_address(
            AllocationId=allocation,
            NetworkInterfaceId=interface["NetworkInterfaceId"],
            PrivateIpAddress=private,
            AllowReassociation=False,
        )


def allocated(provider: Provider, instance: machines.Instance) -> list[dict[str, Any]]:
    """Return the Elastic IPs that were allocated for a machine.

    Not those that were only associated with it: they are not the driver's. Asks only if it may have one.
    """
    own = {
        address["Association"]["PublicIp"]
        for interface in instance.get("NetworkInterfaces") or ()
        for address in interface.get("PrivateIpAddresses") or ()
        if _is_elastic(address.get("Association") or {})
    }
    if not own and not machines.is_half_built(instance):
        return []
    found = _tagged(provider, machines.name(instance))
    return [one for one in found if one["PublicIp"] in own or "AssociationId" not in one]


def release(provider: Provider, addresses: Iterable[Mapping[str, Any]]) -> None:
    """Release Elastic IPs (D7); those that are released already are left alone."""
    client = provider.client()
    for address in addresses:
        with explained(f"releasing {address['PublicIp']}"):
            if "AssociationId" in address:
                # The machine may have let go of it already.
                with ignored("InvalidAssociationID.NotFound"):
                    client.disassociate_address(AssociationId=address["AssociationId"])
            # Or another machine has taken it over.
            with ignored("InvalidAllocationID.NotFound", "InvalidIPAddress.InUse"):
                client.release_address(AllocationId=address["AllocationId"])
