"""IAM as the region enforces it: a host's calls, against the policies of its role."""

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.region import aws
from rehearsal.region.calls import Call
from rehearsal.region.http import Request, Response
from rehearsal.region.policies import Demand, allowed
from tests.region.local import DEBIAN, LocalRegion

HOST = ("10.0.0.9", 40000)
EC2 = "arn:aws:ec2:eu-west-1:123456789012:"
OWN = {"StringEquals": {"aws:ResourceTag/Fleet": "f"}}
TAGGED = {"StringEquals": {"aws:RequestTag/Fleet": "f"}}


def allow(action: str | list[str], resource: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


class Host:
    """Calls of a host with a role, whose policy is what a test says."""

    def __init__(self, region: LocalRegion) -> None:
        self._region = region
        self._iam = region.client("iam")
        self._iam.create_role(RoleName="f-app", AssumeRolePolicyDocument="{}")
        arn = "arn:aws:iam::123456789012:role/f-app"
        answer = region.client("sts").assume_role(RoleArn=arn, RoleSessionName="i-1")
        self.key, self.token = (answer["Credentials"][key] for key in ("AccessKeyId", "SessionToken"))

    def may(self, *statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self._iam.put_role_policy(RoleName="f-app", PolicyName="f", PolicyDocument=document)

    def client(self, service: str) -> Any:
        def perform(_call: Call, request: Request) -> Response:
            headers = copy.deepcopy(request.headers)
            signed = headers["Authorization"].replace("Credential=region/", f"Credential={self.key}/")
            headers.replace_header("Authorization", signed)
            headers["X-Amz-Security-Token"] = self.token
            return self._region.server.api(dataclasses.replace(request, peer=HOST, headers=headers))

        return aws.client(service, self._region.settings.region, perform)


@pytest.fixture
def host(region: LocalRegion) -> Host:
    return Host(region)


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return str(error.value.response["Error"]["Code"])


def test_a_role_reads_its_own_secret_only(region: LocalRegion, host: Host) -> None:
    """Mutants: `Permissions.refusal` not asked; the resource not compared; a missing secret told of."""
    for name in ("f/app/database", "f/grafana/admin"):
        region.client("secretsmanager").create_secret(Name=name, SecretString="x")
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:f/app/*"
    host.may(allow("secretsmanager:GetSecretValue", arn))
    manager = host.client("secretsmanager")
    assert manager.get_secret_value(SecretId="f/app/database")["SecretString"] == "x"
    for other in ("f/grafana/admin", "f/none"):
        assert refused(manager.get_secret_value, SecretId=other) == "AccessDeniedException"
    assert refused(manager.put_secret_value, SecretId="f/app/database", SecretString="y") == (
        "AccessDeniedException"
    )


def test_a_role_uses_its_own_queue_and_table_only(region: LocalRegion, host: Host) -> None:
    """Mutants: a batch not taken for its single action; an index taken for its table."""
    own, other = (
        region.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("f-messages", "f-other")
    )
    host.may(
        allow(["sqs:SendMessage", "sqs:GetQueueUrl"], "arn:aws:sqs:eu-west-1:123456789012:f-messages"),
        allow("dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:123456789012:table/f-data"),
        allow("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:123456789012:table/f-data/index/by-time"),
    )
    sqs, dynamodb = host.client("sqs"), host.client("dynamodb")
    assert sqs.get_queue_url(QueueName="f-messages")["QueueUrl"] == own
    sqs.send_message(QueueUrl=own, MessageBody="x")
    sqs.send_message_batch(QueueUrl=own, Entries=[{"Id": "1", "MessageBody": "x"}])
    assert refused(sqs.send_message, QueueUrl=other, MessageBody="x").startswith("AccessDenied")
    assert refused(sqs.receive_message, QueueUrl=own).startswith("AccessDenied")
    item = {"id": {"S": "1"}}
    assert refused(dynamodb.put_item, TableName="f-data", Item=item) == "ResourceNotFoundException"
    assert refused(dynamodb.put_item, TableName="f-other", Item=item) == "AccessDeniedException"
    query = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "1"}}}
    assert refused(dynamodb.query, TableName="f-data", **query) == "AccessDeniedException"
    indexed = refused(dynamodb.query, TableName="f-data", IndexName="by-time", **query)
    assert indexed == "ResourceNotFoundException"


def test_a_role_uses_its_own_bucket_only(region: LocalRegion, host: Host) -> None:
    """Mutants: the bucket taken from the path only; HeadObject not taken for GetObject."""
    for name in ("f-loki", "f-tempo"):
        region.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
    host.may(
        allow("s3:ListBucket", "arn:aws:s3:::f-loki"),
        allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::f-loki/*"),
    )
    s3 = host.client("s3")
    s3.put_object(Bucket="f-loki", Key="a/b c", Body=b"x")
    assert s3.head_object(Bucket="f-loki", Key="a/b c")["ContentLength"] == 1
    assert s3.list_objects_v2(Bucket="f-loki")["KeyCount"] == 1
    assert refused(s3.put_object, Bucket="f-tempo", Key="a", Body=b"x") == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket="f-tempo") == "AccessDenied"
    assert refused(s3.delete_object, Bucket="f-loki", Key="a/b c") == "AccessDenied"
    assert refused(s3.list_buckets) == "AccessDenied"


def test_a_bucket_that_wants_tls_has_it(region: LocalRegion, host: Host) -> None:
    """Loki's first write was refused. Mutants: `buckets.install` left out; conditions not looked at."""
    s3 = region.client("s3")
    s3.create_bucket(Bucket="f-loki", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    arn = "arn:aws:s3:::f-loki/*"

    def deny(action: str, **condition: Any) -> dict[str, Any]:
        return {**allow(action, arn, **condition), "Effect": "Deny", "Principal": "*"}

    def policy(*statements: dict[str, Any]) -> None:
        s3.put_bucket_policy(Bucket="f-loki", Policy=json.dumps({"Statement": list(statements)}))

    host.may(allow("s3:*", arn))
    policy(deny("s3:*", Bool={"aws:SecureTransport": "false"}))
    host.client("s3").put_object(Bucket="f-loki", Key="a", Body=b"x")
    assert host.client("s3").get_object(Bucket="f-loki", Key="a")["Body"].read() == b"x"
    policy(deny("s3:GetObject"))
    assert refused(host.client("s3").get_object, Bucket="f-loki", Key="a") in ("403", "AccessDenied")


# What a launch needs, in the order of `Demands._launch`; and the end of what it made.
LAUNCH = [
    allow(
        "ec2:RunInstances",
        [f"{EC2}{kind}/*" for kind in ("instance", "volume", "network-interface")],
        **TAGGED,
    ),
    allow("ec2:RunInstances", "arn:aws:ec2:eu-west-1::image/*"),
    allow("ec2:RunInstances", f"{EC2}subnet/*", **OWN),
    allow(
        "ec2:CreateTags",
        f"{EC2}*/*",
        StringEquals={"aws:RequestTag/Fleet": "f", "ec2:CreateAction": ["RunInstances"]},
    ),
    allow(
        "iam:PassRole",
        "arn:aws:iam::123456789012:role/f-app",
        StringEquals={"iam:PassedToService": "ec2.amazonaws.com"},
    ),
]
TERMINATE = allow("ec2:TerminateInstances", f"{EC2}instance/*", **OWN)


