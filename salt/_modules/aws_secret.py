"""Secrets in AWS Secrets Manager: read, generate, store, rotate. Rotation prints no password."""

import json
from collections.abc import Mapping
from typing import Any

__virtualname__ = "aws_secret"

# RDS takes none of / @ " and space; the others would need quoting somewhere.
_LENGTH = 32
_CURRENT, _PENDING = "AWSCURRENT", "AWSPENDING"


def read(name: str, region: str | None = None, profile: str | None = None) -> dict[str, Any]:
    """Return a secret's JSON object, password included: for states, not for the command line."""
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    return _value(manager, name, _CURRENT)


def generate(region: str | None = None, profile: str | None = None) -> str:
    """Return a new password of AWS's making: letters and digits."""
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    answer = manager.get_random_password(PasswordLength=_LENGTH, ExcludePunctuation=True)
    return answer["RandomPassword"]


def store(
    name: str, fields: Mapping[str, str], region: str | None = None, profile: str | None = None
) -> None:
    """Set what else is in a secret, and keep its password; make one up if it has none."""
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    password = read(name, region, profile).get("password") or generate(region, profile)
    manager.put_secret_value(SecretId=name, SecretString=json.dumps({**fields, "password": password}))


def rotate(name: str, region: str | None = None, profile: str | None = None) -> str:
    """Give a secret a new password, and return the id of the new version.

    A secret with the field ``dbInstanceIdentifier`` is the account of that RDS instance, which is given the
    password, too. The new version is kept aside (AWSPENDING) until the instance has it: a rotation that was
    interrupted is finished by the next one. Source of the field and the steps:
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html

    Args:
        name: the secret's name.
        region: where; default: pillar's.
        profile: of the AWS configuration.
    """
    region = region or __pillar__["aws"]["region"]
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    current, pending = _version(manager, name, _CURRENT), _version(manager, name, _PENDING)
    if pending is None or pending == current:
        value = {**read(name, region, profile), "password": generate(region, profile)}
        answer = manager.put_secret_value(
            SecretId=name, SecretString=json.dumps(value), VersionStages=[_PENDING]
        )
        pending = answer["VersionId"]
    else:
        value = _value(manager, name, _PENDING)
    if "dbInstanceIdentifier" in value:
        instance, password = value["dbInstanceIdentifier"], value["password"]
        __salt__["aws_rds.set_password"](instance, password, region, profile)
    manager.update_secret_version_stage(
        SecretId=name, VersionStage=_CURRENT, MoveToVersionId=pending, RemoveFromVersionId=current
    )
    manager.update_secret_version_stage(SecretId=name, VersionStage=_PENDING, RemoveFromVersionId=pending)
    return pending


def _value(manager: Any, name: str, stage: str) -> dict[str, Any]:
    return json.loads(manager.get_secret_value(SecretId=name, VersionStage=stage)["SecretString"])


def _version(manager: Any, name: str, stage: str) -> str | None:
    """Return the id of the version of a secret that has this stage, or None."""
    versions = manager.describe_secret(SecretId=name)["VersionIdsToStages"]
    return next((version for version, stages in versions.items() if stage in stages), None)
