"""S3 buckets that are private, versioned, encrypted, and reached by TLS only.

Why not ``boto3_s3_bucket`` of saltext-boto3 1.2.0: it knows neither encryption nor the block of public
access.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_s3"

Tags = dict[str, str]
Result = dict[str, Any]

_BLOCKED = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}
# What S3 answers to a question for a configuration that a bucket does not have.
_UNSET = (
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
)
_ABSENT = ("404", "NoSuchBucket")


def bucket_present(
    name: str,
    lifecycle: Sequence[Mapping[str, Any]],
    tags: Tags,
    kms_key: str | None = None,
    statements: Sequence[Mapping[str, Any]] = (),
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a bucket exists with exactly these properties.

    Args:
        name: the bucket's name, unique in the world.
        lifecycle: S3's lifecycle rules.
        tags: further tags; they replace those found.
        kms_key: the alias, without ``alias/``, of the key that encrypts what is put there; none: S3's own.
        statements: further statements of the bucket policy, for services that write there.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    s3 = __salt__["aws_resource.client"]("s3", region, profile)
    arns = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    tls_only = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": arns,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"alias/{kms_key}"}
    encryption = {
        "ApplyServerSideEncryptionByDefault": by_key if kms_key else {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": bool(kms_key),  # one call to KMS a bucket and hour rather than an object
    }
    desired = {
        "public_access_block": _BLOCKED,
        "ownership": "BucketOwnerEnforced",
        "encryption": encryption,
        "versioning": "Enabled",
        "policy": {"Version": "2012-10-17", "Statement": [tls_only, *statements]},
        "lifecycle": list(lifecycle),
        "tags": tags | {"Name": name},
    }
    setters = _setters(s3, name)

    def create() -> None:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.get_waiter("bucket_exists").wait(Bucket=name)
        update(desired)

    def update(changed: Result) -> None:
        for key in changed:
            setters[key](desired[key])

    return __salt__["aws_resource.present"](
        name, desired=desired, read=lambda: _read(s3, name), create=create, update=update
    )


def buckets_absent(
    name: str,
    prefix: str,
    tags: Tags,
    delete_data: bool = False,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is no bucket of that prefix with these tags.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        delete_data: also those that hold something, with every version of it. Without, they are an error.
        region: see `bucket_present`.
        profile: see `bucket_present`.
    """
    s3 = __salt__["aws_resource.client"]("s3", region, profile)

    def read() -> list[str]:
        names = {bucket["Name"]: bucket["Name"] for bucket in s3.list_buckets(Prefix=prefix)["Buckets"]}
        ours = __salt__["aws_resource.ours"](
            names, prefix, tags, lambda each: (_read(s3, each) or {}).get("tags", {})
        )
        for bucket in ours:
            kept = s3.list_object_versions(Bucket=bucket, MaxKeys=1)
            holds = kept.get("Versions") or kept.get("DeleteMarkers")
            __salt__["aws_resource.keep"](f"bucket {bucket}", holds and not delete_data)
        return list(ours)

    def delete(found: list[str]) -> None:
        for bucket in found:
            _empty(s3, bucket)
            s3.delete_bucket(Bucket=bucket)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _read(s3: Any, name: str) -> Result | None:
    def ask(call: Any, *path: str) -> Any:
        """Return what a call answers under these keys, or None if the bucket has no such configuration."""
        try:
            answer = call(Bucket=name)
        except ClientError as error:
            return __salt__["aws_resource.missing"](error, *_UNSET)
        for key in path:
            answer = answer.get(key) if isinstance(answer, dict) else answer[0]
        return answer

    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, *_ABSENT)
    policy = ask(s3.get_bucket_policy, "Policy")
    rules = ask(s3.get_bucket_encryption, "ServerSideEncryptionConfiguration", "Rules") or [None]
    owner = ask(s3.get_bucket_ownership_controls, "OwnershipControls", "Rules") or [{}]
    return {
        "public_access_block": ask(s3.get_public_access_block, "PublicAccessBlockConfiguration"),
        "ownership": owner[0].get("ObjectOwnership"),
        "encryption": rules[0],
        "versioning": ask(s3.get_bucket_versioning, "Status"),
        "policy": policy and json.loads(policy),
        "lifecycle": ask(s3.get_bucket_lifecycle_configuration, "Rules"),
        "tags": __salt__["aws_resource.tag_dict"](ask(s3.get_bucket_tagging, "TagSet")),
    }


def _setters(s3: Any, bucket: str) -> dict[str, Any]:
    """Return, by property, the function that sets it."""
    return {
        "public_access_block": lambda block: s3.put_public_access_block(
            Bucket=bucket, PublicAccessBlockConfiguration=block
        ),
        "ownership": lambda owner: s3.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": owner}]}
        ),
        "encryption": lambda rule: s3.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
        ),
        "versioning": lambda status: s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": status}
        ),
        "policy": lambda policy: s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy)),
        "lifecycle": lambda rules: s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": rules}
        ),
        "tags": lambda tags: s3.put_bucket_tagging(
            Bucket=bucket, Tagging={"TagSet": __salt__["aws_resource.tag_list"](tags)}
        ),
    }


def _empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        objects = [
            {"Key": each["Key"], "VersionId": each["VersionId"]}
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
