"""VPCs and subnets. See also `aws_gateway` and `aws_route_table`.

Why not ``boto3_vpc`` of saltext-boto3 1.2.0: it tags in a second call (a run killed between the two leaves a
VPC that the next one does not find), takes a resource that lost a tag for missing and makes a second one,
never changes what exists, and breaks on the routes of a gateway endpoint.

Every function takes ``region`` and ``profile`` as saltext-boto3's states do, and finds a resource by name.
"""

from typing import Any

__virtualname__ = "aws_vpc"

Tags = dict[str, str]
Result = dict[str, Any]


def present(
    name: str, cidr_block: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a VPC exists, with DNS resolution and host names on.

    Args:
        name: its Name tag.
        cidr_block: its addresses, as ``10.0.0.0/16``; AWS cannot change them.
        tags: further tags; a VPC that lost its Name is found by ``Fleet``, if that is the same.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def attribute(vpc_id: str, key: str) -> bool:
        answer = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=key[0].lower() + key[1:])
        return answer[key]["Value"]

    def read() -> Result | None:
        vpc = __salt__["aws_ec2.find_vpc"](ec2, name)
        return vpc and {
            "cidr_block": vpc["CidrBlock"],
            "EnableDnsSupport": attribute(vpc["VpcId"], "EnableDnsSupport"),
            "EnableDnsHostnames": attribute(vpc["VpcId"], "EnableDnsHostnames"),
            "tags": __salt__["aws_ec2.tags_of"](vpc),
        }

    def create() -> None:
        specification = __salt__["aws_ec2.specification"]("vpc", tags)
        vpc = ec2.create_vpc(CidrBlock=cidr_block, TagSpecifications=specification)["Vpc"]
        ec2.get_waiter("vpc_available").wait(VpcIds=[vpc["VpcId"]])
        update({"EnableDnsSupport": True, "EnableDnsHostnames": True})

    def update(changed: Result) -> None:
        vpc_id = __salt__["aws_ec2.vpc_id"](ec2, name)
        for key in ("EnableDnsSupport", "EnableDnsHostnames"):  # AWS takes one a call
            if key in changed:
                ec2.modify_vpc_attribute(VpcId=vpc_id, **{key: {"Value": changed[key]}})
        __salt__["aws_ec2.retag"](ec2, vpc_id, changed)

    return __salt__["aws_resource.present"](
        name,
        desired={
            "cidr_block": cidr_block,
            "EnableDnsSupport": True,
            "EnableDnsHostnames": True,
            "tags": tags,
        },
        read=read,
        create=create,
        update=update,
        fixed=("cidr_block",),
    )


def subnet_present(
    name: str,
    vpc: str,
    cidr_block: str,
    availability_zone: str,
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a subnet exists. It is found by its addresses, which are unique in its VPC.

    It hands out no public addresses by itself: a host asks for one in its profile.

    Args:
        name: its Name tag.
        vpc: the name of its VPC.
        cidr_block: its addresses.
        availability_zone: as ``eu-west-1a``; AWS cannot change it.
        tags: further tags.
        region: see `present`.
        profile: see `present`.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def find() -> Result | None:
        vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
        return vpc_id and __salt__["aws_ec2.find"](
            ec2, "subnet", {"vpc-id": vpc_id, "cidr-block": cidr_block}
        )

    def read() -> Result | None:
        subnet = find()
        return subnet and {
            "availability_zone": subnet["AvailabilityZone"],
            "public_addresses": subnet["MapPublicIpOnLaunch"],
            "tags": __salt__["aws_ec2.tags_of"](subnet),
        }

    def create() -> None:
        subnet = ec2.create_subnet(
            VpcId=__salt__["aws_ec2.vpc_id"](ec2, vpc, required=True),
            CidrBlock=cidr_block,
            AvailabilityZone=availability_zone,
            TagSpecifications=__salt__["aws_ec2.specification"]("subnet", tags),
        )["Subnet"]
        ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet["SubnetId"]])

    def update(changed: Result) -> None:
        subnet_id = find()["SubnetId"]
        if "public_addresses" in changed:
            ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": False})
        __salt__["aws_ec2.retag"](ec2, subnet_id, changed)

    return __salt__["aws_resource.present"](
        name,
        desired={"availability_zone": availability_zone, "public_addresses": False, "tags": tags},
        read=read,
        create=create,
        update=update,
        fixed=("availability_zone",),
    )
