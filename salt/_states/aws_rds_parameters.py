"""RDS's DB parameter groups: settings of the server itself.

Why not ``boto3_rds.parameter_present`` of saltext-boto3 1.2.0: ``test=True`` shows no changes of a group that
is still to be made.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__virtualname__ = "aws_rds_parameters"

Tags = dict[str, str]
Result = dict[str, Any]

_NO_GROUP = ("DBParameterGroupNotFoundFault", "DBParameterGroupNotFound")


def present(
    name: str,
    family: str,
    description: str,
    parameters: Mapping[str, str],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is a DB parameter group with these values; other parameters are left alone.

    An instance that has the group has a changed value at once; one that is given the group, after a reboot.

    Args:
        name: the group's name.
        family: engine and release that it is for, as ``mysql8.4``; AWS cannot change it.
        description: for people; AWS cannot change it either.
        parameters: dynamic ones, as ``{"require_secure_transport": "1"}``.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    rds = __salt__["aws_resource.client"]("rds", region, profile)
    desired = {
        "family": family,
        "description": description,
        "parameters": dict(parameters),
        "tags": tags | {"Name": name},
    }

    def find() -> Result | None:
        try:
            groups = rds.describe_db_parameter_groups(DBParameterGroupName=name)["DBParameterGroups"]
        except ClientError as error:
            return __salt__["aws_resource.missing"](error, *_NO_GROUP)
        return next(iter(groups), None)  # moto's answer is an empty list

    def read() -> Result | None:
        group = find()
        if group is None:
            return None
        own = {"DBParameterGroupName": name, "Source": "user"}  # a value that somebody set, of hundreds
        pages = rds.get_paginator("describe_db_parameters").paginate(**own)
        values = {
            each["ParameterName"]: each.get("ParameterValue") for page in pages for each in page["Parameters"]
        }
        listed = rds.list_tags_for_resource(ResourceName=group["DBParameterGroupArn"])["TagList"]
        return {
            "family": group["DBParameterGroupFamily"],
            "description": group["Description"],
            "parameters": {key: values[key] for key in parameters if values.get(key) is not None},
            "tags": __salt__["aws_resource.tag_dict"](listed),
        }

    def create() -> None:
        rds.create_db_parameter_group(
            DBParameterGroupName=name,
            DBParameterGroupFamily=family,
            Description=description,
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
        )
        update({"parameters": desired["parameters"]})

    def update(changed: Result) -> None:
        values = changed.get("parameters")
        if values:
            listed = [
                {"ParameterName": key, "ParameterValue": value, "ApplyMethod": "immediate"}
                for key, value in values.items()
            ]
            rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=listed)
        if "tags" in changed:
            arn = (find() or {})["DBParameterGroupArn"]
            rds.add_tags_to_resource(
                ResourceName=arn, Tags=__salt__["aws_resource.tag_list"](changed["tags"])
            )

    return __salt__["aws_resource.present"](
        name, desired=desired, read=read, create=create, update=update, fixed=("family", "description")
    )


def absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no DB parameter group of that prefix with these tags.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    rds = __salt__["aws_resource.client"]("rds", region, profile)

    def tags_of(arn: str) -> Tags:
        return __salt__["aws_resource.tag_dict"](rds.list_tags_for_resource(ResourceName=arn)["TagList"])

    def read() -> list[str]:
        pages = rds.get_paginator("describe_db_parameter_groups").paginate()
        arns = {
            group["DBParameterGroupName"]: group["DBParameterGroupArn"]
            for page in pages
            for group in page["DBParameterGroups"]
        }
        return list(__salt__["aws_resource.ours"](arns, prefix, tags, tags_of))

    def delete(found: list[str]) -> None:
        for group in found:
            rds.delete_db_parameter_group(DBParameterGroupName=group)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)
