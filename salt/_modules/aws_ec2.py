"""How our states find, tag and name EC2's resources."""

from collections.abc import Mapping
from typing import Any

from salt.exceptions import CommandExecutionError

# Resource type, as in tag specifications: the call that lists it, the key of the list, the key of the id.
_KINDS = {
    "instance": ("describe_instances", "Reservations", "InstanceId"),
    "vpc": ("describe_vpcs", "Vpcs", "VpcId"),
    "subnet": ("describe_subnets", "Subnets", "SubnetId"),
    "internet-gateway": ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "natgateway": ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    "elastic-ip": ("describe_addresses", "Addresses", "AllocationId"),
    "route-table": ("describe_route_tables", "RouteTables", "RouteTableId"),
    "vpc-endpoint": ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    "security-group": ("describe_security_groups", "SecurityGroups", "GroupId"),
    "volume": ("describe_volumes", "Volumes", "VolumeId"),
    "key-pair": ("describe_key_pairs", "KeyPairs", "KeyName"),
}


def find_all(ec2: Any, kind: str, filters: Mapping[str, str | list[str]]) -> list[dict[str, Any]]:
    """Return the resources of a kind that match every filter.

    Args:
        ec2: the client.
        kind: a resource type, as ``subnet``.
        filters: EC2's own filters, as ``{"tag:Name": "a"}``.
    """
    method, listing, _ = _KINDS[kind]
    argument = "Filter" if kind == "natgateway" else "Filters"
    conditions = [
        {"Name": key, "Values": [value] if isinstance(value, str) else value}
        for key, value in filters.items()
    ]
    if not ec2.can_paginate(method):
        return getattr(ec2, method)(**{argument: conditions})[listing]
    pages = ec2.get_paginator(method).paginate(**{argument: conditions})
    found = [resource for page in pages for resource in page[listing]]
    if kind == "instance":
        return [instance for reservation in found for instance in reservation["Instances"]]
    return found


def by_id(ec2: Any, kind: str, filters: Mapping[str, str | list[str]]) -> dict[str, dict[str, Any]]:
    """Return the same by id."""
    return {each[_KINDS[kind][2]]: each for each in find_all(ec2, kind, filters)}


def find(ec2: Any, kind: str, *alternatives: Mapping[str, str | list[str]]) -> dict[str, Any] | None:
    """Return the one resource that matches the first of ``alternatives`` to match anything, or None.

    With more than one alternative a resource that lost its Name tag is found by what else is unique to it.

    Raises:
        CommandExecutionError: several match; choosing one would be a guess.
    """
    for filters in alternatives:
        found = find_all(ec2, kind, filters)
        if len(found) > 1:
            ids = ", ".join(resource[_KINDS[kind][2]] for resource in found)
            raise CommandExecutionError(f"{kind}: expected at most one with {dict(filters)}, found {ids}")
        if found:
            return found[0]
    return None


def find_vpc(ec2: Any, name: str) -> dict[str, Any] | None:
    """Return the VPC of that name, or None. A fleet's VPC has the fleet's name: it is found by either tag."""
    return find(ec2, "vpc", {"tag:Name": name}, {"tag:Fleet": name})


def vpc_id(ec2: Any, name: str, required: bool = False) -> str | None:
    """Return the id of the VPC of that name, or None. Almost every state asks, so AWS is asked once a run.

    Raises:
        CommandExecutionError: there is more than one, or none although it is ``required``.
    """
    known = f"aws_ec2.vpc_id:{ec2.meta.region_name}:{name}"
    if known not in __context__:
        vpc = find_vpc(ec2, name)
        if vpc is None:
            if required:
                raise CommandExecutionError(f"VPC {name}: there is none; apply the state that makes it")
            return None
        __context__[known] = vpc["VpcId"]
    return __context__[known]


def id_in_vpc(ec2: Any, kind: str, name: str, vpc: str, required: bool = False) -> str | None:
    """Return the id of the resource with that Name tag in the VPC of that name, or None.

    Raises:
        CommandExecutionError: there is more than one, or none although it is ``required``.
    """
    owner = vpc_id(ec2, vpc)
    resource = owner and find(ec2, kind, {"tag:Name": name, "vpc-id": owner})
    if required and not resource:
        raise CommandExecutionError(
            f"{kind} {name}: there is none in VPC {vpc}; apply the state that makes it"
        )
    return resource[_KINDS[kind][2]] if resource else None


def names_in_vpc(ec2: Any, kind: str, vpc: str) -> dict[str, str]:
    """Return id to Name tag (where there is none: the id) of all of a kind in the VPC of that name."""
    owner = vpc_id(ec2, vpc)
    found = find_all(ec2, kind, {"vpc-id": owner}) if owner else []
    return {each[_KINDS[kind][2]]: tags_of(each).get("Name", each[_KINDS[kind][2]]) for each in found}


def tags_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """Return a resource's tags as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


def specification(kind: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return ``TagSpecifications``, by which a resource is never without its tags."""
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def retag(ec2: Any, resource_id: str, changed: Mapping[str, Any]) -> None:
    """Put back those tags that differ, if any of what `aws_resource.present` found changed is a tag."""
    if "tags" in changed:
        tags = [{"Key": key, "Value": value} for key, value in changed["tags"].items()]
        ec2.create_tags(Resources=[resource_id], Tags=tags)
