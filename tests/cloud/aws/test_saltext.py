"""Why there are states of our own: what saltext-boto3 1.2.0 does where ours does otherwise.

When one of these fails, upstream has mended it: take its state, and remove ours.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_account import Account
from saltext.boto3.states import (
    boto3_cloudwatch_alarm,
    boto3_cloudwatch_event,
    boto3_dynamodb,
    boto3_ec2,
    boto3_elbv2,
    boto3_iam,
    boto3_iam_role,
    boto3_kms,
    boto3_rds,
    boto3_route53,
    boto3_s3_bucket,
    boto3_sqs,
)


@pytest.fixture
def single(account: Account) -> Any:
    """`state.single` of one of upstream's states."""

    def run(function: str, *arguments: str) -> dict[str, Any]:
        process = account.call(function, "region=eu-west-1", *arguments, function="state.single")
        assert process.stdout.startswith("{"), process.stderr
        (state,) = json.loads(process.stdout)["local"].values()
        return state

    return run


def test_vpc_that_lost_a_tag_is_made_twice(account: Account, single: Any) -> None:
    ec2 = account.client("ec2")
    arguments = ("boto3_vpc.present", "name=lost", "cidr_block=10.9.0.0/16", 'tags={"Fleet": "f"}')
    single(*arguments)
    by_cidr = [{"Name": "cidr", "Values": ["10.9.0.0/16"]}]
    (vpc,) = ec2.describe_vpcs(Filters=by_cidr)["Vpcs"]
    ec2.delete_tags(Resources=[vpc["VpcId"]], Tags=[{"Key": "Fleet"}])
    single(*arguments)
    assert len(ec2.describe_vpcs(Filters=by_cidr)["Vpcs"]) == 2


def test_parameter_group_is_not_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of a group that is not there moto answers an empty list, which upstream takes for one that is.
    known = {"boto3_rds.parameter_group_exists": lambda **_: {"exists": False}}
    monkeypatch.setattr(boto3_rds, "__salt__", known, raising=False)
    monkeypatch.setattr(boto3_rds, "__opts__", {"test": True}, raising=False)
    state = boto3_rds.parameter_present("new", "mysql8.4", "-", parameters=[{"require_secure_transport": 1}])
    assert (state["result"], state["changes"]) == (None, {})


def test_vpc_attributes_are_not_mended(account: Account, single: Any) -> None:
    ec2 = account.client("ec2")
    arguments = ("boto3_vpc.present", "name=dns", "cidr_block=10.8.0.0/16", "dns_hostnames=True")
    single(*arguments)
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.8.0.0/16"]}])["Vpcs"]
    ec2.modify_vpc_attribute(VpcId=vpc["VpcId"], EnableDnsHostnames={"Value": False})
    single(*arguments)
    attribute = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames")
    assert not attribute["EnableDnsHostnames"]["Value"]


def test_ipv6_rules_stay(account: Account, single: Any) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="six", Description="six", VpcId=vpc)["GroupId"]
    anyone = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[anyone])
    single("boto3_secgroup.present", "name=six", "description=six", f"vpc_id={vpc}", "rules=[]")
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["IpPermissions"][0]["Ipv6Ranges"]


def test_records_are_not_predicted(single: Any) -> None:
    state = single(
        "boto3_route53.rr_present",
        "name=a.none.internal",
        "DomainName=none.internal",
        "PrivateZone=True",
        "Type=CNAME",
        'ResourceRecords=["b.none.internal"]',
        "test=True",
    )
    assert (state["result"], state["changes"]) == (True, {})


def test_trust_policy_of_two_statements_fails(account: Account, single: Any) -> None:
    statements = [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        for service in ("ec2.amazonaws.com", "ssm.amazonaws.com")
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    account.client("iam").create_role(RoleName="two", AssumeRolePolicyDocument=policy)
    state = single("boto3_iam_role.present", "name=two", f"policy_document={policy}")
    assert "TypeError" in state["comment"]


def test_redrive_policy_changes_at_every_run(account: Account, single: Any) -> None:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"maxReceiveCount": 5, "deadLetterTargetArn": arn}
    attributes = json.dumps({"RedrivePolicy": policy})
    for _ in range(2):
        state = single("boto3_sqs.present", "name=live", f"attributes={attributes}")
    assert state["changes"] or not state["result"]


def test_database_wants_its_password_as_an_argument() -> None:
    parameters = inspect.signature(boto3_rds.present).parameters
    assert parameters["master_user_password"].default is inspect.Parameter.empty


def test_load_balancers_are_not_known() -> None:
    states = {name for name, each in vars(boto3_elbv2).items() if inspect.isfunction(each)}
    assert "create_target_group" in states
    assert not [name for name in states if "balancer" in name or "listener" in name]


@pytest.mark.parametrize(
    ("function", "missing"),
    [
        (boto3_s3_bucket.present, "public access block"),
        (boto3_dynamodb.present, "billing mode"),
        (boto3_kms.key_present, "tags"),
        (boto3_ec2.key_present, "tags"),
        (boto3_iam_role.present, "tags"),
        (boto3_iam.policy_present, "tags"),
        (boto3_sqs.present, "tags"),
        (boto3_cloudwatch_alarm.present, "tags"),
        (boto3_cloudwatch_event.present, "tags"),
        (boto3_route53.hosted_zone_present, "tags"),
    ],
)
def test_options_that_are_missing(function: Callable[..., Any], missing: str) -> None:
    names = [name.lower().replace("_", "") for name in inspect.signature(function).parameters]
    assert not [name for name in names if missing.replace(" ", "") in name]
