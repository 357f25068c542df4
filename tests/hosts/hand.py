"""Someone with AWS's console: drifts of what the foundation's states look after."""

from collections.abc import Callable
from typing import Any

import boto3
import catalogue

ANYONE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


class Hand:
    """What that person does. Nothing of it cuts the hosts off."""

    def __init__(self) -> None:
        self.ec2 = boto3.client("ec2")
        self.fleet = catalogue.fleet()["name"]

    def id(self, kind: str, name: str) -> str:
        """Return the id of a resource by its kind and its tag Name, the fleet's name left out."""
        filters = [
            {"Name": "resource-type", "Values": [kind]},
            {"Name": "key", "Values": ["Name"]},
            {"Name": "value", "Values": ["-".join(filter(None, [self.fleet, name]))]},
        ]
        (found,) = self.ec2.describe_tags(Filters=filters)["Tags"]
        return str(found["ResourceId"])

    def untag(self, kind: str, name: str) -> None:
        """Remove a tag that no permission asks for."""
        self.ec2.delete_tags(Resources=[self.id(kind, name)], Tags=[{"Key": "Environment"}])

    def opens_ssh(self) -> None:
        """An extra rule of a group."""
        self.ec2.authorize_security_group_ingress(
            GroupId=self.id("security-group", "base"), IpPermissions=[ANYONE]
        )

    def closes_the_web(self) -> None:
        """A rule of a group that is gone."""
        web: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        rule = web | {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.revoke_security_group_ingress(GroupId=self.id("security-group", "app"), IpPermissions=[rule])

    def opens_the_default_group(self) -> None:
        """A rule of the group that a host without one would get."""
        vpc = [
            {"Name": "vpc-id", "Values": [self.id("vpc", "")]},
            {"Name": "group-name", "Values": ["default"]},
        ]
        (group,) = self.ec2.describe_security_groups(Filters=vpc)["SecurityGroups"]
        self.ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=[ANYONE])

    def untags_a_group(self) -> None:
        """A tag of a group that is gone."""
        self.untag("security-group", "prometheus")

    def untags_a_subnet(self) -> None:
        """A tag of a subnet that is gone."""
        self.untag("subnet", "private-b")

    def untags_the_gateway(self) -> None:
        """A tag of the internet gateway that is gone."""
        self.untag("internet-gateway", "")

    def routes_a_private_subnet_out(self) -> None:
        """Of the zone in which no host is."""
        self.ec2.create_route(
            RouteTableId=self.id("route-table", "private-b"),
            DestinationCidrBlock="192.0.2.0/24",
            GatewayId=self.id("internet-gateway", ""),
        )

    def untags_the_endpoint(self) -> None:
        """A tag of S3's endpoint that is gone."""
        self.untag("vpc-endpoint", "s3")


# Each with the state that shows and mends it. The first two are enough for a short test.
DRIFTS: list[tuple[Callable[[Hand], None], str]] = [
    (Hand.opens_ssh, "aws-rules-saltwatch-base"),
    (Hand.untags_a_group, "aws-group-saltwatch-prometheus"),
    (Hand.closes_the_web, "aws-rules-saltwatch-app"),
    (Hand.opens_the_default_group, "aws-rules-default"),
    (Hand.untags_a_subnet, "aws-subnet-private-b"),
    (Hand.untags_the_gateway, "aws-internet-gateway"),
    (Hand.routes_a_private_subnet_out, "aws-route-table-saltwatch-private-b"),
    (Hand.untags_the_endpoint, "aws-endpoint-s3"),
]
