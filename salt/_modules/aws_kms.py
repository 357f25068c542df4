"""Questions about KMS keys."""

from botocore.exceptions import ClientError

__virtualname__ = "aws_kms"


def arn(name: str, region: str | None = None, profile: str | None = None) -> str | None:
    """Return the ARN of the key with the alias ``alias/NAME``, or None."""
    kms = __salt__["aws_resource.client"]("kms", region, profile)
    try:
        return kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"]["Arn"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "NotFoundException")
