"""Target groups: the hosts to which a load balancer hands requests, found by their tags.

Why not ``boto3_elbv2`` of saltext-boto3 1.2.0: it mends nothing of a group that exists, cannot tag, and wants
instance ids.
"""

from collections.abc import Mapping
from typing import Any

__virtualname__ = "aws_target_group"

Tags = dict[str, str]
Result = dict[str, Any]

# A host is out after 3 failed checks (half a minute) and back after 2.
_HEALTH = {
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPort": "traffic-port",
    "HealthCheckIntervalSeconds": 10,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 3,
    "Matcher": {"HttpCode": "200"},
}
# Seconds that requests under way are given when a host is taken out; AWS's own are 300.
_ATTRIBUTES = {"deregistration_delay.timeout_seconds": "30"}


def present(
    name: str,
    vpc: str,
    port: int,
    health_path: str,
    targets: Mapping[str, str],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a group has exactly those running instances of a VPC that have certain tags.

    Args:
        name: the group's name (at most 32 characters).
        vpc: the name of the VPC.
        port: where the instances listen, for HTTP.
        health_path: what has to answer 200 of an instance that is handed requests.
        targets: the tags by which its instances are found.
        tags: the group's own further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    elb = __salt__["aws_resource.client"]("elbv2", region, profile)
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)

    def instances() -> dict[str, str]:
        """Return id to name of those that are to be in the group."""
        vpc_id = __salt__["aws_ec2.vpc_id"](ec2, vpc)
        if vpc_id is None:
            return {}
        filters = {f"tag:{key}": value for key, value in targets.items()}
        filters |= {"vpc-id": vpc_id, "instance-state-name": "running"}
        found = __salt__["aws_ec2.by_id"](ec2, "instance", filters)
        return {
            instance: __salt__["aws_ec2.tags_of"](each).get("Name", instance)
            for instance, each in found.items()
        }

    wanted = instances()
    desired = {
        "Protocol": "HTTP",
        "Port": port,
        "HealthCheckPath": health_path,
        **_HEALTH,
        **_ATTRIBUTES,
        "targets": sorted(wanted.values()),
        "tags": tags | {"Name": name},
    }
    checks = {key: desired[key] for key in ("HealthCheckPath", *_HEALTH)}

    def read() -> Result | None:
        found = __salt__["aws_elb.find_group"](elb, name)
        if found is None:
            return None
        arn = found["TargetGroupArn"]
        listed = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        attributes = __salt__["aws_resource.tag_dict"](listed)
        return {
            **{key: found.get(key) for key in ("Protocol", "Port", *checks)},
            **{key: attributes.get(key) for key in _ATTRIBUTES},
            "targets": sorted(wanted.get(each, each) for each in _registered(elb, arn)),
            "tags": __salt__["aws_elb.tags_of"](elb, arn),
        }

    def create() -> None:
        elb.create_target_group(
            Name=name,
            TargetType="instance",
            Protocol="HTTP",
            Port=port,
            VpcId=__salt__["aws_ec2.vpc_id"](ec2, vpc, required=True),
            **checks,
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
        )
        update({**_ATTRIBUTES, "targets": desired["targets"]})

    def update(changed: Result) -> None:
        arn = __salt__["aws_elb.find_group"](elb, name)["TargetGroupArn"]
        if checks.keys() & changed.keys():
            elb.modify_target_group(TargetGroupArn=arn, **checks)
        if _ATTRIBUTES.keys() & changed.keys():
            listed = __salt__["aws_resource.tag_list"](_ATTRIBUTES)
            elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=listed)
        if "targets" in changed:
            registered = _registered(elb, arn)
            for call, ids in (
                (elb.register_targets, wanted.keys() - registered),
                (elb.deregister_targets, registered - wanted.keys()),
            ):
                if ids:
                    call(TargetGroupArn=arn, Targets=[{"Id": each} for each in sorted(ids)])
        __salt__["aws_elb.retag"](elb, arn, changed)

    return __salt__["aws_resource.present"](
        name, desired=desired, read=read, create=create, update=update, fixed=("Protocol", "Port")
    )


def groups_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no target group of that prefix with these tags.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    elb = __salt__["aws_resource.client"]("elbv2", region, profile)

    def read() -> dict[str, str]:
        pages = elb.get_paginator("describe_target_groups").paginate()
        arns = {
            each["TargetGroupName"]: each["TargetGroupArn"] for page in pages for each in page["TargetGroups"]
        }
        return __salt__["aws_resource.ours"](
            arns, prefix, tags, lambda arn: __salt__["aws_elb.tags_of"](elb, arn)
        )

    def delete(found: dict[str, str]) -> None:
        for arn in found.values():
            elb.delete_target_group(TargetGroupArn=arn)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _registered(elb: Any, arn: str) -> set[str]:
    """Return the ids of the instances in a group; those that are on their way out are no longer in it."""
    described = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {each["Target"]["Id"] for each in described if each["TargetHealth"]["State"] != "draining"}
