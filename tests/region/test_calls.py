"""Which call a request is, for each protocol that AWS's services speak."""

import dataclasses
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest

from rehearsal.region.calls import Call, identify
from tests.region.local import request

CHANGE = {"Action": "DELETE", "ResourceRecordSet": {"Name": "a.saltwatch.internal", "Type": "A"}}


class _Sent(Exception):
    pass


def sent(service: str, operation: str, **parameters: Any) -> Call:
    """Return the call that botocore's own request for an operation is identified as."""
    seen: list[AWSPreparedRequest] = []

    def stop(request: AWSPreparedRequest, **_: Any) -> None:
        seen.append(request)
        raise _Sent

    client = boto3.client(service, "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    client.meta.events.register("before-send", stop)
    with pytest.raises(_Sent):
        getattr(client, operation)(**parameters)
    prepared = seen[0]
    host, _, target = prepared.url.removeprefix("https://").partition("/")
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
    }
    received = request(prepared.method, "/" + target, Host=host, **headers)
    body = prepared.body or b""
    content = body.read() if hasattr(body, "read") else body
    return identify(
        dataclasses.replace(received, body=content.encode() if isinstance(content, str) else content)
    )


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected", "mutating"),
    [
        ("ec2", "describe_vpcs", {}, Call("ec2", "DescribeVpcs", "eu-west-1"), False),
        ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"}, Call("ec2", "CreateVpc", "eu-west-1"), True),
        ("sts", "get_caller_identity", {}, Call("sts", "GetCallerIdentity", "eu-west-1"), False),
        ("iam", "create_user", {"UserName": "u"}, Call("iam", "CreateUser", "us-east-1"), True),
        ("sqs", "list_queues", {}, Call("sqs", "ListQueues", "eu-west-1"), False),
        (
            "dynamodb",
            "delete_table",
            {"TableName": "tasks"},
            Call("dynamodb", "DeleteTable", "eu-west-1"),
            True,
        ),
        (
            "route53",
            "change_resource_record_sets",
            {"HostedZoneId": "Z1", "ChangeBatch": {"Changes": [CHANGE]}},
            Call("route53", "ChangeResourceRecordSets", "us-east-1"),
            True,
        ),
        ("s3", "list_buckets", {}, Call("s3", "ListBuckets", "eu-west-1"), False),
        ("s3", "get_object", {"Bucket": "bucket", "Key": "a/b"}, Call("s3", "GetObject", "eu-west-1"), False),
        (
            "s3",
            "put_object",
            {"Bucket": "bucket", "Key": "a/b", "Body": b""},
            Call("s3", "PutObject", "eu-west-1"),
            True,
        ),
        ("guardduty", "list_detectors", {}, Call("guardduty", "ListDetectors", "eu-west-1"), False),
        (
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "n", "MetricData": []},
            Call("monitoring", "PutMetricData", "eu-west-1"),
            True,
        ),
    ],
)
def test_botocores_requests_are_identified(
    service: str, operation: str, parameters: dict[str, Any], expected: Call, mutating: bool
) -> None:
    """Mutants: the operation not looked for; MODEL_NAMES without CloudWatch."""
    call = sent(service, operation, **parameters)
    assert call == expected
    assert call.mutating is mutating


def test_an_unsigned_request_is_known_by_its_host_name() -> None:
    """Mutant: `_signed_for` without `_HOST`: AssumeRoleWithWebIdentity would be taken for S3."""
    target = "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
    call = identify(request("GET", target, Host="sts.eu-west-1.amazonaws.com"))
    assert call == Call("sts", "AssumeRoleWithWebIdentity", "eu-west-1")


def test_an_operation_that_nobody_knows_is_named_after_its_method() -> None:
    """Mutant: the router's exception not caught."""
    call = identify(request("GET", "/no/such/path?at=all", Host="guardduty.eu-west-1.amazonaws.com"))
    assert (call.service, call.action, call.mutating) == ("guardduty", "Get", False)
