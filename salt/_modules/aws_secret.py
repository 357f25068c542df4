"""Secrets in AWS Secrets Manager: read, generate, store, rotate. Rotation prints no password."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from salt.exceptions import CommandExecutionError

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
    """Set fields of a secret, and keep the others and its password; make one up if it has none."""
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    value = {**read(name, region, profile), **fields}
    value["password"] = value.get("password") or generate(region, profile)
    manager.put_secret_value(SecretId=name, SecretString=json.dumps(value))


def password_to_be(name: str, region: str | None = None, profile: str | None = None) -> str:
    """Return the password that the account of a secret is to have: for states, not for the command line.

    While a rotation is under way that is the new one, so that a highstate in between does not undo it.

    Raises:
        CommandExecutionError: AWS refuses, or there is no such secret.
    """
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    try:
        pending = _pending(manager, name)
        password: str = _value(manager, name, _PENDING if pending else _CURRENT)["password"]
    except (ClientError, BotoCoreError) as error:
        raise CommandExecutionError(f"secret {name}: {error}") from error
    return password


def rotate(name: str, state: str | None = None, region: str | None = None, profile: str | None = None) -> str:
    """Give a secret a new password, and return the id of the new version.

    The account is given it, too: a secret with the field ``dbInstanceIdentifier`` has the master account of
    that RDS instance; for any other, ``state`` is applied, which reads `password_to_be`. The new version is
    kept aside (AWSPENDING) until then: a rotation that was interrupted is finished by the next one, and who
    is refused with the current version may try the pending one. Source of the field and the steps: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html

    Args:
        name: the secret's name.
        state: the SLS that gives the account its password, as ``database.access``.
        region: where; default: the fleet's.
        profile: of the AWS configuration.

    Raises:
        CommandExecutionError: the account could not be given the password; the old one is the current one.
    """
    region = region or __pillar__["fleet"]["region"]
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    current, pending = _version(manager, name, _CURRENT), _pending(manager, name)
    if pending is None:
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
    if state:
        _apply(state)
    manager.update_secret_version_stage(
        SecretId=name, VersionStage=_CURRENT, MoveToVersionId=pending, RemoveFromVersionId=current
    )
    manager.update_secret_version_stage(SecretId=name, VersionStage=_PENDING, RemoveFromVersionId=pending)
    return pending


def _apply(state: str) -> None:
    """Apply an SLS.

    Raises:
        CommandExecutionError: a state of it failed, or another run is under way.
    """
    answer = __salt__["state.apply"](state)
    failed = (
        [
            f"{result['__id__']}: {result['comment']}"
            for result in answer.values()
            if result["result"] is False
        ]
        if isinstance(answer, dict)
        else answer
    )
    if failed:
        raise CommandExecutionError(f"{state}: {'; '.join(failed)}")


def _pending(manager: Any, name: str) -> str | None:
    """Return the id of the version that a rotation under way has made, or None."""
    pending = _version(manager, name, _PENDING)
    return None if pending == _version(manager, name, _CURRENT) else pending


def _value(manager: Any, name: str, stage: str) -> dict[str, Any]:
    return json.loads(manager.get_secret_value(SecretId=name, VersionStage=stage)["SecretString"])


def _version(manager: Any, name: str, stage: str) -> str | None:
    """Return the id of the version of a secret that has this stage, or None."""
    versions = manager.describe_secret(SecretId=name)["VersionIdsToStages"]
    return next((version for version, stages in versions.items() if stage in stages), None)