@pytest.fixture
def launcher(region: LocalRegion, host: Host, subnet: str) -> dict[str, Any]:
    """Arguments of a launch that the host's policy permits."""
    host.may(*LAUNCH, TERMINATE)
    iam = region.client("iam")
    for role in ("f-app", "f-admin"):
        iam.create_instance_profile(InstanceProfileName=role)
    iam.create_role(RoleName="f-admin", AssumeRolePolicyDocument="{}")
    for role in ("f-app", "f-admin"):
        iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
    region.client("ec2").create_tags(Resources=[subnet], Tags=[{"Key": "Fleet", "Value": "f"}])
    tags = [
        {"ResourceType": kind, "Tags": [{"Key": "Fleet", "Value": "f"}]}
        for kind in ("instance", "volume", "network-interface")
    ]
    return {
        "ImageId": DEBIAN,
        "InstanceType": "t3.micro",
        "SubnetId": subnet,
        "MinCount": 1,
        "MaxCount": 1,
        "TagSpecifications": tags,
        "IamInstanceProfile": {"Name": "f-app"},
    }


def test_only_what_is_tagged_is_launched(region: LocalRegion, host: Host, launcher: dict[str, Any]) -> None:
    """Mutants: any one demand of `_launch` left out."""
    ec2 = host.client("ec2")
    (instance,) = ec2.run_instances(**launcher)["Instances"]
    for number in range(3):
        fewer = [each for place, each in enumerate(launcher["TagSpecifications"]) if place != number]
        assert (
            refused(ec2.run_instances, **launcher | {"TagSpecifications": fewer}) == "UnauthorizedOperation"
        )
    profile = {"IamInstanceProfile": {"Name": "f-admin"}}
    assert refused(ec2.run_instances, **launcher | profile) == "UnauthorizedOperation"
    subnet = {"Resources": [launcher["SubnetId"]], "Tags": [{"Key": "Fleet", "Value": "f"}]}
    region.client("ec2").delete_tags(**subnet)
    assert refused(ec2.run_instances, **launcher) == "UnauthorizedOperation"
    region.client("ec2").create_tags(**subnet)
    for statement in LAUNCH:
        host.may(*(each for each in LAUNCH if each is not statement))
        assert refused(ec2.run_instances, **launcher) == "UnauthorizedOperation", statement
    host.may(TERMINATE)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_a_machine_of_another_fleet_is_left_alone(
    region: LocalRegion, host: Host, launcher: dict[str, Any], launch: Any
) -> None:
    """Mutant: the tags that a call sets taken for those that the machine has."""
    other = launch()["InstanceId"]
    host.may(TERMINATE, allow("ec2:CreateTags", f"{EC2}instance/*", **OWN))
    ec2 = host.client("ec2")
    assert refused(ec2.terminate_instances, InstanceIds=[other]) == "UnauthorizedOperation"
    assert refused(ec2.describe_instances) == "UnauthorizedOperation"
    tags = [{"Key": "Fleet", "Value": "f"}]
    assert refused(ec2.create_tags, Resources=[other], Tags=tags) == "UnauthorizedOperation"


