"""Route tables. `aws_vpc` says why not saltext-boto3's."""

from collections.abc import Mapping
from typing import Any

__virtualname__ = "aws_route_table"

Tags = dict[str, str]
Result = dict[str, Any]


def present(
    name: str,
    vpc: str,
    subnets: list[str],
    routes: Mapping[str, str],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a route table exists, has these routes and no others, and serves these subnets.

    Args:
        name: its Name tag.
        vpc: the name of the VPC.
        subnets: the names of its subnets.
        routes: destination to the name of an internet gateway or NAT gateway. The VPC's own route and those
            of gateway endpoints are AWS's business.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}
    routes = dict(routes)

    def find() -> Result | None:
        subnet_names = __salt__["aws_ec2.names_in_vpc"](ec2, "subnet", vpc)
        ours = [subnet_id for subnet_id, subnet in subnet_names.items() if subnet in subnets]
        return ours and __salt__["aws_ec2.find"](
            ec2,
            "route-table",
            {"tag:Name": name, "vpc-id": __salt__["aws_ec2.vpc_id"](ec2, vpc)},
            {"association.subnet-id": ours, "tag:Fleet": tags["Fleet"]},
        )

    def read() -> Result | None:
        table = find()
        if not table:
            return None
        subnet_names = __salt__["aws_ec2.names_in_vpc"](ec2, "subnet", vpc)
        gateway_names = {gateway_id: gateway for gateway, gateway_id in _gateways(ec2, vpc).items()}
        return {
            "subnets": sorted(subnet_names[subnet_id] for subnet_id in _associations(table)),
            "routes": {
                destination: gateway_names.get(target, target)
                for destination, target in _routes(table).items()
            },
            "tags": __salt__["aws_ec2.tags_of"](table),
        }

    def create() -> None:
        ec2.create_route_table(
            VpcId=__salt__["aws_ec2.vpc_id"](ec2, vpc, required=True),
            TagSpecifications=__salt__["aws_ec2.specification"]("route-table", tags),
        )
        update({"subnets": subnets, "routes": routes})

    def update(changed: Result) -> None:
        table = find()
        __salt__["aws_ec2.retag"](ec2, table["RouteTableId"], changed)
        if "routes" in changed:
            gateways = _gateways(ec2, vpc)
            _set_routes(ec2, table, {to: gateways.get(gateway, gateway) for to, gateway in routes.items()})
        if "subnets" in changed:
            ids = {
                __salt__["aws_ec2.id_in_vpc"](ec2, "subnet", subnet, vpc, required=True) for subnet in subnets
            }
            _set_subnets(ec2, table, ids)

    return __salt__["aws_resource.present"](
        name,
        desired={"subnets": sorted(subnets), "routes": routes, "tags": tags},
        read=read,
        create=create,
        update=update,
    )


def _gateways(ec2: Any, vpc: str) -> dict[str, str]:
    """Return name to id of the gateways that a route of this VPC can lead to."""
    vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
    find_all = __salt__["aws_ec2.find_all"]
    alive = {"vpc-id": vpc_id, "state": ["pending", "available"]}
    found = {each["NatGatewayId"]: each for each in find_all(ec2, "natgateway", alive)}
    for each in find_all(ec2, "internet-gateway", {"attachment.vpc-id": vpc_id}):
        found[each["InternetGatewayId"]] = each
    return {
        __salt__["aws_ec2.tags_of"](each).get("Name", each_id): each_id for each_id, each in found.items()
    }


def _routes(table: Result) -> dict[str, str]:
    """Return destination to target of the routes that were made by someone."""
    return {
        route["DestinationCidrBlock"]: route.get("NatGatewayId") or route.get("GatewayId") or str(route)
        for route in table["Routes"]
        if "DestinationCidrBlock" in route and route.get("GatewayId") != "local"
    }


def _associations(table: Result) -> dict[str, str]:
    """Return subnet id to association id."""
    return {
        association["SubnetId"]: association["RouteTableAssociationId"]
        for association in table["Associations"]
        if "SubnetId" in association
    }


def _set_routes(ec2: Any, table: Result, wanted: Mapping[str, str]) -> None:
    actual = _routes(table)
    for destination in actual.keys() - wanted.keys():
        ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=destination)
    for destination, target in wanted.items():
        if actual.get(destination) == target:
            continue
        key = "NatGatewayId" if target.startswith("nat-") else "GatewayId"
        call = ec2.replace_route if destination in actual else ec2.create_route
        call(RouteTableId=table["RouteTableId"], DestinationCidrBlock=destination, **{key: target})


def _set_subnets(ec2: Any, table: Result, wanted: set[str]) -> None:
    actual = _associations(table)
    for subnet_id in actual.keys() - wanted:
        ec2.disassociate_route_table(AssociationId=actual[subnet_id])
    for subnet_id in wanted - actual.keys():
        elsewhere = ec2.describe_route_tables(
            Filters=[{"Name": "association.subnet-id", "Values": [subnet_id]}]
        )["RouteTables"]
        if elsewhere:
            ec2.replace_route_table_association(
                AssociationId=_associations(elsewhere[0])[subnet_id], RouteTableId=table["RouteTableId"]
            )
        else:
            ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnet_id)
