"""KMS keys, each known by one alias.

Why not ``boto3_kms`` of saltext-boto3 1.2.0: a run killed between key and alias leaves a key that every later
run overlooks (its own comment says so), and it can neither tag nor delete.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_kms"

Tags = dict[str, str]
Result = dict[str, Any]

# Days until a deleted key is gone; it can be taken back until then. The least that AWS allows.
_PENDING_DAYS = 7


def key_present(
    name: str,
    description: str,
    policy: Mapping[str, Any],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is a symmetric key of that alias, enabled, whose material AWS rotates every year.

    Args:
        name: its alias without ``alias/``, and its Name tag.
        description: for people.
        policy: who may use and administrate it.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    kms = __salt__["aws_resource.client"]("kms", region, profile)
    tags = tags | {"Name": name}
    desired = {
        "alias": f"alias/{name}",
        "description": description,
        "enabled": True,
        "rotation": True,
        "policy": policy,
        "tags": tags,
    }

    def read() -> Result | None:
        key = _by_alias(kms, name) or _unfinished(kms, tags)
        if key is None:
            return None
        key_id = key["KeyId"]
        aliases = [each["AliasName"] for each in kms.list_aliases(KeyId=key_id)["Aliases"]]
        return {
            "alias": f"alias/{name}" if f"alias/{name}" in aliases else None,
            "description": key["Description"],
            "enabled": key["Enabled"],
            "rotation": kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"],
            "policy": json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]),
            "tags": _tags(kms, key_id),
        }

    def create() -> None:
        kms.create_key(Description=description, Policy=json.dumps(policy), Tags=_tag_list(tags))
        update({"alias": desired["alias"], "rotation": True})

    def update(changed: Result) -> None:
        key_id = (_by_alias(kms, name) or _unfinished(kms, tags))["KeyId"]
        if "alias" in changed:
            kms.create_alias(AliasName=desired["alias"], TargetKeyId=key_id)
        if "enabled" in changed:
            kms.enable_key(KeyId=key_id)
        if "description" in changed:
            kms.update_key_description(KeyId=key_id, Description=description)
        if "rotation" in changed:
            kms.enable_key_rotation(KeyId=key_id)
        if "policy" in changed:
            kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(policy))
        if "tags" in changed:
            kms.tag_resource(KeyId=key_id, Tags=_tag_list(changed["tags"]))

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def keys_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that no key with these tags is in use: what they encrypted is lost when AWS deletes them.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `key_present`.
        profile: see `key_present`.
    """
    kms = __salt__["aws_resource.client"]("kms", region, profile)

    def delete(found: Result) -> None:
        for alias, key_id in found.items():
            kms.delete_alias(AliasName=alias)
            kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=_PENDING_DAYS)

    def read() -> Result:
        pages = kms.get_paginator("list_aliases").paginate()
        # An alias that AWS keeps for itself may have no key.
        keys = {each["AliasName"]: each.get("TargetKeyId") for page in pages for each in page["Aliases"]}
        return __salt__["aws_resource.ours"](keys, f"alias/{prefix}", tags, lambda key: _tags(kms, key))

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _by_alias(kms: Any, name: str) -> Result | None:
    try:
        return kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "NotFoundException")


def _unfinished(kms: Any, tags: Tags) -> Result | None:
    """Return a live key with these tags, the alias of which a killed run did not come to make."""
    for page in kms.get_paginator("list_keys").paginate():
        for each in page["Keys"]:
            key = kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]
            ours = key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion"
            if ours and tags.items() <= _tags(kms, key["KeyId"]).items():
                return key
    return None


def _tags(kms: Any, key_id: str) -> Tags:
    return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key_id)["Tags"]}


def _tag_list(tags: Tags) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
