"""Ways out of a VPC: internet, NAT and endpoint gateways. `aws_vpc` says why not saltext-boto3's."""

from typing import Any

__virtualname__ = "aws_gateway"

Tags = dict[str, str]
Result = dict[str, Any]


def internet_present(
    name: str, vpc: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a VPC has an internet gateway.

    Args:
        name: its Name tag.
        vpc: the name of the VPC, which can have only one.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def read() -> Result | None:
        gateway = _find_internet_gateway(ec2, name, vpc)
        return gateway and {
            "attached": bool(gateway["Attachments"]),
            "tags": __salt__["aws_ec2.tags_of"](gateway),
        }

    def create() -> None:
        specification = __salt__["aws_ec2.specification"]("internet-gateway", tags)
        ec2.create_internet_gateway(TagSpecifications=specification)
        update({"attached": True})

    def update(changed: Result) -> None:
        gateway_id = _find_internet_gateway(ec2, name, vpc)["InternetGatewayId"]
        if "attached" in changed:
            vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc, required=True)
            ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
        __salt__["aws_ec2.retag"](ec2, gateway_id, changed)

    return __salt__["aws_resource.present"](
        name, desired={"attached": True, "tags": tags}, read=read, create=create, update=update
    )


def nat_present(
    name: str, vpc: str, subnet: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a subnet has a public NAT gateway, with an elastic address of the same name.

    Args:
        name: the Name tag of both.
        vpc: the name of the VPC.
        subnet: the name of the public subnet that it stands in.
        tags: further tags, of both.
        region: see `internet_present`.
        profile: see `internet_present`.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def read() -> Result | None:
        gateway, address = _find_nat(ec2, name, vpc, subnet)
        if gateway is None:
            return None
        of_gateway, of_address = map(__salt__["aws_ec2.tags_of"], (gateway, address))
        common = {key: value for key, value in of_gateway.items() if of_address.get(key) == value}
        return {"state": gateway["State"], "tags": common}

    def create() -> None:
        address = _find_nat(ec2, name, vpc, subnet)[1]
        if address is None:  # otherwise of a run that was killed before it made the gateway
            specification = __salt__["aws_ec2.specification"]("elastic-ip", tags)
            address = ec2.allocate_address(Domain="vpc", TagSpecifications=specification)
        ec2.create_nat_gateway(
            SubnetId=__salt__["aws_ec2.id_in_vpc"](ec2, "subnet", subnet, vpc, required=True),
            AllocationId=address["AllocationId"],
            TagSpecifications=__salt__["aws_ec2.specification"]("natgateway", tags),
        )
        update({"state": "available"})

    def update(changed: Result) -> None:
        gateway, address = _find_nat(ec2, name, vpc, subnet)
        for resource_id in (gateway["NatGatewayId"], address["AllocationId"]):
            __salt__["aws_ec2.retag"](ec2, resource_id, changed)
        if "state" in changed:
            ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway["NatGatewayId"]])

    return __salt__["aws_resource.present"](
        name, desired={"state": "available", "tags": tags}, read=read, create=create, update=update
    )


def endpoint_present(
    name: str,
    vpc: str,
    service: str,
    route_tables: list[str],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a VPC reaches an AWS service through a gateway endpoint, which costs nothing.

    Args:
        name: its Name tag.
        vpc: the name of the VPC, which can have one endpoint a service.
        service: as ``com.amazonaws.eu-west-1.s3``.
        route_tables: the names of the route tables that lead there.
        tags: further tags.
        region: see `internet_present`.
        profile: see `internet_present`.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def table_names() -> dict[str, str]:
        """Return id to name (or id) of every route table of the VPC."""
        return __salt__["aws_ec2.names_in_vpc"](ec2, "route-table", vpc)

    def read() -> Result | None:
        endpoint = _find_endpoint(ec2, vpc, service)
        names = table_names()
        return endpoint and {
            "route_tables": sorted(names[table_id] for table_id in endpoint["RouteTableIds"]),
            "tags": __salt__["aws_ec2.tags_of"](endpoint),
        }

    def wanted_ids() -> set[str]:
        return {
            __salt__["aws_ec2.id_in_vpc"](ec2, "route-table", table, vpc, required=True)
            for table in route_tables
        }

    def create() -> None:
        ec2.create_vpc_endpoint(
            VpcId=__salt__["aws_ec2.vpc_id"](ec2, vpc, required=True),
            VpcEndpointType="Gateway",
            ServiceName=service,
            RouteTableIds=sorted(wanted_ids()),
            TagSpecifications=__salt__["aws_ec2.specification"]("vpc-endpoint", tags),
        )

    def update(changed: Result) -> None:
        endpoint = _find_endpoint(ec2, vpc, service)
        if "route_tables" in changed:
            wanted, actual = wanted_ids(), set(endpoint["RouteTableIds"])
            ec2.modify_vpc_endpoint(
                VpcEndpointId=endpoint["VpcEndpointId"],
                AddRouteTableIds=sorted(wanted - actual),
                RemoveRouteTableIds=sorted(actual - wanted),
            )
        __salt__["aws_ec2.retag"](ec2, endpoint["VpcEndpointId"], changed)

    return __salt__["aws_resource.present"](
        name,
        desired={"route_tables": sorted(route_tables), "tags": tags},
        read=read,
        create=create,
        update=update,
    )


def _find_internet_gateway(ec2: Any, name: str, vpc: str) -> Result | None:
    alternatives = [{"tag:Name": name}]
    vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
    if vpc_id:
        alternatives.insert(0, {"attachment.vpc-id": vpc_id})
    return __salt__["aws_ec2.find"](ec2, "internet-gateway", *alternatives)


def _find_nat(ec2: Any, name: str, vpc: str, subnet: str) -> tuple[Result | None, Result | None]:
    """Return the NAT gateway of a subnet and its address; the latter may be without the former."""
    subnet_id = __salt__["aws_ec2.id_in_vpc"](ec2, "subnet", subnet, vpc)
    gateway = None
    if subnet_id:
        alive = {"subnet-id": subnet_id, "state": ["pending", "available"]}
        gateway = __salt__["aws_ec2.find"](ec2, "natgateway", alive)
    known = [{"allocation-id": gateway["NatGatewayAddresses"][0]["AllocationId"]}] if gateway else []
    return gateway, __salt__["aws_ec2.find"](ec2, "elastic-ip", *known, {"tag:Name": name})


def _find_endpoint(ec2: Any, vpc: str, service: str) -> Result | None:
    vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
    filters = {"vpc-id": vpc_id, "service-name": service, "vpc-endpoint-state": ["pending", "available"]}
    return vpc_id and __salt__["aws_ec2.find"](ec2, "vpc-endpoint", filters)
