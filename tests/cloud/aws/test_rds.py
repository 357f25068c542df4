"""RDS as AWS shows it, against the requirements; its secret, its drift, an interrupted rotation."""

import json
from typing import Any

import pytest
from aws_account import REGION, Account, States, changed
from moto.rds.models import DBInstance, rds_backends

NAME = "saltwatch-database"
GROUP = f"{NAME}-mysql8-4"
SECRET = "saltwatch/database/master"
APP_SECRET = "saltwatch/app/database"
LOG = f"/aws/rds/instance/{NAME}/error"


@pytest.fixture(scope="module")
def applied(account: Account) -> States:
    account.pillar(parts=["database"])
    predicted = account.apply("aws.database", "test=True")
    assert account.client("rds").describe_db_instances()["DBInstances"] == [], "test=True wrote something"
    states = account.apply("aws.database")
    ours = {state_id for state_id in states if "database" in state_id}
    assert ours >= {"aws-key-database", "aws-database", "aws-database-subnets", "aws-database-log"}
    assert ours >= {"aws-database-parameters", "aws-database-endpoint-app", "aws-database-endpoint-master"}
    for state_id in ours:
        assert changed(predicted)[state_id] == changed(states)[state_id]
    return states


def instance(account: Account) -> dict[str, Any]:
    (found,) = account.client("rds").describe_db_instances()["DBInstances"]
    return found


def secret(account: Account, name: str = SECRET) -> dict[str, str]:
    manager = account.client("secretsmanager")
    # Without the stage moto answers with the version that was current before a rotation.
    return json.loads(manager.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])


def password_in_force(account: Account) -> str | None:
    """Return the master password, which RDS tells nobody, from the memory of the API's double."""
    (backend,) = [each[REGION] for each in rds_backends.values()]
    return backend.databases[NAME]._master_user_password


def test_the_application_has_an_account_of_its_own(account: Account, applied: States) -> None:
    # Mutants: `secret` of aws-database with the application's; dbInstanceIdentifier in that one.
    own = secret(account, APP_SECRET)
    assert "dbInstanceIdentifier" not in own
    assert instance(account)["MasterUsername"] == secret(account)["username"] != own["username"]
    assert password_in_force(account) != own["password"]


def rotate(account: Account) -> tuple[int, str]:
    process = account.call(SECRET, function="aws_secret.rotate")
    return process.returncode, process.stdout + process.stderr


def test_instance(account: Account, applied: States) -> None:
    # Mutants: any of `simple` left out; StorageEncrypted left out of create_db_instance; a key of its own.
    found = instance(account)
    assert (found["Engine"], found["EngineVersion"]) == ("mysql", "8.4")
    assert found["StorageEncrypted"]
    key = account.client("kms").describe_key(KeyId="alias/saltwatch-dev-database")["KeyMetadata"]
    assert found["KmsKeyId"] == key["Arn"]
    assert not found["PubliclyAccessible"]
    assert found["BackupRetentionPeriod"] == 7
    assert (found["AllocatedStorage"], found["MaxAllocatedStorage"], found["StorageType"]) == (20, 100, "gp3")
    assert found["CopyTagsToSnapshot"]
    assert found["AutoMinorVersionUpgrade"]
    assert {tag["Key"]: tag["Value"] for tag in found["TagList"]}["Fleet"] == "saltwatch"


