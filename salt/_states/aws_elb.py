"""Application load balancers; what they listen for is in `aws_elb_listener`, hosts in `aws_target_group`.

Why not ``boto3_elbv2`` of saltext-boto3 1.2.0: it knows target groups only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.waiter import WaiterModel, create_waiter_with_client

__virtualname__ = "aws_elb"

Tags = dict[str, str]
Result = dict[str, Any]

# The interfaces of a balancer that was deleted stay for some minutes, and with them its groups and subnets.
_INTERFACES_GONE = WaiterModel(
    {
        "version": 2,
        "waiters": {
            "InterfacesGone": {
                "operation": "DescribeNetworkInterfaces",
                "delay": 10,
                "maxAttempts": 60,
                "acceptors": [
                    {
                        "matcher": "path",
                        "argument": "length(NetworkInterfaces) == `0`",
                        "expected": True,
                        "state": "success",
                    }
                ],
            }
        },
    }
)


def present(
    name: str,
    vpc: str,
    subnets: Sequence[str],
    security_group: str,
    attributes: Mapping[str, str],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is a balancer that the Internet reaches, and wait until it works.

    Args:
        name: its name (at most 32 characters).
        vpc: the name of the VPC.
        subnets: the names of public subnets, at least two, each in another zone.
        security_group: the name of its only security group.
        attributes: of AWS's attributes those that matter, as text.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    elb = __salt__["aws_resource.client"]("elbv2", region, profile)
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    desired = {
        "scheme": "internet-facing",
        "state": "active",
        "subnets": sorted(subnets),
        "security_groups": [security_group],
        **attributes,
        "tags": tags | {"Name": name},
    }

    def ids(kind: str, names: Sequence[str]) -> list[str]:
        return [__salt__["aws_ec2.id_in_vpc"](ec2, kind, each, vpc, required=True) for each in names]

    def read() -> Result | None:
        found = __salt__["aws_elb.find"](elb, name)
        if found is None:
            return None
        arn = found["LoadBalancerArn"]
        subnet_names = __salt__["aws_ec2.names_in_vpc"](ec2, "subnet", vpc)
        group_names = __salt__["aws_ec2.names_in_vpc"](ec2, "security-group", vpc)
        listed = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {
            "scheme": found["Scheme"],
            "state": found["State"]["Code"],
            "subnets": sorted(
                subnet_names.get(zone["SubnetId"], zone["SubnetId"]) for zone in found["AvailabilityZones"]
            ),
            "security_groups": sorted(group_names.get(each, each) for each in found["SecurityGroups"]),
            **__salt__["aws_resource.tag_dict"](listed),
            "tags": __salt__["aws_elb.tags_of"](elb, arn),
        }

    def create() -> None:
        elb.create_load_balancer(
            Name=name,
            Type="application",
            Scheme=desired["scheme"],
            Subnets=ids("subnet", subnets),
            SecurityGroups=ids("security-group", [security_group]),
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
        )
        update({**attributes, "state": "active"})

    def update(changed: Result) -> None:
        arn = __salt__["aws_elb.find"](elb, name)["LoadBalancerArn"]
        if "subnets" in changed:
            elb.set_subnets(LoadBalancerArn=arn, Subnets=ids("subnet", subnets))
        if "security_groups" in changed:
            elb.set_security_groups(
                LoadBalancerArn=arn, SecurityGroups=ids("security-group", [security_group])
            )
        new = {key: attributes[key] for key in changed if key in attributes}
        if new:
            elb.modify_load_balancer_attributes(
                LoadBalancerArn=arn, Attributes=__salt__["aws_resource.tag_list"](new)
            )
        if "state" in changed:
            elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
        __salt__["aws_elb.retag"](elb, arn, changed)

    return __salt__["aws_resource.present"](
        name, desired=desired, read=read, create=create, update=update, fixed=("scheme",)
    )


def balancers_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no balancer of that prefix with these tags, and wait until its place is free.

    Its listeners go with it. AWS refuses where deletion protection is on.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    elb = __salt__["aws_resource.client"]("elbv2", region, profile)
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)

    def read() -> dict[str, str]:
        pages = elb.get_paginator("describe_load_balancers").paginate()
        arns = {
            each["LoadBalancerName"]: each["LoadBalancerArn"]
            for page in pages
            for each in page["LoadBalancers"]
        }
        return __salt__["aws_resource.ours"](
            arns, prefix, tags, lambda arn: __salt__["aws_elb.tags_of"](elb, arn)
        )

    def delete(found: dict[str, str]) -> None:
        for arn in found.values():
            elb.delete_load_balancer(LoadBalancerArn=arn)
        waiter = create_waiter_with_client("InterfacesGone", _INTERFACES_GONE, ec2)
        descriptions = [f"ELB {arn.partition(':loadbalancer/')[2]}" for arn in found.values()]
        waiter.wait(Filters=[{"Name": "description", "Values": descriptions}])

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)
