"""IAM's managed policies, for roles that need more than fits into one.

Why not ``boto3_iam`` of saltext-boto3 1.2.0: its ``policy_present`` cannot tag.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_iam_policy"

Tags = dict[str, str]
Result = dict[str, Any]


def present(
    name: str,
    description: str,
    document: Mapping[str, Any],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a managed policy says this, in its one version.

    Args:
        name: the policy's name.
        description: for people; AWS cannot change it.
        document: what it says.
        tags: further tags.
        region: IAM has none; where its client connects.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    iam = __salt__["aws_resource.client"]("iam", region, profile)
    arn = f"arn:aws:iam::{__salt__['aws_fleet.account'](region)}:policy/{name}"
    desired = {"document": document, "description": description, "tags": tags | {"Name": name}}

    def read() -> Result | None:
        try:
            policy = iam.get_policy(PolicyArn=arn)["Policy"]
        except ClientError as error:
            return __salt__["aws_resource.missing"](error, "NoSuchEntity")
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])
        return {
            "document": version["PolicyVersion"]["Document"],
            "description": policy.get("Description", ""),
            "tags": __salt__["aws_resource.tag_dict"](policy.get("Tags")),
        }

    def create() -> None:
        iam.create_policy(
            PolicyName=name,
            Description=description,
            PolicyDocument=json.dumps(document),
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
        )

    def update(changed: Result) -> None:
        if "document" in changed:
            _delete_old_versions(iam, arn)  # first: there may be five
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
        if "tags" in changed:
            iam.tag_policy(PolicyArn=arn, Tags=__salt__["aws_resource.tag_list"](changed["tags"]))

    return __salt__["aws_resource.present"](
        name, desired=desired, read=read, create=create, update=update, fixed=("description",)
    )


def policies_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no managed policy of that prefix with these tags. Roles have to be gone.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    iam = __salt__["aws_resource.client"]("iam", region, profile)

    def tags_of(arn: str) -> Tags:
        return __salt__["aws_resource.tag_dict"](iam.get_policy(PolicyArn=arn)["Policy"].get("Tags"))

    def read() -> dict[str, str]:
        pages = iam.get_paginator("list_policies").paginate(Scope="Local")
        arns = {policy["PolicyName"]: policy["Arn"] for page in pages for policy in page["Policies"]}
        return __salt__["aws_resource.ours"](arns, prefix, tags, tags_of)

    def delete(found: dict[str, str]) -> None:
        for arn in found.values():
            _delete_old_versions(iam, arn)
            iam.delete_policy(PolicyArn=arn)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _delete_old_versions(iam: Any, arn: str) -> None:
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