def test_only_the_application_and_the_probe_reach_it(account: Account, applied: States) -> None:
    # Mutants: subnets(public=True) in database.sls; the security group of the base role.
    found, ec2 = instance(account), account.client("ec2")
    subnets = [each["SubnetIdentifier"] for each in found["DBSubnetGroup"]["Subnets"]]
    described = ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {subnet["CidrBlock"] for subnet in described} == {"10.0.10.0/24", "10.0.11.0/24"}
    (group,) = [each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"]]
    (described,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    (rule,) = described["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (3306, 3306, [])
    ids = [peer["GroupId"] for peer in rule["UserIdGroupPairs"]]
    clients = ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    assert {client["GroupName"] for client in clients} == {"saltwatch-app", "saltwatch-blackbox_exporter"}


def test_the_name_leads_there(account: Account, applied: States) -> None:
    # Mutant: `values: []` in upsert of a database's record.
    route53 = account.client("route53")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    (record,) = [each for each in records if each["Name"] == "database.saltwatch.internal."]
    assert record["ResourceRecords"] == [{"Value": instance(account)["Endpoint"]["Address"]}]


def test_it_refuses_who_speaks_no_tls(account: Account, applied: States) -> None:
    # Mutants: create() of a group without its values; DBParameterGroupName left out of create_db_instance.
    rds = account.client("rds")
    (used,) = instance(account)["DBParameterGroups"]
    (group,) = rds.describe_db_parameter_groups(DBParameterGroupName=used["DBParameterGroupName"])[
        "DBParameterGroups"
    ]
    assert group["DBParameterGroupFamily"] == "mysql8.4"
    parameters = rds.describe_db_parameters(DBParameterGroupName=group["DBParameterGroupName"])["Parameters"]
    assert [(each["ParameterName"], each["ParameterValue"]) for each in parameters] == [
        ("require_secure_transport", "1")
    ]
    tags = rds.list_tags_for_resource(ResourceName=group["DBParameterGroupArn"])["TagList"]
    assert {"Key": "Fleet", "Value": "saltwatch"} in tags


@pytest.mark.parametrize("name", [APP_SECRET, SECRET])
def test_who_logs_in_knows_whose_certificate_to_expect(account: Account, applied: States, name: str) -> None:
    # Mutants: database.<zone> in secrets.sls, which is in no certificate of RDS's; one of the two left out.
    assert secret(account, name)["host"] == instance(account)["Endpoint"]["Address"]


def test_errors_are_kept_for_a_week(account: Account, applied: States) -> None:
    # Mutant: `days: 30` in database.sls.
    assert instance(account)["EnabledCloudwatchLogsExports"] == ["error"]
    (group,) = account.client("logs").describe_log_groups(logGroupNamePrefix=LOG)["logGroups"]
    assert group["retentionInDays"] == 7


def test_password_is_the_secrets_and_never_shown(account: Account, applied: States) -> None:
    # Mutants: the password as an argument of the state; another one generated in create().
    password = secret(account)["password"]
    assert password_in_force(account) == password
    assert len(password) >= 32
    assert password not in json.dumps(applied)
    kept = [path for path in account.home.rglob("*") if path.is_file()]
    assert not [path for path in kept if password.encode() in path.read_bytes()]


def test_one_command_rotates_both(account: Account, applied: States) -> None:
    # Mutants: rotate() without set_password, or without update_secret_version_stage.
    before = secret(account)
    code, output = rotate(account)
    after = secret(account)
    assert code == 0, output
    assert before.pop("password") != after["password"]
    assert before.pop("dbInstanceIdentifier") == NAME
    assert password_in_force(account) == after["password"]
    assert before.items() <= after.items(), "it lost what else is in it"
    assert after["password"] not in output


def test_an_interrupted_rotation_is_finished(account: Account, applied: States) -> None:
    # Mutant: rotate() that always generates: the instance would have a password that no version has.
    processes: list[Any] = []

    def kill(action: str) -> None:
        if action == "rds:ModifyDBInstance" and processes[0].poll() is None:
            processes[0].kill()

    account.on_action.append(kill)
    processes.append(account.start(SECRET, function="aws_secret.rotate"))
    processes[0].communicate()
    account.on_action.clear()
    assert processes[0].returncode < 0
    told = password_in_force(account)
    assert told != secret(account)["password"]
    code, output = rotate(account)
    assert code == 0, output
    assert secret(account)["password"] == password_in_force(account) == told


def test_drift_is_shown_and_mended(account: Account, applied: States) -> None:
    # Mutants: `update` without security_groups, logs or tags; `storage` without its min().
    rds, ec2, password = account.client("rds"), account.client("ec2"), secret(account)["password"]
    named = [{"Name": "group-name", "Values": ["saltwatch-base"]}]
    (base,) = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    rds.modify_db_instance(
        DBInstanceIdentifier=NAME,
        PubliclyAccessible=True,
        BackupRetentionPeriod=1,
        AllocatedStorage=60,  # as RDS does when it grows: no drift
        VpcSecurityGroupIds=[base["GroupId"]],
        CloudwatchLogsExportConfiguration={"EnableLogTypes": ["general"], "DisableLogTypes": ["error"]},
        ApplyImmediately=True,
    )
    arn = instance(account)["DBInstanceArn"]
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["Fleet"])
    # Its subnets cannot be changed here: moto forgets a group that was modified.
    (group,) = rds.describe_db_subnet_groups()["DBSubnetGroups"]
    rds.remove_tags_from_resource(ResourceName=group["DBSubnetGroupArn"], TagKeys=["Environment"])
    plain = {"ParameterName": "require_secure_transport", "ParameterValue": "0", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName=GROUP, Parameters=[plain])
    (group,) = rds.describe_db_parameter_groups(DBParameterGroupName=GROUP)["DBParameterGroups"]
    rds.remove_tags_from_resource(ResourceName=group["DBParameterGroupArn"], TagKeys=["Environment"])
    spoiled = json.dumps({**secret(account, APP_SECRET), "host": "elsewhere"})
    account.client("secretsmanager").put_secret_value(SecretId=APP_SECRET, SecretString=spoiled)
    account.client("logs").delete_retention_policy(logGroupName=LOG)
    predicted, states = account.apply("aws.database", "test=True"), account.apply("aws.database")
    assert changed(predicted) == changed(states)
    assert set(changed(states)) == {
        *("aws-database", "aws-database-subnets", "aws-database-log"),
        *("aws-database-parameters", "aws-database-endpoint-app"),
    }
    assert changed(states)["aws-database-parameters"]["old"] == {
        "parameters": {"require_secure_transport": "0"},
        "tags": {"Environment": None},
    }
    assert set(changed(states)["aws-database"]["old"]) == {
        "PubliclyAccessible",
        "BackupRetentionPeriod",
        "security_groups",
        "logs",
        "tags",
    }
    assert instance(account)["AllocatedStorage"] == 60
    assert changed(account.apply("aws.database")) == {}
    test_only_the_application_and_the_probe_reach_it(account, states)
    test_errors_are_kept_for_a_week(account, states)
    test_it_refuses_who_speaks_no_tls(account, states)
    assert secret(account, APP_SECRET)["host"] == instance(account)["Endpoint"]["Address"]
    assert secret(account)["password"] == password_in_force(account) == password


def test_one_that_had_rds_own_parameters_is_given_ours(account: Account, applied: States) -> None:
    # Mutant: `update` of instance_present without DBParameterGroupName.
    rds, own = account.client("rds"), "saltwatch-own"
    rds.create_db_parameter_group(
        DBParameterGroupName=own, DBParameterGroupFamily="mysql8.4", Description="somebody's"
    )
    rds.modify_db_instance(DBInstanceIdentifier=NAME, DBParameterGroupName=own, ApplyImmediately=True)
    predicted, states = account.apply("aws.database", "test=True"), account.apply("aws.database")
    assert changed(predicted) == changed(states)
    assert changed(states)["aws-database"] == {
        "old": {"DBParameterGroupName": own},
        "new": {"DBParameterGroupName": GROUP},
    }
    rds.delete_db_parameter_group(DBParameterGroupName=own)
    test_it_refuses_who_speaks_no_tls(account, states)


def test_a_reboot_that_is_left_to_somebody_is_said(
    account: Account, applied: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Mutant: the name of the group looked at only, which is right long before RDS refuses plain connections.

    def pending(self: DBInstance) -> Any:
        groups = self.db_parameter_groups()
        for group in groups:
            group.ParameterApplyStatus = "pending-reboot"  # which moto knows nothing of
        return groups

    monkeypatch.setattr(DBInstance, "db_parameter_group_status_list", property(pending))
    state = account.apply("aws.database", fails=True)["aws-database"]
    assert state["result"] is False
    assert f"aws rds reboot-db-instance --db-instance-identifier {NAME}" in state["comment"]


def test_it_is_not_removed_by_mistake(account: Account, applied: States) -> None:
    # Mutants: instances_absent without keep(); `aws-absent-groups` without its require.
    states = account.apply("aws.absent", fails=True)
    assert NAME in states["aws-absent-databases"]["comment"]
    assert states["aws-absent-databases"]["result"] is False
    assert changed(states) == {}
    assert instance(account)["DBInstanceStatus"] == "available"
