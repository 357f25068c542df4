"""Subnets, security groups and interfaces of a machine to be launched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from salt.exceptions import SaltCloudConfigError, SaltCloudNotFound

from . import machines, options
from .arguments import flag
from .errors import explained
from .provider import Provider

Settings = Mapping[str, Any]

# Seconds for which the members of a map share an answer.
SHARED_FOR = 30
_FLAGS = ("associatepublicipaddress", "sourcedestcheck", "deleteontermination")


def as_list(value: Any) -> list[str]:
    """Return a text, a list of texts or None as a list."""
    return [str(item) for item in (value if isinstance(value, list) else [value])] if value else []


def subnet(provider: Provider, *, id_: str | None = None, name: str | None = None) -> dict[str, Any] | None:
    """Return the subnet of this id or Name tag; None if neither is given.

    Raises:
        SaltCloudNotFound: There is none; says which there are.
        SaltCloudConfigError: Several have the name.
    """
    if not id_ and not name:
        return None
    subnets = _shared(provider, "describe_subnets", "Subnets")
    found = [one for one in subnets if (one["SubnetId"] == id_ if id_ else machines.name_tag(one) == name)]
    if not found:
        names = sorted(one["SubnetId"] if id_ else machines.name_tag(one) for one in subnets)
        raise SaltCloudNotFound(
            f"no subnet {id_ or name} in {provider.region}{_choice(id_ or str(name), names)}"
        )
    if len(found) > 1:
        ids = ", ".join(one["SubnetId"] for one in found)
        raise SaltCloudConfigError(f"several subnets are named {name} ({ids}): use `subnetid`")
    return found[0]


def group_ids(provider: Provider, vpc: str | None, names: Iterable[str]) -> list[str]:
    """Return the ids of security groups by name (or Name tag), in this VPC or, if None, the default one.

    Raises:
        SaltCloudNotFound: One does not exist; says which do.
    """
    names = list(names)
    if not names:
        return []
    vpc = vpc or default_vpc(provider)
    groups = [
        one for one in _shared(provider, "describe_security_groups", "SecurityGroups") if one["VpcId"] == vpc
    ]
    by_name = {machines.name_tag(one): one["GroupId"] for one in groups} | {
        one["GroupName"]: one["GroupId"] for one in groups
    }
    missing = [name for name in names if name not in by_name]
    if missing:
        choice = _choice(missing[0], sorted(filter(None, by_name)))
        raise SaltCloudNotFound(f"no security group {', '.join(missing)} in {vpc}{choice}")
    return [by_name[name] for name in names]


def default_vpc(provider: Provider) -> str:
    """Return the region's default VPC.

    Raises:
        SaltCloudConfigError: It has none.
    """
    for vpc in _shared(provider, "describe_vpcs", "Vpcs"):
        if vpc.get("IsDefault"):
            return str(vpc["VpcId"])
    raise SaltCloudConfigError(f"{provider.region} has no default VPC: set `subnetname` or `subnetid`")


def _shared(provider: Provider, operation: str, key: str) -> list[dict[str, Any]]:
    def listing() -> Any:
        with explained(f"listing {key}"):
            return machines.plain(provider.pages(operation, key))

    answer: list[dict[str, Any]] = provider.state.once(operation, SHARED_FOR, listing)
    return answer


def _choice(wanted: str, names: list[str]) -> str:
    return options.nearest(wanted, names) or (
        f"; there are: {', '.join(names)}" if names else "; there are none"
    )


def interfaces(provider: Provider, settings: Settings) -> tuple[list[dict[str, Any]], str | None]:
    """Return a machine's interfaces as RunInstances takes them, and the zone they are in (None: any).

    Args:
        provider: Where.
        settings: The machine's. Its ``network_interfaces``, or else one made of ``subnetid``, ``subnetname``,
            ``securitygroup*``, ``private_ip``, ``assign_public_ip`` and ``ipv6_address_count``.
    """
    own = [folded(one) for one in settings.get("network_interfaces") or [{}]]
    requests = []
    zone = None
    for index, wanted in enumerate(own):
        request: dict[str, Any] = {"DeviceIndex": int(wanted.get("deviceindex", index))}
        requests.append(request)
        if wanted.get("networkinterfaceid"):
            request["NetworkInterfaceId"] = wanted["networkinterfaceid"]
            continue
        place = subnet(
            provider,
            id_=wanted.get("subnetid") or (None if wanted.get("subnetname") else settings.get("subnetid")),
            name=wanted.get("subnetname") or settings.get("subnetname"),
        )
        vpc = None
        if place:
            request["SubnetId"], vpc, zone = place["SubnetId"], place["VpcId"], place["AvailabilityZone"]
        groups = _groups(provider, vpc, wanted, settings)
        if groups:
            request["Groups"] = groups
        request["DeleteOnTermination"] = bool(wanted.get("deleteontermination", True))
        request.update(_addresses(wanted, settings if index == 0 else {}))
        if wanted.get("description"):
            request["Description"] = wanted["description"]
    return requests, zone


def folded(interface: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of ``network_interfaces`` with its keys in lower case: AWS's and salt-cloud's are mixed."""
    plain = {str(key).casefold(): value for key, value in interface.items() if value is not None}
    if "delete_interface_on_terminate" in plain:
        plain.setdefault("deleteontermination", plain.pop("delete_interface_on_terminate"))
    return plain | {key: flag(key, plain[key]) for key in _FLAGS if key in plain}


