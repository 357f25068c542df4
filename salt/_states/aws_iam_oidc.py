"""Identity providers by OpenID Connect: whose tokens IAM takes. saltext-boto3 1.2.0 has no state for them."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError
from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_iam_oidc"

Tags = dict[str, str]
Result = dict[str, Any]


def present(
    name: str,
    audiences: Sequence[str],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that IAM takes tokens of a provider, for these audiences.

    An account can have one a provider. Somebody else's serves as well, and is left as it is.

    Args:
        name: the provider's host, as ``token.actions.githubusercontent.com``.
        audiences: whom its tokens are for.
        tags: further tags, by which ours is known; they are set when it is made.
        region: IAM has none; where its client connects.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    iam = __salt__["aws_resource.client"]("iam", region, profile)
    arn = _arn(name, region)
    desired = {"audiences": sorted(audiences)}

    def read() -> Result | None:
        provider = _provider(iam, arn)
        if provider is None:
            return None
        found = sorted(provider["ClientIDList"])
        if tags.items() <= __salt__["aws_resource.tag_dict"](provider.get("Tags")).items():
            return {"audiences": found}
        if not set(audiences) <= set(found):
            raise CommandExecutionError(
                f"{name}: the account's provider has not the tags {tags} and does not take tokens for "
                f"{', '.join(audiences)}: whoever made it has to add that"
            )
        return desired

    def create() -> None:
        iam.create_open_id_connect_provider(
            Url=f"https://{name}",
            ClientIDList=desired["audiences"],
            Tags=__salt__["aws_resource.tag_list"](tags | {"Name": name}),
        )

    def update(_changed: Result) -> None:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)  # roles know it by its name
        create()

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def absent(name: str, tags: Tags, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that there is no such provider with these tags.

    Args:
        name: see `present`.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    iam = __salt__["aws_resource.client"]("iam", region, profile)

    def read() -> str | None:
        provider = _provider(iam, _arn(name, region)) or {}
        ours = tags.items() <= __salt__["aws_resource.tag_dict"](provider.get("Tags")).items()
        return _arn(name, region) if ours else None

    return __salt__["aws_resource.absent"](
        name,
        read=read,
        delete=lambda arn: iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn),
    )


def _arn(name: str, region: str | None) -> str:
    return f"arn:aws:iam::{__salt__['aws_fleet.account'](region)}:oidc-provider/{name}"


def _provider(iam: Any, arn: str) -> Result | None:
    try:
        return iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "NoSuchEntity")
