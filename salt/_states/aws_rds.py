"""RDS: MySQL for the application, where the rehearsal has a host with MariaDB.

Why not ``boto3_rds`` of saltext-boto3 1.2.0: it wants the password from whoever calls it, so that it is in
the state's arguments, and does not look at what exists.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_rds"

Tags = dict[str, str]
Result = dict[str, Any]

_NO_GROUP = ("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound")
# What RDS writes to CloudWatch Logs.
_LOGS, _EXPORTED = ["error"], "EnabledCloudwatchLogsExports"
# What RDS says of a parameter group that an instance was given and does not follow yet.
_AFTER_REBOOT = "pending-reboot"


def subnet_group_present(
    name: str,
    description: str,
    vpc: str,
    subnets: Sequence[str],
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that a DB subnet group has these subnets and no others.

    Args:
        name: the group's name.
        description: for people.
        vpc: the name of the subnets' VPC.
        subnets: their Name tags, in two zones at least.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    rds = __salt__["aws_resource.client"]("rds", region, profile)
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    desired = {"description": description, "subnets": sorted(subnets), "tags": tags | {"Name": name}}

    def ids() -> list[str]:
        found = {each: of for of, each in __salt__["aws_ec2.names_in_vpc"](ec2, "subnet", vpc).items()}
        missing = sorted(set(subnets) - found.keys())
        if missing:
            raise CommandExecutionError(f"{name}: VPC {vpc} has no subnet {', '.join(missing)}")
        return [found[each] for each in subnets]

    def read() -> Result | None:
        group = _subnet_group(rds, name)
        names = __salt__["aws_ec2.names_in_vpc"](ec2, "subnet", vpc)
        return group and {
            "description": group["DBSubnetGroupDescription"],
            "subnets": sorted(
                names.get(each["SubnetIdentifier"], each["SubnetIdentifier"]) for each in group["Subnets"]
            ),
            "tags": _tags(rds, group["DBSubnetGroupArn"]),
        }

    def create() -> None:
        rds.create_db_subnet_group(
            DBSubnetGroupName=name,
            DBSubnetGroupDescription=description,
            SubnetIds=ids(),
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
        )

    def update(changed: Result) -> None:
        if changed.keys() - {"tags"}:
            rds.modify_db_subnet_group(
                DBSubnetGroupName=name, DBSubnetGroupDescription=description, SubnetIds=ids()
            )
        _retag(rds, _subnet_group(rds, name)["DBSubnetGroupArn"], changed)

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def instance_present(
    name: str,
    settings: Mapping[str, Any],
    secret: str,
    kms_key: str,
    subnet_group: str,
    parameter_group: str,
    security_group: str,
    vpc: str,
    deletion_protection: bool,
    tags: Tags,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is a private, encrypted MySQL instance with backups, whose account is in a secret.

    A new one takes RDS about ten minutes, which is waited for.

    Args:
        name: the instance's identifier.
        settings: ``class``, ``version`` (as ``'8.4'``: AWS chooses and raises the last part), ``storage`` and
            ``max_storage`` (GiB: it grows by itself from one to the other), ``multi_az``, ``backup_days``.
        secret: the name of the secret with ``username``, ``password`` and ``dbname``; read when it is made.
        kms_key: the alias, without ``alias/``, of the key that encrypts it.
        subnet_group: the name of its DB subnet group.
        parameter_group: the name of its DB parameter group, of the release's family.
        security_group: the name of its security group.
        vpc: the name of the VPC.
        deletion_protection: whether AWS refuses to delete it.
        tags: further tags.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    rds = __salt__["aws_resource.client"]("rds", region, profile)
    ec2 = __salt__["aws_resource.client"]("ec2", region, profile)
    # As RDS names them when it is told, and when it answers.
    simple = {
        "DBInstanceClass": settings["class"],
        "MaxAllocatedStorage": settings["max_storage"],
        "MultiAZ": settings["multi_az"],
        "BackupRetentionPeriod": settings["backup_days"],
        "StorageType": "gp3",
        "DeletionProtection": deletion_protection,
        "PubliclyAccessible": False,
        "CopyTagsToSnapshot": True,
        "AutoMinorVersionUpgrade": True,
    }
    desired = {
        **simple,
        "Engine": "mysql",
        "version": str(settings["version"]),
        "storage": settings["storage"],
        "StorageEncrypted": True,
        "kms_key": kms_key,
        "subnet_group": subnet_group,
        "DBParameterGroupName": parameter_group,
        "parameters": "in-sync",
        "security_groups": [security_group],
        "logs": _LOGS,
        "tags": tags | {"Name": name},
    }

    def read() -> Result | None:
        found = __salt__["aws_rds.find"](name, region, profile)
        if found is None:
            return None
        found = {**found, **found.get("PendingModifiedValues", {})}
        key, names = found.get("KmsKeyId"), __salt__["aws_ec2.names_in_vpc"](ec2, "security-group", vpc)
        groups = [each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"]]
        (group,) = found["DBParameterGroups"]
        # Right after a change RDS is still "applying" it; only the reboot is left to somebody.
        pending = group["ParameterApplyStatus"] == _AFTER_REBOOT
        return {
            **{setting: found.get(setting) for setting in (*simple, "Engine", "StorageEncrypted")},
            "version": _release(found["EngineVersion"], desired["version"]),
            "storage": min(settings["storage"], found["AllocatedStorage"]),  # it may have grown
            "kms_key": kms_key if key and key == __salt__["aws_kms.arn"](kms_key, region, profile) else key,
            "subnet_group": found["DBSubnetGroup"]["DBSubnetGroupName"],
            "DBParameterGroupName": group["DBParameterGroupName"],
            "parameters": _AFTER_REBOOT if pending else desired["parameters"],
            "security_groups": sorted(names.get(group, group) for group in groups),
            "logs": sorted(found.get(_EXPORTED, [])),
            "tags": __salt__["aws_resource.tag_dict"](found.get("TagList")),
        }

    def create() -> None:
        account = __salt__["aws_secret.read"](secret, region, profile)
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="mysql",
            EngineVersion=desired["version"],
            AllocatedStorage=settings["storage"],
            StorageEncrypted=True,
            KmsKeyId=__salt__["aws_kms.arn"](kms_key, region, profile),
            DBSubnetGroupName=subnet_group,
            DBParameterGroupName=parameter_group,
            VpcSecurityGroupIds=group_ids(),
            EnableCloudwatchLogsExports=_LOGS,
            DBName=account["dbname"],
            MasterUsername=account["username"],
            MasterUserPassword=account["password"],
            Tags=__salt__["aws_resource.tag_list"](desired["tags"]),
            **simple,
        )
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name)

    def group_ids() -> list[str]:
        return [__salt__["aws_ec2.id_in_vpc"](ec2, "security-group", security_group, vpc, required=True)]

    def update(changed: Result) -> None:
        arguments = {key: simple[key] for key in changed if key in simple}
        if "version" in changed:
            arguments |= {"EngineVersion": desired["version"], "AllowMajorVersionUpgrade": True}
        if "storage" in changed:
            arguments["AllocatedStorage"] = settings["storage"]
        if "DBParameterGroupName" in changed:
            arguments["DBParameterGroupName"] = parameter_group
        if "security_groups" in changed:
            arguments["VpcSecurityGroupIds"] = group_ids()
        if "logs" in changed:
            exported = set((__salt__["aws_rds.find"](name, region, profile) or {}).get(_EXPORTED, []))
            arguments["CloudwatchLogsExportConfiguration"] = {
                "EnableLogTypes": sorted(set(_LOGS) - exported),
                "DisableLogTypes": sorted(exported - set(_LOGS)),
            }
        if arguments:
            rds.modify_db_instance(DBInstanceIdentifier=name, ApplyImmediately=True, **arguments)
        _retag(rds, __salt__["aws_rds.find"](name, region, profile)["DBInstanceArn"], changed)
        if "parameters" in changed:
            raise CommandExecutionError(
                f"{name}: its parameter group is in force after a reboot, which is left to you: "
                f"aws rds reboot-db-instance --db-instance-identifier {name}"
            )

    return __salt__["aws_resource.present"](
        name,
        desired=desired,
        read=read,
        create=create,
        update=update,
        fixed=("Engine", "StorageEncrypted", "kms_key", "subnet_group"),
    )


def instances_absent(
    name: str,
    prefix: str,
    tags: Tags,
    delete_data: bool = False,
    region: str | None = None,
    profile: str | None = None,
) -> Result:
    """Make sure that there is no instance of that prefix with these tags, and wait until it is gone.

    Args:
        name: for people.
        prefix: how the identifiers of ours begin.
        tags: what tells ours from others.
        delete_data: delete them, with their backups and without a last snapshot. Without, they are an error.
        region: see `instance_present`.
        profile: see `instance_present`.
    """
    rds = __salt__["aws_resource.client"]("rds", region, profile)

    def ours() -> dict[str, Result]:
        pages = rds.get_paginator("describe_db_instances").paginate()
        listed = {each["DBInstanceIdentifier"]: each for page in pages for each in page["DBInstances"]}
        return __salt__["aws_resource.ours"](
            listed, prefix, tags, lambda each: __salt__["aws_resource.tag_dict"](each.get("TagList"))
        )

    def read() -> list[str]:
        found = list(ours())
        for instance in found:
            __salt__["aws_resource.keep"](f"database {instance}", not delete_data)
        return found

    def delete(found: list[str]) -> None:
        for name, instance in ours().items():
            if instance["DBInstanceStatus"] != "deleting":
                rds.delete_db_instance(
                    DBInstanceIdentifier=name,
                    SkipFinalSnapshot=True,
                    DeleteAutomatedBackups=True,
                )
        for instance in found:
            rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=instance)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def subnet_groups_absent(
    name: str, prefix: str, tags: Tags, region: str | None = None, profile: str | None = None
) -> Result:
    """Make sure that there is no DB subnet group of that prefix with these tags.

    Args:
        name: for people.
        prefix: how the names of ours begin.
        tags: what tells ours from others.
        region: see `subnet_group_present`.
        profile: see `subnet_group_present`.
    """
    rds = __salt__["aws_resource.client"]("rds", region, profile)

    def read() -> list[str]:
        pages = rds.get_paginator("describe_db_subnet_groups").paginate()
        arns = {
            group["DBSubnetGroupName"]: group["DBSubnetGroupArn"]
            for page in pages
            for group in page["DBSubnetGroups"]
        }
        return list(__salt__["aws_resource.ours"](arns, prefix, tags, lambda arn: _tags(rds, arn)))

    def delete(found: list[str]) -> None:
        for group in found:
            rds.delete_db_subnet_group(DBSubnetGroupName=group)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _subnet_group(rds: Any, name: str) -> Result | None:
    try:
        (group,) = rds.describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"]
    except ClientError as error:
        return __salt__["aws_resource.missing"](error, *_NO_GROUP)
    return group


def _release(found: str, wanted: str) -> str:
    """Return ``wanted`` where AWS runs some version of that release, as 8.4.5 of 8.4; else what it runs."""
    return wanted if found == wanted or found.startswith(f"{wanted}.") else found


def _tags(rds: Any, arn: str) -> Tags:
    return __salt__["aws_resource.tag_dict"](rds.list_tags_for_resource(ResourceName=arn)["TagList"])


def _retag(rds: Any, arn: str, changed: Result) -> None:
    if "tags" in changed:
        rds.add_tags_to_resource(ResourceName=arn, Tags=__salt__["aws_resource.tag_list"](changed["tags"]))
