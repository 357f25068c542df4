"""Removal leaves nothing of ours and touches nothing else."""

import time
from typing import Any

import pytest
from aws_account import Account, changed
from snapshot import snapshot

DELETE_DATA = 'pillar={"aws": {"delete_data": true}}'
FINDINGS = "/aws/events/saltwatch-findings"


def volume(whole: Account, fleet: str) -> str:
    """Make a data volume that has outlived a host of a fleet; return its id."""
    tags = [{"Key": "Fleet", "Value": fleet}, {"Key": "Name", "Value": "loki-1"}]
    made = whole.client("ec2").create_volume(
        AvailabilityZone="eu-west-1a",
        Size=20,
        VolumeType="gp3",
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
    )
    return str(made["VolumeId"])


def someone_else(whole: Account) -> None:
    """Make what another fleet of the same account might have."""
    ec2, iam, route53 = whole.client("ec2"), whole.client("iam"), whole.client("route53")
    tags = [{"Key": "Name", "Value": "saltwatch-other"}, {"Key": "Fleet", "Value": "other"}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])[
        "Vpc"
    ]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
    ec2.create_security_group(GroupName="saltwatch-base", Description="theirs", VpcId=vpc)
    ec2.create_internet_gateway()
    ec2.allocate_address(Domain="vpc")
    ec2.create_key_pair(KeyName="saltwatch-theirs")
    volume(whole, "other")
    iam.create_role(RoleName="saltwatch-theirs", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="saltwatch-theirs", Tags=tags)
    whole.client("s3").create_bucket(
        Bucket="saltwatch-theirs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    whole.client("sqs").create_queue(QueueName="saltwatch-theirs")
    whole.client("secretsmanager").create_secret(Name="saltwatch/theirs", SecretString="theirs", Tags=tags)
    key = whole.client("kms").create_key()["KeyMetadata"]["KeyId"]
    whole.client("kms").create_alias(AliasName="alias/saltwatch-theirs", TargetKeyId=key)
    rds = whole.client("rds")
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)
        for number, zone in enumerate(("eu-west-1a", "eu-west-1b"), 1)
    ]
    rds.create_db_subnet_group(
        DBSubnetGroupName="saltwatch-theirs",
        DBSubnetGroupDescription="theirs",
        SubnetIds=[subnet["Subnet"]["SubnetId"] for subnet in subnets],
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="saltwatch-theirs", DBParameterGroupFamily="mysql8.4", Description="theirs"
    )
    rds.create_db_instance(
        DBInstanceIdentifier="saltwatch-theirs",
        DBInstanceClass="db.t4g.micro",
        Engine="mysql",
        MasterUsername="theirs",
        MasterUserPassword="theirs-theirs",
        AllocatedStorage=20,
        DBSubnetGroupName="saltwatch-theirs",
        Tags=tags,
    )
    whole.client("dynamodb").create_table(
        TableName="saltwatch-theirs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    whole.client("cloudtrail").create_trail(Name="saltwatch-theirs", S3BucketName="saltwatch-theirs")
    whole.client("logs").create_log_group(logGroupName="/aws/events/saltwatch-theirs")
    whole.client("logs").put_resource_policy(policyName="saltwatch-theirs", policyDocument="{}")
    whole.client("events").put_rule(Name="saltwatch-theirs", EventPattern='{"source": ["aws.ec2"]}')
    whole.client("cloudwatch").put_dashboard(DashboardName="saltwatch", DashboardBody='{"widgets": []}')
    whole.client("cloudwatch").put_metric_alarm(
        AlarmName="saltwatch-theirs",
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    route53.create_hosted_zone(
        Name="saltwatch.internal",
        CallerReference="theirs",
        HostedZoneConfig={"PrivateZone": True},
        VPC={"VPCRegion": "eu-west-1", "VPCId": vpc},
    )


@pytest.fixture(scope="module")
def before(whole: Account) -> dict[str, Any]:
    someone_else(whole)
    taken = snapshot(whole)
    whole.apply("aws")
    return taken


def test_nothing_is_removed_under_a_running_host(whole: Account, before: dict[str, Any]) -> None:
    # Mutant: `aws-absent-zone` without its require.
    ec2 = whole.client("ec2")
    full = snapshot(whole)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Fleet", "Value": "saltwatch"}]}]
    instance = ec2.run_instances(ImageId="ami-00000001", MinCount=1, MaxCount=1, TagSpecifications=tags)[
        "Instances"
    ][0]["InstanceId"]
    states = whole.apply("aws.absent", fails=True)
    assert instance in states["aws-absent-hosts"]["comment"]
    assert {state["result"] for state in states.values()} == {False}
    assert changed(states) == {}
    ec2.terminate_instances(InstanceIds=[instance])
    assert snapshot(whole) == full


def test_a_volume_is_kept_unless_told_twice(whole: Account, before: dict[str, Any]) -> None:
    # Mutants: volumes_absent without keep(); `_found` without its tags; `aws-absent-buckets` that requires
    # the hosts only. What is deleted with its host: tests/unit/states/test_volumes_absent.py.
    ec2, ours = whole.client("ec2"), volume(whole, "saltwatch")
    full = snapshot(whole)
    for arguments in (("test=True",), ()):
        states = whole.apply("aws.absent", *arguments, fails=True)
        assert f"volume {ours} of loki-1" in states["aws-absent-volumes"]["comment"]
        assert states["aws-absent-buckets"]["result"] is False
        assert changed(states) == {}
        assert snapshot(whole) == full
    predicted = whole.apply("aws.absent", "test=True", DELETE_DATA)
    assert changed(predicted)["aws-absent-volumes"] == {"old": [ours], "new": None}
    assert ec2.describe_volumes(VolumeIds=[ours])["Volumes"]
    states = whole.apply("aws.absent", DELETE_DATA)
    assert changed(states) == changed(predicted)
    assert snapshot(whole) == before
    # The secrets are there yet, to be deleted: mutant: `endpoint_present` that only knows of none.
    again = changed(whole.apply("aws.database", "test=True"))
    assert "aws-database-endpoint-app" in again
    whole.apply("aws")


def test_data_is_kept_unless_told_twice(whole: Account, before: dict[str, Any]) -> None:
    # Mutants: `holds` taken for nothing in `buckets_absent`; `aws-absent-tables` without its require.
    s3, dynamodb, logs = whole.client("s3"), whole.client("dynamodb"), whole.client("logs")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "-loki-" in each["Name"]]
    s3.delete_bucket_policy(Bucket=bucket)  # which rightly refuses this test, since it speaks no TLS
    s3.put_object(Bucket=bucket, Key="chunk", Body=b"a log line")
    dynamodb.put_item(TableName="saltwatch-data", Item={"id": {"S": "1"}})
    line = {"timestamp": int(time.time() * 1000), "message": "a finding"}
    logs.create_log_stream(logGroupName=FINDINGS, logStreamName="one")
    logs.put_log_events(logGroupName=FINDINGS, logStreamName="one", logEvents=[line])
    for arguments in (("test=True",), ()):
        states = whole.apply("aws.absent", *arguments, fails=True)
        assert bucket in states["aws-absent-buckets"]["comment"]
        assert changed(states) == {}
        assert s3.get_object(Bucket=bucket, Key="chunk")["Body"].read() == b"a log line"
        assert dynamodb.scan(TableName="saltwatch-data")["Count"] == 1
    states = whole.apply("aws.absent", DELETE_DATA)
    data = ("buckets", "tables", "databases", "groups", "keys")
    assert {f"aws-absent-{what}" for what in data} <= set(changed(states))
    whole.apply("aws")


def test_removal_is_complete_and_touches_nothing_else(whole: Account, before: dict[str, Any]) -> None:
    # Mutants: any kind left out of absent.sls; `_found` without its tags; `_private_zones` without the tags.
    volume(whole, "saltwatch")
    predicted = whole.apply("aws.absent", "test=True", DELETE_DATA)
    assert snapshot(whole) != before, "test=True removed everything"
    applied = whole.apply("aws.absent", DELETE_DATA)
    assert snapshot(whole) == before
    assert changed(applied) == changed(predicted)
    assert len(changed(applied)) == len(applied) - 1  # all but the look for hosts
    assert changed(whole.apply("aws.absent")) == {}
