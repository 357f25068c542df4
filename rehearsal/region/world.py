"""The world that the hypervisor shall make true, as the region's public API describes it."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from rehearsal.model import Instance, Outside, Rule, SecurityGroup, Volume, World
from rehearsal.region.services import Service

GONE = ("shutting-down", "terminated")


def _all(client: Any, operation: str, key: str) -> list[dict[str, Any]]:
    return [item for page in client.get_paginator(operation).paginate() for item in page[key]]


def instances(client: Any) -> list[dict[str, Any]]:
    """Return DescribeInstances' description of every instance that exists."""
    reservations = _all(client, "describe_instances", "Reservations")
    found = [instance for reservation in reservations for instance in reservation["Instances"]]
    return [instance for instance in found if instance["State"]["Name"] not in GONE]


def groups_of(instance: dict[str, Any]) -> tuple[str, ...]:
    """Return the ids of an instance's groups, its own and those of its interfaces."""
    own = instance.get("SecurityGroups", [])
    interfaces = [group for item in instance.get("NetworkInterfaces", []) for group in item["Groups"]]
    return tuple(sorted({group["GroupId"] for group in [*own, *interfaces]}))


def tag(resource: dict[str, Any], key: str, default: str) -> str:
    """Return the value of a resource's tag."""
    return next((item["Value"] for item in resource.get("Tags", []) if item["Key"] == key), default)


class _Routes:
    """Which way leads outside from each subnet."""

    def __init__(self, tables: list[dict[str, Any]], gateways: list[dict[str, Any]]):
        self._by_subnet: dict[str, dict[str, Any]] = {}
        self._main: dict[str, dict[str, Any]] = {}
        for table in tables:
            for association in table.get("Associations", []):
                if association.get("Main"):
                    self._main[table["VpcId"]] = table
                elif "SubnetId" in association:
                    self._by_subnet[association["SubnetId"]] = table
        self._nat = {
            gateway["NatGatewayId"]: gateway["NatGatewayAddresses"][0]["PublicIp"]
            for gateway in gateways
            if gateway["State"] == "available" and gateway.get("NatGatewayAddresses")
            if gateway["NatGatewayAddresses"][0].get("PublicIp")
        }

    def outside(self, instance: dict[str, Any]) -> tuple[Outside, IPv4Address | None]:
        """Return how ``instance`` reaches the world, and the NAT gateway's address if through one."""
        table = self._by_subnet.get(instance["SubnetId"]) or self._main.get(instance["VpcId"], {})
        for route in table.get("Routes", []):
            if route.get("DestinationCidrBlock") != "0.0.0.0/0" or route.get("State") == "blackhole":
                continue
            if route.get("GatewayId", "").startswith("igw-") and instance.get("PublicIpAddress"):
                return Outside.PUBLIC, None
            if address := self._nat.get(route.get("NatGatewayId", "")):
                return Outside.NAT, IPv4Address(address)
        return Outside.NONE, None


def _instance(instance: dict[str, Any], subnets: dict[str, IPv4Network], routes: _Routes) -> Instance:
    outside, nat_address = routes.outside(instance)
    public = instance.get("PublicIpAddress")
    return Instance(
        id=instance["InstanceId"],
        name=tag(instance, "Name", instance["InstanceId"]),
        running=instance["State"]["Name"] in ("pending", "running"),
        image_id=instance["ImageId"],
        private_ip=IPv4Address(instance["PrivateIpAddress"]),
        subnet=subnets[instance["SubnetId"]],
        public_ip=IPv4Address(public) if public else None,
        outside=outside,
        nat_address=nat_address,
        groups=groups_of(instance),
    )


def _rule(permission: dict[str, Any]) -> Rule:
    # Of icmp FromPort is the type and ToPort the code (IpPermission, EC2's API).
    with_ports = permission["IpProtocol"] in ("tcp", "udp", "icmp")
    return Rule(
        protocol=permission["IpProtocol"],
        ports=(permission["FromPort"], permission["ToPort"]) if with_ports else None,
        cidrs=tuple(IPv4Network(item["CidrIp"], strict=False) for item in permission.get("IpRanges", [])),
        groups=tuple(item["GroupId"] for item in permission.get("UserIdGroupPairs", [])),
    )


def _volume(volume: dict[str, Any]) -> Volume:
    attachment: dict[str, Any] = next(iter(volume.get("Attachments", [])), {})
    return Volume(volume["VolumeId"], volume["Size"], attachment.get("InstanceId"), attachment.get("Device"))


def _rules(permissions: Iterable[dict[str, Any]]) -> tuple[Rule, ...]:
    return tuple(_rule(permission) for permission in permissions)


def observe(client: Any, managed: Iterable[tuple[dict[str, Any], Service]] = ()) -> World:
    """Return the world as ``client``, a boto3 client of EC2, sees it.

    ``managed`` are the hosts of what AWS runs itself: each as an instance would be described, and what it is.

    A group is a member of the world whether or not an instance is in it, since rules refer to groups. An
    instance's root volume lives and dies with its disk and is left out.
    """
    described = instances(client)
    subnets = {
        item["SubnetId"]: IPv4Network(item["CidrBlock"])
        for item in _all(client, "describe_subnets", "Subnets")
    }
    routes = _Routes(
        _all(client, "describe_route_tables", "RouteTables"),
        _all(client, "describe_nat_gateways", "NatGateways"),
    )
    roots = {
        mapping["Ebs"]["VolumeId"]
        for instance in described
        for mapping in instance.get("BlockDeviceMappings", [])
        if mapping["DeviceName"] == instance.get("RootDeviceName")
    }
    return World(
        instances=(
            *(_instance(item, subnets, routes) for item in described if "PrivateIpAddress" in item),
            *(
                replace(_instance(item, subnets, routes), service=service.kind, files=service.files)
                for item, service in managed
            ),
        ),
        groups=tuple(
            SecurityGroup(
                group["GroupId"],
                group["GroupName"],
                _rules(group["IpPermissions"]),
                _rules(group["IpPermissionsEgress"]),
            )
            for group in _all(client, "describe_security_groups", "SecurityGroups")
        ),
        volumes=tuple(
            _volume(volume)
            for volume in _all(client, "describe_volumes", "Volumes")
            if volume["VolumeId"] not in roots
        ),
    )
