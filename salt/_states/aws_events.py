"""EventBridge: rules that hand on what AWS's services tell.

Why not ``boto3_cloudwatch_event`` of saltext-boto3 1.2.0: it cannot tag.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_events"

Tags = dict[str, str]
Result = dict[str, Any]


def rule_present(
    name: str,
    description: str,
    pattern: Mapping[str, Any],
    target: str,
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a rule of the default bus sends what matches to one target, and to no other.

    Args:
        name: the rule's name.
        description: for people.
        pattern: the event pattern.
        target: the target's ARN; its own policy has to admit EventBridge.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    events = __salt__["aws_resource.client"]("events", region, profile)
    settings = {"Description": description, "State": "ENABLED"}
    desired = {**settings, "pattern": pattern, "targets": [target], "tags": tags | {"Name": name}}

    def read() -> Result | None:
        rule = _rule(events, name)
        return rule and {
            **{key: rule.get(key) for key in settings},
            "pattern": json.loads(rule.get("EventPattern") or "null"),
            "targets": sorted(each["Arn"] for each in _targets(events, name)),
            "tags": _tags(events, rule["Arn"]),
        }

    def create() -> None:
        listed = __salt__["aws_resource.tag_list"](desired["tags"])
        events.put_rule(Name=name, EventPattern=json.dumps(pattern), Tags=listed, **settings)
        update({"targets": [target]})

    def update(changed: Result) -> None:
        if changed.keys() - {"targets", "tags"}:
            events.put_rule(Name=name, EventPattern=json.dumps(pattern), **settings)
        if "targets" in changed:
            _remove_targets(events, name)
            events.put_targets(Rule=name, Targets=[{"Id": name, "Arn": target}])
        if "tags" in changed:
            listed = __salt__["aws_resource.tag_list"](changed["tags"])
            events.tag_resource(ResourceARN=_rule(events, name)["Arn"], Tags=listed)

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def rules_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no rule of that prefix with these tags on the default bus.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `rule_present`.
        profile: see `rule_present`.
    """
    events = __salt__["aws_resource.client"]("events", region, profile)

    def read() -> list[str]:
        pages = events.get_paginator("list_rules").paginate(NamePrefix=prefix)
        arns = {rule["Name"]: rule["Arn"] for page in pages for rule in page["Rules"]}
        return list(__salt__["aws_resource.ours"](arns, prefix, tags, lambda arn: _tags(events, arn)))

    def delete(found: list[str]) -> None:
        for rule in found:
            _remove_targets(events, rule)
            events.delete_rule(Name=rule)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _rule(events: Any, name: str) -> Result | None:
    try:
        return events.describe_rule(Name=name)
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "ResourceNotFoundException")


def _targets(events: Any, name: str) -> list[Result]:
    return events.list_targets_by_rule(Rule=name)["Targets"]  # AWS allows five


def _remove_targets(events: Any, name: str) -> None:
    ids = [each["Id"] for each in _targets(events, name)]
    if ids:
        events.remove_targets(Rule=name, Ids=ids)


def _tags(events: Any, arn: str) -> Tags:
    return __salt__["aws_resource.tag_dict"](events.list_tags_for_resource(ResourceARN=arn)["Tags"])
