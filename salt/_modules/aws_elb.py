"""Questions about load balancers and what belongs to them, for our states."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_elb"


def find(elb: Any, name: str) -> dict[str, Any] | None:
    """Return the balancer of that name, or None."""
    try:
        (found,) = elb.describe_load_balancers(Names=[name])["LoadBalancers"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "LoadBalancerNotFound")
    return found


def find_group(elb: Any, name: str) -> dict[str, Any] | None:
    """Return the target group of that name, or None."""
    try:
        (found,) = elb.describe_target_groups(Names=[name])["TargetGroups"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "TargetGroupNotFound")
    return found


def tags_of(elb: Any, arn: str) -> dict[str, str]:
    """Return the tags of a balancer, listener or target group."""
    (described,) = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return __salt__["aws_resource.tag_dict"](described["Tags"])


def retag(elb: Any, arn: str, changed: Mapping[str, Any]) -> None:
    """Put back those tags that differ, if any of what `aws_resource.present` found changed is a tag."""
    if "tags" in changed:
        elb.add_tags(ResourceArns=[arn], Tags=__salt__["aws_resource.tag_list"](changed["tags"]))
