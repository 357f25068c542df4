"""Who did what in the account, and what looks wrong: CloudTrail and GuardDuty.

saltext-boto3 1.2.0 has nothing for GuardDuty, and its trails are not made with their tags.
"""

from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_audit"

Tags = dict[str, str]
Result = dict[str, Any]


def trail_present(
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
    kms = __salt__["aws_resource.client"]("kms", region, profile)
    tags = tags | {"Name": name}
    settings = {
        "S3BucketName": bucket,
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
    }
    desired = {**settings, "validation": True, "kms_key": kms_key, "logging": True, "tags": tags}

    def key_arn() -> str | None:
        try:
            return kms.describe_key(KeyId=f"alias/{kms_key}")["KeyMetadata"]["Arn"]
        except ClientError as error:
            return __salt__["aws_resource.missing"](error, "NotFoundException")

    def read() -> Result | None:
        trail = _trail(cloudtrail, name)
        if trail is None:
            return None
        arn = trail["TrailARN"]
        return {
            **{key: trail.get(key) for key in settings},
            "validation": trail.get("LogFileValidationEnabled"),
            "kms_key": kms_key if trail.get("KmsKeyId") == key_arn() else trail.get("KmsKeyId"),
            "logging": cloudtrail.get_trail_status(Name=arn)["IsLogging"],
            "tags": _trail_tags(cloudtrail, arn),
        }

    def create() -> None:
        cloudtrail.create_trail(
            Name=name,
            **settings,
            EnableLogFileValidation=True,
            KmsKeyId=key_arn(),
            TagsList=__salt__["aws_resource.tag_list"](tags),
        )
        cloudtrail.start_logging(Name=name)

    def update(changed: Result) -> None:
        if changed.keys() - {"logging", "tags"}:
            cloudtrail.update_trail(Name=name, **settings, EnableLogFileValidation=True, KmsKeyId=key_arn())
        if "logging" in changed:
            cloudtrail.start_logging(Name=name)
        if "tags" in changed:
            arn = _trail(cloudtrail, name)["TrailARN"]
            listed = __salt__["aws_resource.tag_list"](changed["tags"])
            cloudtrail.add_tags(ResourceId=arn, TagsList=listed)

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def trails_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no trail of that prefix with these tags; what it wrote stays in its bucket.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `trail_present`.
        profile: see `trail_present`.
    """
    cloudtrail = __salt__["aws_resource.client"]("cloudtrail", region, profile)

    def read() -> list[str]:
        trails = cloudtrail.describe_trails(includeShadowTrails=False)["trailList"]
        return [
            trail["TrailARN"]
            for trail in trails
            if trail["Name"].startswith(prefix)
            and tags.items() <= _trail_tags(cloudtrail, trail["TrailARN"]).items()
        ]

    def delete(arns: list[str]) -> None:
        for arn in arns:
            cloudtrail.delete_trail(Name=arn)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def detector_present(name: str, tags: Tags, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that GuardDuty watches a region, and tells of findings every fifteen minutes.

    A region can have one detector; one that is there is used, and keeps the tags of whoever made it.

    Args:
        name: its Name tag.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    guardduty = __salt__["aws_resource.client"]("guardduty", region, profile)
    desired = {"Status": "ENABLED", "FindingPublishingFrequency": "FIFTEEN_MINUTES"}

    def read() -> Result | None:
        ids = guardduty.list_detectors()["DetectorIds"]
        detector = ids and guardduty.get_detector(DetectorId=ids[0])
        return {key: detector[key] for key in desired} if detector else None

    def create() -> None:
        guardduty.create_detector(
            Enable=True,
            FindingPublishingFrequency=desired["FindingPublishingFrequency"],
            Tags=tags | {"Name": name},
        )

    def update(changed: Result) -> None:
        (detector_id,) = guardduty.list_detectors()["DetectorIds"]
        guardduty.update_detector(
            DetectorId=detector_id,
            Enable=True,
            FindingPublishingFrequency=desired["FindingPublishingFrequency"],
        )

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def detectors_absent(name: str, tags: Tags, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that there is no detector with these tags; its findings go with it.

    Args:
        name: for people.
        tags: what tells ours from others.
        region: see `detector_present`.
        profile: see `detector_present`.
    """
    guardduty = __salt__["aws_resource.client"]("guardduty", region, profile)

    def read() -> list[str]:
        return [
            each
            for each in guardduty.list_detectors()["DetectorIds"]
            if tags.items() <= guardduty.get_detector(DetectorId=each).get("Tags", {}).items()
        ]

    def delete(ids: list[str]) -> None:
        for each in ids:
            guardduty.delete_detector(DetectorId=each)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _trail(cloudtrail: Any, name: str) -> Result | None:
    trails = cloudtrail.describe_trails(trailNameList=[name], includeShadowTrails=False)["trailList"]
    return trails[0] if trails else None


def _trail_tags(cloudtrail: Any, arn: str) -> Tags:
    (listed,) = cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    return __salt__["aws_resource.tag_dict"](listed["TagsList"])
