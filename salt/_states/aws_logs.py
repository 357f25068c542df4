"""CloudWatch Logs: log groups, their streams, and which service may write to them.

saltext-boto3 1.2.0 has nothing for it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

__virtualname__ = "aws_logs"

Tags = dict[str, str]
Result = dict[str, Any]


def group_present(
    name: str, days: int, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is a log group which keeps its lines for so many days.

    Args:
        name: the group's name, as ``/aws/events/saltwatch-findings``.
        days: how long lines are kept; one of those that AWS offers, as 7.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    logs = __salt__["aws_resource.client"]("logs", region, profile)
    desired = {"days": days, "tags": tags | {"Name": name}}

    def read() -> Result | None:
        group = next((each for each in _groups(logs, name) if each["logGroupName"] == name), None)
        return group and {"days": group.get("retentionInDays"), "tags": _tags(logs, group)}

    def create() -> None:
        logs.create_log_group(logGroupName=name, tags=desired["tags"])
        update({"days": days})

    def update(changed: Result) -> None:
        if "days" in changed:
            logs.put_retention_policy(logGroupName=name, retentionInDays=days)
        if "tags" in changed:
            (arn,) = [each["logGroupArn"] for each in _groups(logs, name) if each["logGroupName"] == name]
            logs.tag_resource(resourceArn=arn, tags=changed["tags"])

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def stream_present(name: str, group: str, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that a log group has a stream. It cannot be tagged, and goes with its group.

    Args:
        name: the stream's name.
        group: the group's name.
        region: see `group_present`.
        profile: see `group_present`.
    """
    logs = __salt__["aws_resource.client"]("logs", region, profile)

    def read() -> Result | None:
        # A group that is still to be made can be asked for itself, and not for its streams.
        found = [each for each in _groups(logs, group) if each["logGroupName"] == group]
        streams = _streams(logs, group, name) if found else []
        return {"group": group} if name in streams else None

    def create() -> None:
        logs.create_log_stream(logGroupName=group, logStreamName=name)

    # Of what exists nothing can differ.
    return __salt__["aws_resource.present"](
        name, desired={"group": group}, read=read, create=create, update=lambda _: None
    )


def groups_absent(
    name: str,
    prefixes: Sequence[str],
    tags: Tags,
    delete_data: bool = False,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is no log group of these prefixes with these tags.

    Args:
        name: for people.
        prefixes: how the names of ours begin.
        tags: what tells ours from others.
        delete_data: also those that hold lines. Without, they are an error.
        region: see `group_present`.
        profile: see `group_present`.
    """
    logs = __salt__["aws_resource.client"]("logs", region, profile)

    def read() -> list[str]:
        found: dict[str, Result] = {}
        for prefix in prefixes:
            groups = {group["logGroupName"]: group for group in _groups(logs, prefix)}
            found |= __salt__["aws_resource.ours"](groups, prefix, tags, lambda group: _tags(logs, group))
        for group_name, group in found.items():
            holds = group.get("storedBytes", 0) > 0
            __salt__["aws_resource.keep"](f"log group {group_name}", holds and not delete_data)
        return list(found)

    def delete(found: list[str]) -> None:
        for group in found:
            logs.delete_log_group(logGroupName=group)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def policy_present(
    name: str, policy: Mapping[str, Any], region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a resource policy of the region's log groups is this one. It cannot be tagged.

    Args:
        name: the policy's name.
        policy: which service may write to which group.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    logs = __salt__["aws_resource.client"]("logs", region, profile)

    def read() -> Result | None:
        found = _policies(logs).get(name)
        return found and {"policy": json.loads(found)}

    def put(*_: Any) -> None:
        logs.put_resource_policy(policyName=name, policyDocument=json.dumps(policy))

    return __salt__["aws_resource.present"](
        name, desired={"policy": policy}, read=read, create=put, update=put
    )


def policy_absent(name: str, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that there is no resource policy of exactly this name.

    Args:
        name: the policy's name.
        region: see `policy_present`.
        profile: see `policy_present`.
    """
    logs = __salt__["aws_resource.client"]("logs", region, profile)
    return __salt__["aws_resource.absent"](
        name,
        read=lambda: name if name in _policies(logs) else None,
        delete=lambda found: logs.delete_resource_policy(policyName=found),
    )


def _groups(logs: Any, prefix: str) -> list[Result]:
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    return [group for page in pages for group in page["logGroups"]]


def _streams(logs: Any, group: str, prefix: str) -> list[str]:
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, logStreamNamePrefix=prefix
    )
    return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]


def _tags(logs: Any, group: Result) -> Tags:
    return logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"]


def _policies(logs: Any) -> dict[str, str]:
    pages = logs.get_paginator("describe_resource_policies").paginate()
    return {each["policyName"]: each["policyDocument"] for page in pages for each in page["resourcePolicies"]}
