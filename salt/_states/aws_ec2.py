"""Removal of EC2's resources, found by their tags: so what an older pillar made goes, too."""

from collections.abc import Callable, Mapping
from typing import Any

from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_ec2"

Result = dict[str, Any]

_DEAD = ("deleted", "deleting", "shutting-down", "terminated")


def absent(
    name: str,
    kind: str,
    tags: Mapping[str, str],
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is no resource of a kind that has all these tags.

    Args:
        name: for people.
        kind: a resource type as in tag specifications (``subnet``), of those that `aws_ec2.find_all` knows.
        tags: what tells ours from others.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    return __salt__["aws_resource.absent"](
        name,
        read=lambda: sorted(_found(ec2, kind, tags)),
        delete=lambda ids: _DELETE[kind](ec2, _found(ec2, kind, tags)),
    )


def volumes_absent(
    name: str,
    tags: Mapping[str, str],
    delete_data: bool = False,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is no volume with these tags, and wait until they are gone.

    One that is still attached is waited for: its host may have been terminated a moment ago. One that is
    deleted with its host is not looked at, since it goes by itself.

    Args:
        name: for people.
        tags: what tells ours from others.
        delete_data: delete them. Without, they are an error.
        region: see `absent`.
        profile: see `absent`.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)

    def read() -> list[str]:
        volumes = _found(ec2, "volume", tags)
        found = {each: volume for each, volume in volumes.items() if not _goes_with_its_host(volume)}
        for volume_id, volume in sorted(found.items()):
            of = __salt__["aws_ec2.tags_of"](volume).get("Name", "a host without a name")
            __salt__["aws_resource.keep"](f"volume {volume_id} of {of}", not delete_data)
        return sorted(found)

    def delete(found: list[str]) -> None:
        ec2.get_waiter("volume_available").wait(VolumeIds=found)
        for volume_id in found:
            ec2.delete_volume(VolumeId=volume_id)
        ec2.get_waiter("volume_deleted").wait(VolumeIds=found)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def unused(
    name: str, tags: Mapping[str, str], region: str | None = None, profile: str | None = None
) -> Result:
    """Fail if an instance with these tags exists: what it stands on must not be removed under it.

    Args:
        name: for people.
        tags: what tells ours from others.
        region: see `absent`.
        profile: see `absent`.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)

    def changes() -> tuple[None, None]:
        found = sorted(_found(ec2, "instance", tags))
        if found:
            raise CommandExecutionError(
                f"{name}: {', '.join(found)} still exist; first destroy the fleet: salt-cloud -m cloud.map -d"
            )
        return None, None

    return __salt__["aws_resource.change"](name, changes=changes, apply=lambda old, new: None)


def _found(ec2: Any, kind: str, tags: Mapping[str, str]) -> dict[str, Result]:
    """Return what exists, by id."""
    found = __salt__["aws_ec2.by_id"](ec2, kind, {f"tag:{key}": value for key, value in tags.items()})
    return {each_id: each for each_id, each in found.items() if _state(each) not in _DEAD}


def _goes_with_its_host(volume: Result) -> bool:
    attachments = volume.get("Attachments") or ()
    return bool(attachments) and all(each.get("DeleteOnTermination") for each in attachments)


def _state(resource: Result) -> str:
    state = resource.get("State", "")
    return (state["Name"] if isinstance(state, dict) else state).lower()


def _delete_internet_gateways(ec2: Any, found: Mapping[str, Result]) -> None:
    for gateway_id, gateway in found.items():
        for attached in gateway["Attachments"]:
            ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=attached["VpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=gateway_id)


def _delete_nat_gateways(ec2: Any, found: Mapping[str, Result]) -> None:
    for gateway_id in found:
        ec2.delete_nat_gateway(NatGatewayId=gateway_id)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=list(found))


def _delete_route_tables(ec2: Any, found: Mapping[str, Result]) -> None:
    for table_id, table in found.items():
        for association in table["Associations"]:
            ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
        ec2.delete_route_table(RouteTableId=table_id)


def _delete_endpoints(ec2: Any, found: Mapping[str, Result]) -> None:
    failed = ec2.delete_vpc_endpoints(VpcEndpointIds=list(found)).get("Unsuccessful")
    if failed:
        raise CommandExecutionError(f"DeleteVpcEndpoints: {failed}")


def _delete_security_groups(ec2: Any, found: Mapping[str, Result]) -> None:
    """Delete groups, their rules first, since groups that name one another cannot be deleted."""
    for group_id, group in found.items():
        if group["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=group["IpPermissions"])
        if group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=group["IpPermissionsEgress"])
    for group_id in found:
        ec2.delete_security_group(GroupId=group_id)


def _each(method: str, key: str) -> Callable[[Any, Mapping[str, Result]], None]:
    """Return a function that deletes by one call a resource."""

    def delete(ec2: Any, found: Mapping[str, Result]) -> None:
        for each_id in found:
            getattr(ec2, method)(**{key: each_id})

    return delete


_DELETE: dict[str, Callable[[Any, Mapping[str, Result]], None]] = {
    "elastic-ip": _each("release_address", "AllocationId"),
    "internet-gateway": _delete_internet_gateways,
    "key-pair": _each("delete_key_pair", "KeyName"),
    "natgateway": _delete_nat_gateways,
    "route-table": _delete_route_tables,
    "security-group": _delete_security_groups,
    "subnet": _each("delete_subnet", "SubnetId"),
    "vpc": _each("delete_vpc", "VpcId"),
    "vpc-endpoint": _delete_endpoints,
}
