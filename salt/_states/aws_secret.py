"""Secrets that AWS generates and nobody sees: not in pillar, not on a command line, not in a state's output.

Why not ``boto3_secretsmanager`` of saltext-boto3 1.2.0: it wants the value from whoever calls it.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_secret"

Tags = dict[str, str]
Result = dict[str, Any]

# Days in which a deleted secret can be restored; the least that AWS allows.
_RECOVERY_DAYS = 7


def present(
    name: str,
    description: str,
    tags: Tags,
    fields: Mapping[str, str] | None = None,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a secret exists: a JSON object of ``fields`` and a ``password`` that AWS makes up.

    A password that is there stays; ``salt-call -c operator aws_secret.rotate NAME`` makes a new one. So do
    fields that are not named here.

    Args:
        name: the secret's name, as ``saltwatch/app/database``.
        description: for people.
        tags: further tags.
        fields: what is no secret and belongs to it, as ``{"username": "app"}``.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)
    desired = {
        "description": description,
        "fields": dict(fields or {}),
        "password": True,
        "tags": tags | {"Name": name},
    }

    def read() -> Result | None:
        try:
            secret = manager.describe_secret(SecretId=name)
            value = {} if "DeletedDate" in secret else __salt__["aws_secret.read"](name, region, profile)
        except ClientError as error:
            return __salt__["aws_resource.missing"](error, "ResourceNotFoundException")
        return {
            "description": secret.get("Description"),
            "fields": {key: text for key, text in value.items() if key in desired["fields"]},
            "password": bool(value.get("password")),
            "tags": __salt__["aws_resource.tag_dict"](secret.get("Tags")),
        }

    def create() -> None:
        password = __salt__["aws_secret.generate"](region, profile)
        manager.create_secret(
            Name=name,
            Description=description,
            SecretString=json.dumps({**desired["fields"], "password": password}),
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
        )

    def update(changed: Result) -> None:
        if "DeletedDate" in manager.describe_secret(SecretId=name):
            manager.restore_secret(SecretId=name)
        if "description" in changed:
            manager.update_secret(SecretId=name, Description=description)
        if "fields" in changed or "password" in changed:
            __salt__["aws_secret.store"](name, desired["fields"], region, profile)
        if "tags" in changed:
            listed = __salt__["aws_resource.tag_list"](changed["tags"])
            manager.tag_resource(SecretId=name, Tags=listed)

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def endpoint_present(
    name: str, database: str, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that the field ``host`` of a secret is the endpoint of an RDS instance.

    That is the name which its certificate has, so who reads the secret can tell that it is the right server.

    Args:
        name: the secret's name.
        database: the instance's identifier.
        region: see `present`.
        profile: see `present`.
    """
    desired = {"host": f"the endpoint of {database}"}

    def read() -> Result | None:
        try:
            host = __salt__["aws_secret.read"](name, region, profile).get("host")
        except ClientError as error:
            # The latter is said of one that is to be deleted: `present` restores it.
            gone = ("ResourceNotFoundException", "InvalidRequestException")
            return __salt__["aws_resource.missing"](error, *gone)
        right = host == __salt__["aws_rds.endpoint"](database, region, profile)
        return {"host": desired["host"] if right else host} if host else None

    def store() -> None:
        endpoint = __salt__["aws_rds.endpoint"](database, region, profile)
        if endpoint is None:
            raise CommandExecutionError(f"{name}: {database} has no endpoint yet; apply again later")
        __salt__["aws_secret.store"](name, {"host": endpoint}, region, profile)

    return __salt__["aws_resource.present"](
        name, desired=desired, read=read, create=store, update=lambda changed: store()
    )


def secrets_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no secret of that prefix with these tags; AWS keeps them seven days yet.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    manager = __salt__["aws_resource.client"]("secretsmanager", region, profile)

    def read() -> list[str]:
        pages = manager.get_paginator("list_secrets").paginate()
        tags_of = {secret["Name"]: secret.get("Tags") for page in pages for secret in page["SecretList"]}
        return list(__salt__["aws_resource.ours"](tags_of, prefix, tags, __salt__["aws_resource.tag_dict"]))

    def delete(found: list[str]) -> None:
        for secret in found:
            manager.delete_secret(SecretId=secret, RecoveryWindowInDays=_RECOVERY_DAYS)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)
