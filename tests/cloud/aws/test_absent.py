"""Removal leaves nothing of ours and touches nothing else."""

from typing import Any

import pytest
from aws_account import Account, changed
from snapshot import snapshot


def someone_else(account: Account) -> None:
    """Make what another fleet of the same account might have."""
    ec2, iam, route53 = account.client("ec2"), account.client("iam"), account.client("route53")
    tags = [{"Key": "Name", "Value": "saltwatch-other"}, {"Key": "Fleet", "Value": "other"}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])[
        "Vpc"
    ]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
    ec2.create_security_group(GroupName="saltwatch-base", Description="theirs", VpcId=vpc)
    ec2.create_internet_gateway()
    ec2.allocate_address(Domain="vpc")
    ec2.create_key_pair(KeyName="saltwatch-theirs")
    iam.create_role(RoleName="saltwatch-theirs", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="saltwatch-theirs", Tags=tags)
    account.client("s3").create_bucket(
        Bucket="saltwatch-theirs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    account.client("sqs").create_queue(QueueName="saltwatch-theirs")
    account.client("secretsmanager").create_secret(Name="saltwatch/theirs", SecretString="theirs", Tags=tags)
    key = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    account.client("kms").create_alias(AliasName="alias/saltwatch-theirs", TargetKeyId=key)
    account.client("dynamodb").create_table(
        TableName="saltwatch-theirs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    route53.create_hosted_zone(
        Name="saltwatch.internal",
        CallerReference="theirs",
        HostedZoneConfig={"PrivateZone": True},
        VPC={"VPCRegion": "eu-west-1", "VPCId": vpc},
    )


@pytest.fixture(scope="module")
def before(account: Account) -> dict[str, Any]:
    someone_else(account)
    taken = snapshot(account)
    account.apply("aws")
    return taken


def test_nothing_is_removed_under_a_running_host(account: Account, before: dict[str, Any]) -> None:
    # Mutant: `aws-absent-zone` without its require.
    ec2 = account.client("ec2")
    full = snapshot(account)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Fleet", "Value": "saltwatch"}]}]
    instance = ec2.run_instances(ImageId="ami-00000001", MinCount=1, MaxCount=1, TagSpecifications=tags)[
        "Instances"
    ][0]["InstanceId"]
    states = account.apply("aws.absent", fails=True)
    assert instance in states["aws-absent-hosts"]["comment"]
    assert {state["result"] for state in states.values()} == {False}
    assert changed(states) == {}
    ec2.terminate_instances(InstanceIds=[instance])
    assert snapshot(account) == full


def test_data_is_kept_unless_told_twice(account: Account, before: dict[str, Any]) -> None:
    # Mutants: `kept` taken for nothing in `buckets_absent` or `tables_absent`; keys removed all the same.
    s3, dynamodb = account.client("s3"), account.client("dynamodb")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "-loki-" in each["Name"]]
    s3.delete_bucket_policy(Bucket=bucket)  # which rightly refuses this test, since it speaks no TLS
    s3.put_object(Bucket=bucket, Key="chunk", Body=b"a log line")
    dynamodb.put_item(TableName="saltwatch-data", Item={"id": {"S": "1"}})
    for arguments in (("test=True",), ()):
        states = account.apply("aws.absent", *arguments, fails=True)
        assert bucket in states["aws-absent-buckets"]["comment"]
        assert "saltwatch-data" in states["aws-absent-tables"]["comment"]
        assert "aws-absent-keys" not in changed(states)
        assert s3.get_object(Bucket=bucket, Key="chunk")["Body"].read() == b"a log line"
        assert dynamodb.scan(TableName="saltwatch-data")["Count"] == 1
    states = account.apply("aws.absent", 'pillar={"aws": {"delete_data": true}}')
    assert {"aws-absent-buckets", "aws-absent-tables", "aws-absent-keys"} <= set(changed(states))
    account.apply("aws")


def test_removal_is_complete_and_touches_nothing_else(account: Account, before: dict[str, Any]) -> None:
    # Mutants: any kind left out of absent.sls; `_found` without its tags; `_private_zones` without the tags.
    predicted = account.apply("aws.absent", "test=True")
    assert snapshot(account) != before, "test=True removed everything"
    applied = account.apply("aws.absent")
    assert snapshot(account) == before
    assert changed(applied) == changed(predicted)
    assert len(changed(applied)) == len(applied) - 1  # all but the look for hosts
    assert changed(account.apply("aws.absent")) == {}
