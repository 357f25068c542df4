"""SQS queues.

Why not ``boto3_sqs`` of saltext-boto3 1.2.0: it cannot tag, and compares JSON attributes (the redrive policy)
as text, so that AWS's order of their keys is a change at every run.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_sqs"

Tags = dict[str, str]
Result = dict[str, Any]

_NO_SUCH = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_JSON = ("Policy", "RedrivePolicy", "RedriveAllowPolicy")


def present(
    name: str,
    attributes: Mapping[str, Any],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a queue exists with these attributes, encrypted with SQS's own key.

    Args:
        name: the queue's name.
        attributes: SQS's attributes, as ``MessageRetentionPeriod: 1209600``; those that are JSON as
            dictionaries.
            ``dead_letter: NAME`` with ``max_receive_count: N`` stands for the redrive policy.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    sqs = __salt__["aws_resource.client"]("sqs", region, profile)
    desired = {"SqsManagedSseEnabled": "true", **_as_strings(attributes), "tags": tags | {"Name": name}}

    def read() -> Result | None:
        url = _url(sqs, name)
        if url is None:
            return None
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for key in _JSON:
            if key in found:
                found[key] = json.loads(found[key])
        if "RedrivePolicy" in found:
            policy = found.pop("RedrivePolicy")
            found["dead_letter"] = policy["deadLetterTargetArn"].rpartition(":")[2]
            found["max_receive_count"] = str(policy["maxReceiveCount"])
        return {**found, "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {})}

    def create() -> None:
        sqs.create_queue(QueueName=name, Attributes=_for_aws(sqs, desired), tags=desired["tags"])

    def update(changed: Result) -> None:
        url = _url(sqs, name)
        attributes_changed = _for_aws(sqs, {key: desired[key] for key in changed})
        if attributes_changed:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes_changed)
        if "tags" in changed:
            sqs.tag_queue(QueueUrl=url, Tags=changed["tags"])

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def queues_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no queue of that prefix with these tags; messages that wait there are lost.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    sqs = __salt__["aws_resource.client"]("sqs", region, profile)

    def read() -> dict[str, str]:
        pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix)
        urls = {url.rpartition("/")[2]: url for page in pages for url in page.get("QueueUrls", [])}
        return __salt__["aws_resource.ours"](
            urls, prefix, tags, lambda url: sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        )

    def delete(found: dict[str, str]) -> None:
        for url in found.values():
            sqs.delete_queue(QueueUrl=url)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _url(sqs: Any, name: str) -> str | None:
    try:
        return sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, *_NO_SUCH)


def _as_strings(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as SQS answers them: text, but for what is JSON."""
    return {key: value if isinstance(value, dict) else str(value) for key, value in attributes.items()}


def _for_aws(sqs: Any, properties: Mapping[str, Any]) -> dict[str, str]:
    """Return properties as the attributes of a call."""
    attributes = {
        key: json.dumps(value) if isinstance(value, dict) else value
        for key, value in properties.items()
        if key not in ("tags", "dead_letter", "max_receive_count")
    }
    if "dead_letter" in properties:
        url = _url(sqs, properties["dead_letter"])
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = {"deadLetterTargetArn": arn, "maxReceiveCount": properties["max_receive_count"]}
        attributes["RedrivePolicy"] = json.dumps(policy)
    return attributes