def _groups(provider: Provider, vpc: str | None, wanted: Settings, settings: Settings) -> list[str]:
    ids = as_list(wanted.get("securitygroupid"))
    names = as_list(wanted.get("securitygroupname"))
    if not ids and not names:
        ids = as_list(settings.get("securitygroupid"))
        names = as_list(settings.get("securitygroupname")) + as_list(settings.get("securitygroup"))
    return list(dict.fromkeys(ids + group_ids(provider, vpc, names)))


def _addresses(wanted: Settings, settings: Settings) -> dict[str, Any]:
    request: dict[str, Any] = {}
    private = wanted.get("privateipaddress") or settings.get("private_ip")
    secondary = wanted.get("privateipaddresses")
    # `- Primary: True` alone, as Salt's own documentation has it, means any address: AWS wants one.
    listed = [
        dict(one) if isinstance(one, Mapping) else {"PrivateIpAddress": str(one), "Primary": False}
        for one in secondary or ()
        if not isinstance(one, Mapping) or one.get("PrivateIpAddress")
    ]
    if listed:
        request["PrivateIpAddresses"] = listed
        if private:
            request["PrivateIpAddresses"].insert(0, {"PrivateIpAddress": private, "Primary": True})
    elif private:
        request["PrivateIpAddress"] = private
    if wanted.get("secondaryprivateipaddresscount"):
        request["SecondaryPrivateIpAddressCount"] = int(wanted["secondaryprivateipaddresscount"])
    ipv6 = wanted.get("ipv6addresscount") or settings.get("ipv6_address_count")
    if ipv6:
        request["Ipv6AddressCount"] = int(ipv6)
    public = wanted.get("associatepublicipaddress", settings.get("assign_public_ip"))
    if public is not None:
        request["AssociatePublicIpAddress"] = bool(public)
    return request


def groups_there_are(provider: Provider, interfaces: Iterable[Mapping[str, Any]]) -> str:
    """Return words that name the security groups which machines in these interfaces' subnets can be in."""
    subnets = {one.get("SubnetId") for one in interfaces}
    found = {
        one["VpcId"] for one in _shared(provider, "describe_subnets", "Subnets") if one["SubnetId"] in subnets
    }
    vpcs = found or {default_vpc(provider)}
    groups = [
        f"{one['GroupId']} ({one['GroupName']})"
        for one in _shared(provider, "describe_security_groups", "SecurityGroups")
        if one["VpcId"] in vpcs
    ]
    return f"; {', '.join(sorted(vpcs))} has: {', '.join(sorted(groups)) or 'none'}"