def test_records_of_the_zone_only_are_written(region: LocalRegion, host: Host) -> None:
    """Mutant: the names of records not in the context."""
    zone = region.client("route53").create_hosted_zone(Name="f.internal", CallerReference="1")["HostedZone"]
    name = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    condition = {"ForAllValues:StringLike": {name: ["*.f.internal"]}}
    host.may(allow("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/*", **condition))
    route53 = host.client("route53")

    def change(record: str) -> dict[str, Any]:
        values = {"Name": record, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}
        return {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": values}]}

    route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch=change("A.f.internal."))
    arguments = {"HostedZoneId": zone["Id"], "ChangeBatch": change("f.internal.")}
    assert refused(route53.change_resource_record_sets, **arguments) == "AccessDenied"


def test_credentials_are_those_of_the_metadata_service(region: LocalRegion, host: Host) -> None:
    """Mutants: the session token not compared; unknown keys of a host let through."""
    assert host.client("sts").get_caller_identity()["Arn"].endswith("assumed-role/f-app/i-1")
    assert refused(host.client("sts").get_access_key_info, AccessKeyId=host.key) == "AccessDenied"
    host.token = "another"
    assert refused(host.client("sts").get_caller_identity) == "InvalidClientTokenId"
    host.key = "AKIAOPERATOR"
    assert refused(host.client("ec2").describe_instances) == "AuthFailure"
    assert region.client("ec2").describe_instances()["Reservations"] == []  # the operator's


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"k": "a"}}, {"k": ["a"]}, True),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": ["b"]}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"ForAllValues:StringNotEquals": {"k": ["a"]}}, {"k": ["b", "a"]}, False),
        ({"ForAllValues:StringLike": {"k": ["*.z"]}}, {"k": ["a.z", "b.z"]}, True),
        ({"ForAllValues:StringLike": {"k": ["*.z"]}}, {"k": ["a.z", "z"]}, False),
        ({"ForAllValues:StringLike": {"k": ["*.z"]}}, {}, True),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, list[str]], expected: bool) -> None:
    """Mutants: a missing key taken for a match; any() in place of all()."""
    document = {"Statement": [allow("a:B", "*", **condition)]}
    assert allowed([document], Demand("a:B", "*", context)) is expected


def test_a_condition_that_the_region_does_not_know_is_told(host: Host) -> None:
    """Mutant: the error not caught: `internal error`, which names neither role nor operator."""
    host.may(allow("sqs:ListQueues", IpAddress={"aws:SourceIp": "10.0.0.0/8"}))
    with pytest.raises(
        ClientError, match=r"policies of role f-app: .*IpAddress: expected Bool, StringEquals"
    ):
        host.client("sqs").list_queues()


def test_a_denial_wins_and_patterns_are_not_expressions() -> None:
    """Mutants: Deny not looked at; `.` of a pattern matching anything; actions compared by case."""
    yes = {"Statement": allow("A:*", "arn:x.y/?*")}
    assert allowed([yes], Demand("a:b", "arn:x.y/ab", {}))
    assert not allowed([yes], Demand("a:b", "arn:xzy/ab", {}))
    assert not allowed([yes], Demand("a:b", "arn:x.y/", {}))
    no = {"Statement": {**allow("a:b"), "Effect": "Deny"}}
    assert not allowed([yes, no], Demand("a:b", "arn:x.y/ab", {}))
    assert not allowed([], Demand("a:b", "*", {}))
