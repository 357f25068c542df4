"""CloudTrail: who did what in the account.

Why not ``boto3_cloudtrail`` of saltext-boto3 1.2.0: it tags in a second call, so that a killed run leaves a
trail without tags, and does not look at the events that a trail leaves out.
"""

from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_cloudtrail"

Tags = dict[str, str]
Result = dict[str, Any]

# Every management event, reading and writing. Narrowing this is how an intruder hides.
_SELECTOR = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}


def present(
    name: str,
    bucket: str,
    kms_key: str,
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a trail records every region's API calls, encrypted, with digests that show tampering.

    Args:
        name: the trail's name.
        bucket: where it writes; the bucket's policy has to admit CloudTrail.
        kms_key: the alias, without ``alias/``, of the key; its policy has to admit CloudTrail, too.
        tags: further tags.
        region: its home, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    cloudtrail = __salt__["aws_resource.client"]("cloudtrail", region, profile)
    settings = {"S3BucketName": bucket, "IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": True}
    desired = {
        **settings,
        "validation": True,
        "kms_key": kms_key,
        "events": [_SELECTOR],
        "logging": True,
        "tags": tags | {"Name": name},
    }

    def key_arn() -> str | None:
        return __salt__["aws_kms.arn"](kms_key, region, profile)

    def read() -> Result | None:
        trail = _trail(cloudtrail, name)
        if trail is None:
            return None
        key = trail.get("KmsKeyId")
        return {
            **{setting: trail.get(setting) for setting in settings},
            "validation": trail.get("LogFileValidationEnabled"),
            "kms_key": kms_key if key and key == key_arn() else key,
            "events": _selectors(cloudtrail, name),
            "logging": cloudtrail.get_trail_status(Name=name)["IsLogging"],
            "tags": _tags(cloudtrail, trail["TrailARN"]),
        }

    def create() -> None:
        cloudtrail.create_trail(
            Name=name,
            **settings,
            EnableLogFileValidation=True,
            KmsKeyId=key_arn(),
            TagsList=__salt__["aws_resource.tag_list"](desired["tags"]),
        )
        update({"events": desired["events"], "logging": True})

    def update(changed: Result) -> None:
        if changed.keys() - {"events", "logging", "tags"}:
            cloudtrail.update_trail(Name=name, **settings, EnableLogFileValidation=True, KmsKeyId=key_arn())
        if "events" in changed:
            cloudtrail.put_event_selectors(TrailName=name, EventSelectors=desired["events"])
        if "logging" in changed:
            cloudtrail.start_logging(Name=name)
        if "tags" in changed:
            arn = _trail(cloudtrail, name)["TrailARN"]
            cloudtrail.add_tags(ResourceId=arn, TagsList=__salt__["aws_resource.tag_list"](changed["tags"]))

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def trails_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no trail of that prefix with these tags; what it wrote stays in its bucket.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    cloudtrail = __salt__["aws_resource.client"]("cloudtrail", region, profile)

    def read() -> list[str]:
        trails = cloudtrail.describe_trails(includeShadowTrails=False)["trailList"]
        arns = {trail["Name"]: trail["TrailARN"] for trail in trails}
        return list(__salt__["aws_resource.ours"](arns, prefix, tags, lambda arn: _tags(cloudtrail, arn)))

    def delete(found: list[str]) -> None:
        for trail in found:
            cloudtrail.delete_trail(Name=trail)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _trail(cloudtrail: Any, name: str) -> Result | None:
    try:
        return cloudtrail.get_trail(Name=name)["Trail"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "TrailNotFoundException")


def _selectors(cloudtrail: Any, name: str) -> list[Result]:
    """Return the event selectors with what AWS may leave out; advanced ones as they are."""
    answer = cloudtrail.get_event_selectors(TrailName=name)
    blank = {"DataResources": [], "ExcludeManagementEventSources": []}
    return [
        *({**blank, **selector} for selector in answer.get("EventSelectors") or []),
        *(answer.get("AdvancedEventSelectors") or []),
    ]


def _tags(cloudtrail: Any, arn: str) -> Tags:
    (listed,) = cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    return __salt__["aws_resource.tag_dict"](listed["TagsList"])
