"""Elastic IPs and other things of interfaces that can only be set once a machine runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.exceptions

from . import machines, network
from .errors import code, explained
from .provider import Provider


def configure(provider: Provider, instance: machines.Instance, settings: Mapping[str, Any]) -> bool:
    """Give a machine's interfaces their Elastic IPs, names and source/destination checks.

    What is so already is left alone: it can be called again on the same machine.

    Returns:
        Whether an address was changed.
    """
    changed = False
    own = {one["Attachment"]["DeviceIndex"]: one for one in instance.get("NetworkInterfaces") or ()}
    for index, wanted in enumerate(map(network.folded, settings.get("network_interfaces") or ())):
        interface = own[int(wanted.get("deviceindex", index))]
        _attributes(provider, interface, wanted)
        changed |= _elastic_ips(provider, instance, interface, wanted)
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
        with explained(f"allocating an Elastic IP for {machines.name(instance)}"):
            given = {"Name": machines.name(instance), machines.PROVIDER_TAG: provider.alias}
            answer = provider.client().allocate_address(
                Domain="vpc",
                TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": machines.as_tags(given)}],
            )
        _associate(provider, answer["AllocationId"], interface, private)
    return bool(free)


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

    Not those that were only associated with it: they are not the driver's. Asks only if it has one at all.
    """
    own = [
        address["Association"]["PublicIp"]
        for interface in instance.get("NetworkInterfaces") or ()
        for address in interface.get("PrivateIpAddresses") or ()
        if _is_elastic(address.get("Association") or {})
    ]
    if not own:
        return []
    filters = [
        {"Name": "public-ip", "Values": own},
        {"Name": "tag:Name", "Values": [machines.name(instance)]},
        {"Name": f"tag:{machines.PROVIDER_TAG}", "Values": [provider.alias]},
    ]
    with explained(f"looking for the Elastic IPs of {machines.name(instance)}"):
        return list(provider.client().describe_addresses(Filters=filters)["Addresses"])


def release(provider: Provider, addresses: list[dict[str, Any]]) -> None:
    """Release Elastic IPs (D7)."""
    client = provider.client()
    for address in addresses:
        with explained(f"releasing {address['PublicIp']}"):
            try:
                client.disassociate_address(AssociationId=address["AssociationId"])
            except botocore.exceptions.ClientError as error:
                if code(error) != "InvalidAssociationID.NotFound":  # the machine has let go of it already
                    raise
            client.release_address(AllocationId=address["AllocationId"])
