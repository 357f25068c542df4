"""Secrets in AWS Secrets Manager: read, generate, rotate. Rotation prints no password."""

import json
from collections.abc import Mapping
from typing import Any

__virtualname__ = "aws_secret"

# RDS takes none of / @ " and space; the others would need quoting somewhere.
_LENGTH = 32


def read(name: str, region: str | None = None, profile: str | None = None) -> dict[str, Any]:
    """Return a secret's JSON object, password included: for states, not for the command line."""
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    return json.loads(manager.get_secret_value(SecretId=name)["SecretString"])


def generate(region: str | None = None, profile: str | None = None) -> str:
    """Return a new password of AWS's making: letters and digits."""
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    answer = manager.get_random_password(PasswordLength=_LENGTH, ExcludePunctuation=True)
    return answer["RandomPassword"]


def rotate(
    name: str,
    fields: Mapping[str, str] | None = None,
    keep: bool = False,
    region: str | None = None,
    profile: str | None = None,
) -> str:
    """Give a secret a new password, and return the id of the new version.

    Args:
        name: the secret's name.
        fields: what else is in it; None: as it is.
        keep: keep a password that is there.
        region: where; default: pillar's.
        profile: of the AWS configuration.
    """
    region = region or __pillar__["aws"]["region"]
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    value = read(name, region, profile)
    password = value.pop("password", None)
    if not (keep and password):
        password = generate(region, profile)
    value = dict(value if fields is None else fields)
    answer = manager.put_secret_value(SecretId=name, SecretString=json.dumps({**value, "password": password}))
    return answer["VersionId"]
