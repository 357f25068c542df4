"""EC2 key pairs from a public key: the private one stays where it was made.

Why not ``boto3_ec2.key_present`` of saltext-boto3 1.2.0: it cannot tag, and takes any key of that
name for ours.
"""

from pathlib import Path
from typing import Any

from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_key_pair"

Tags = dict[str, str]
Result = dict[str, Any]


def present(
    name: str, public_key_file: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that a key pair holds the public key of a file; another key of that name is replaced.

    Hosts that were launched keep the key they were launched with.

    Args:
        name: the key pair's name.
        public_key_file: an OpenSSH public key, as ``~/.ssh/id_ed25519.pub``.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    tags = tags | {"Name": name}

    def changes() -> tuple[Result, Result]:
        wanted = {"public_key": _public_key(public_key_file), "tags": tags}
        pair = _find(ec2, name, IncludePublicKey=True)
        if pair is None:
            return {}, wanted
        actual = {
            "public_key": " ".join(pair["PublicKey"].split()[:2]),
            "tags": __salt__["aws_ec2.tags_of"](pair),
        }
        return __salt__["aws_resource.difference"](actual, wanted)

    def apply(old: Result, new: Result) -> None:
        if "public_key" in new:
            if old:
                ec2.delete_key_pair(KeyName=name)
            ec2.import_key_pair(
                KeyName=name,
                PublicKeyMaterial=new["public_key"].encode(),
                TagSpecifications=__salt__["aws_ec2.specification"]("key-pair", tags),
            )
        else:
            __salt__["aws_ec2.retag"](ec2, _find(ec2, name)["KeyPairId"], new)

    return __salt__["aws_resource.change"](name, changes=changes, apply=apply)


def _find(ec2: Any, name: str, **arguments: Any) -> Result | None:
    filters = [{"Name": "key-name", "Values": [name]}]
    pairs = ec2.describe_key_pairs(Filters=filters, **arguments)["KeyPairs"]
    return pairs[0] if pairs else None


def _public_key(path: str) -> str:
    """Return type and key of a public key file, without the comment."""
    try:
        words = Path(path).expanduser().read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandExecutionError(f"aws:operator_public_key: {path} cannot be read: {error}") from error
    if len(words) < 2 or words[0] not in ("ssh-ed25519", "ssh-rsa"):
        raise CommandExecutionError(
            f"aws:operator_public_key: expected {path} to be an OpenSSH public key (ssh-ed25519 or ssh-rsa)"
        )
    return " ".join(words[:2])
