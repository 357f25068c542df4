"""DynamoDB tables, billed by request.

Why not ``boto3_dynamodb`` of saltext-boto3 1.2.0: it knows neither on-demand billing nor point-in-time
recovery, encryption or tags.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_dynamodb"

Tags = dict[str, str]
Keys = Mapping[str, str]
Result = dict[str, Any]


def present(
    name: str,
    key: Keys,
    tags: Tags,
    indexes: Mapping[str, Keys] | None = None,
    deletion_protection: bool = False,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a table exists, encrypted with AWS's KMS key, with point-in-time recovery.

    Args:
        name: the table's name.
        key: the attributes of its key, partition key first, each with its type (``S``, ``N``, ``B``).
        tags: further tags.
        indexes: global secondary indexes by name, each with its key; they project every attribute.
        deletion_protection: whether AWS refuses to delete it.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    dynamodb = __salt__["aws_resource.client"]("dynamodb", region, profile)
    indexes = indexes or {}
    desired = {
        "key": dict(key),
        "indexes": {index: dict(keys) for index, keys in indexes.items()},
        "billing": "PAY_PER_REQUEST",
        "encryption": "KMS",
        "recovery": "ENABLED",
        "deletion_protection": deletion_protection,
        "tags": tags | {"Name": name},
    }

    def create() -> None:
        types = {attribute: kind for keys in (key, *indexes.values()) for attribute, kind in keys.items()}
        dynamodb.create_table(
            TableName=name,
            KeySchema=_schema(key),
            AttributeDefinitions=[
                {"AttributeName": attribute, "AttributeType": kind} for attribute, kind in types.items()
            ],
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS"},
            DeletionProtectionEnabled=deletion_protection,
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
            **({"GlobalSecondaryIndexes": _indexes(indexes)} if indexes else {}),
        )
        dynamodb.get_waiter("table_exists").wait(TableName=name)
        update({"recovery": "ENABLED"})

    def update(changed: Result) -> None:
        if "billing" in changed:
            dynamodb.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
        if "encryption" in changed:
            dynamodb.update_table(TableName=name, SSESpecification={"Enabled": True, "SSEType": "KMS"})
        if "deletion_protection" in changed:
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=deletion_protection)
        if "recovery" in changed:
            dynamodb.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
        if "tags" in changed:
            arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
            dynamodb.tag_resource(ResourceArn=arn, Tags=__salt__["aws_resource.tag_list"](changed["tags"]))

    return __salt__["aws_resource.present"](
        name,
        desired=desired,
        read=lambda: _read(dynamodb, name),
        create=create,
        update=update,
        fixed=("key", "indexes"),
    )


def tables_absent(
    name: str,
    prefix: str,
    tags: Tags,
    delete_data: bool = False,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is no table of that prefix with these tags.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        delete_data: also those that hold something. Without, they are an error.
        region: see `present`.
        profile: see `present`.
    """
    dynamodb = __salt__["aws_resource.client"]("dynamodb", region, profile)

    def read() -> list[str]:
        pages = dynamodb.get_paginator("list_tables").paginate()
        names = {each: each for page in pages for each in page["TableNames"]}
        ours = __salt__["aws_resource.ours"](names, prefix, tags, lambda each: _read(dynamodb, each)["tags"])
        for table in ours:
            kept = dynamodb.scan(TableName=table, Limit=1)["Count"]
            __salt__["aws_resource.keep"](f"table {table}", kept and not delete_data)
        return list(ours)

    def delete(found: list[str]) -> None:
        for table in found:
            dynamodb.delete_table(TableName=table)
            dynamodb.get_waiter("table_not_exists").wait(TableName=table)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _read(dynamodb: Any, name: str) -> Result | None:
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, "ResourceNotFoundException")
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    listed = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    return {
        "key": _keys(table["KeySchema"], types),
        "indexes": {
            index["IndexName"]: _keys(index["KeySchema"], types)
            for index in table.get("GlobalSecondaryIndexes", [])
        },
        "billing": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "encryption": table.get("SSEDescription", {}).get("SSEType"),
        "recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "deletion_protection": table.get("DeletionProtectionEnabled", False),
        "tags": __salt__["aws_resource.tag_dict"](listed),
    }


def _keys(schema: list[Result], types: Keys) -> dict[str, str]:
    return {each["AttributeName"]: types[each["AttributeName"]] for each in schema}


def _schema(key: Keys) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": attribute, "KeyType": kind} for attribute, kind in zip(key, kinds, strict=False)
    ]


def _indexes(indexes: Mapping[str, Keys]) -> list[Result]:
    return [
        {"IndexName": name, "KeySchema": _schema(key), "Projection": {"ProjectionType": "ALL"}}
        for name, key in indexes.items()
    ]
