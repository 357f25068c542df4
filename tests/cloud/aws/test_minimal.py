"""Each role may do what its component calls, and nothing else: without any one action a call fails.

What a component calls is read from its code where that is ours, and named here, with its source, where it is
not. moto's own evaluator of policies says whether a call is allowed (`moto.iam.access_control`): actions and
resources. It is given no conditions, since it knows none of their keys; `test_policies` has those. What the
operator and a deployment call is recorded: `test_operator_policy`.
"""

import ast
import json
from typing import Any, NamedTuple

import boto3
import pytest
from aws_account import CHECKOUT, REGION, Account
from judged import listed, of_roles
from moto.iam.access_control import IAMPolicy, PermissionResult

OWNER = "123456789012"
HERE = f"{REGION}:{OWNER}"
# boto3's clients call by these names what IAM calls otherwise.
AS_IAM = {"sqs:DeleteMessageBatch": "sqs:DeleteMessage"}


class Call(NamedTuple):
    """A call that a component makes."""

    action: str
    resource: str
    why: str


def store(component: str) -> list[Call]:
    """Return what Loki, Tempo and Mimir need of their object storage, by their documentation.

    Sources: https://grafana.com/docs/loki/latest/operations/storage/,
    https://grafana.com/docs/tempo/latest/configuration/hosted-storage/s3/
    """
    bucket = f"arn:aws:s3:::saltwatch-dev-{component}-{OWNER}"
    key = f"arn:aws:kms:{HERE}:key/1"
    return [
        Call("s3:ListBucket", bucket, "list blocks or chunks"),
        Call("s3:GetObject", f"{bucket}/block", "read one"),
        Call("s3:PutObject", f"{bucket}/block", "write one"),
        Call("s3:DeleteObject", f"{bucket}/block", "compact and expire"),
        Call("kms:Decrypt", key, "S3, to read an object"),
        Call("kms:GenerateDataKey", key, "S3, to write an object"),
    ]


def words(*places: str) -> set[str]:
    """Return the names and texts of the Python files there, those of their AWS calls among them."""
    found: set[str] = set()
    for place in places:
        root = CHECKOUT / place
        for path in [root] if root.is_file() else root.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    found.add(node.attr)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return found


def called(service: str, *places: str) -> set[str]:
    """Return the actions of a service that code names, by boto3's method or by the API's own name."""
    names = boto3.client(service, region_name=REGION).meta.method_to_api_mapping
    found = words(*places)
    actions = {f"{service}:{api}" for method, api in names.items() if {method, api} & found}
    return {AS_IAM.get(action, action) for action in actions}


# What of ours each call is on. The application's code has the words CreateTable and Query elsewhere.
OURS = {
    "sqs": f"arn:aws:sqs:{HERE}:saltwatch-messages",
    "dynamodb": f"arn:aws:dynamodb:{HERE}:table/saltwatch-data",
    "route53": "arn:aws:route53:::hostedzone/Z1",
}
NOT_AWS = {"dynamodb:CreateTable", "dynamodb:Query"}
# What the driver can do beside launching, for which the control node has no rights: docs/driver/options.md.
NOT_GIVEN = {
    f"ec2:{api}"
    for api in (
        "AllocateAddress",
        "AssociateAddress",
        "CancelSpotInstanceRequests",
        "CopySnapshot",
        "CreateKeyPair",
        "CreateSnapshot",
        "DeleteSnapshot",
        "DisassociateAddress",
        "GetPasswordData",
        "ModifyNetworkInterfaceAttribute",
        "MonitorInstances",
        "RegisterImage",
        "ReleaseAddress",
        "UnmonitorInstances",
    )
}


# What saltext-boto3's `boto3_vpc` asks for `aws.security_groups test=True`, by which control_node.aws_drift
# compares the network: its functions `describe_*` of utils and modules.
COMPARED = (
    "DescribeInternetGateways",
    "DescribeNatGateways",
    "DescribeRouteTables",
    "DescribeVpcAttribute",
    "DescribeVpcEndpoints",
)


def of_app() -> list[Call]:
    code = {
        action for service in ("sqs", "dynamodb") for action in called(service, "app/src/saltwatch_app")
    } - NOT_AWS
    calls = [Call(action, OURS[action.partition(":")[0]], "its code") for action in sorted(code)]
    secret = f"arn:aws:secretsmanager:{HERE}:secret:saltwatch/app/database-abcdef"
    return [*calls, Call("secretsmanager:GetSecretValue", secret, "its database's password")]


def of_database() -> list[Call]:
    """Return what reading and rotating the application's password calls."""
    secret = f"arn:aws:secretsmanager:{HERE}:secret:saltwatch/app/database-abcdef"
    return [
        Call(action, "*" if action.endswith("GetRandomPassword") else secret, "salt/_modules/aws_secret.py")
        for action in sorted(called("secretsmanager", "salt/_modules/aws_secret.py"))
    ]


def of_master() -> list[Call]:
    """Return what the driver calls, salt-cloud on the control node, and what the report of drift asks."""
    actions = sorted(called("ec2", "salt/_clouds") - NOT_GIVEN)
    calls = [Call(action, _launched(action.partition(":")[2]), "salt/_clouds") for action in actions]
    zone = [Call(action, OURS["route53"], "hosts' names") for action in called("route53", "salt/_clouds")]
    role = Call("iam:PassRole", f"arn:aws:iam::{OWNER}:role/saltwatch-app", "RunInstances with a profile")
    drift = [Call(f"ec2:{api}", "*", "salt/_modules/control_node.py") for api in COMPARED]
    return [*calls, *zone, role, *drift]


def _launched(api: str) -> str:
    """Return what a call of EC2 is on."""
    if api.startswith("Describe") and api != "DescribeInstanceAttribute":
        return "*"
    if "KeyPair" in api:
        return f"arn:aws:ec2:{HERE}:key-pair/saltwatch-fleet"
    return f"arn:aws:ec2:{HERE}:{'volume/vol-1' if 'Volume' in api else 'instance/i-1'}"


def of_prometheus() -> list[Call]:
    """Return its service discovery's calls, and those of salt/aws_alarms.

    Source: https://prometheus.io/docs/prometheus/2.53/configuration/configuration/#ec2_sd_config
    """
    alarms = [
        Call(action, f"arn:aws:cloudwatch:{HERE}:alarm:*", "salt/aws_alarms")
        for action in called("cloudwatch", "salt/aws_alarms/files")
    ]
    return [
        *alarms,
        Call("ec2:DescribeInstances", "*", "ec2_sd_config"),
        Call("ec2:DescribeAvailabilityZones", "*", "ec2_sd_config, for zones' ids"),
    ]


def of_grafana() -> list[Call]:
    """Return its CloudWatch data source's calls for metrics.

    Source: https://grafana.com/docs/grafana/latest/datasources/aws-cloudwatch/configure/
    """
    secret = f"arn:aws:secretsmanager:{HERE}:secret:saltwatch/grafana/admin-abcdef"
    return [
        Call("secretsmanager:GetSecretValue", secret, "its administrator's password"),
        Call("cloudwatch:ListMetrics", "*", "choose a metric"),
        Call("cloudwatch:GetMetricData", "*", "draw a metric"),
        Call("cloudwatch:DescribeAlarmsForMetric", "*", "annotate with alarms"),
        Call("ec2:DescribeRegions", "*", "choose a region"),
        Call("tag:GetResources", "*", "dimensions by tags"),
    ]


CALLS = {
    "app": of_app,
    "database": of_database,
    "grafana": of_grafana,
    "loki": lambda: store("loki"),
    "master": of_master,
    "mimir": lambda: store("mimir"),
    "prometheus": of_prometheus,
    "tempo": lambda: store("tempo"),
}


@pytest.fixture(scope="module")
def policies(account: Account) -> dict[str, list[dict[str, Any]]]:
    """Return the statements of each role's policies, as AWS has them."""
    account.apply("aws.iam")
    found = of_roles(account.client("iam"))
    return {role.removeprefix("saltwatch-"): policy["Statement"] for role, policy in found.items()}


def permitted(statements: list[dict[str, Any]], call: Call, without: str = "") -> bool:
    left = [
        {
            "Effect": statement["Effect"],
            "Action": [each for each in listed(statement["Action"]) if each != without],
            # moto's evaluator has no `?`, the six characters that end a secret's ARN.
            "Resource": [each.replace("??????", "*") for each in listed(statement["Resource"])],
        }
        for statement in statements
    ]
    policy = IAMPolicy(json.dumps({"Version": "2012-10-17", "Statement": left}))
    return policy.is_action_permitted(call.action, call.resource) == PermissionResult.PERMITTED


def test_every_role_with_rights_is_looked_at(policies: dict[str, list[dict[str, Any]]]) -> None:
    """Mutant: a policy alertmanager.yaml."""
    assert set(policies) == set(CALLS)


@pytest.mark.parametrize("role", CALLS)
def test_what_it_calls_is_allowed(policies: dict[str, list[dict[str, Any]]], role: str) -> None:
    """Mutants: any action or resource taken out of a policy; a call to DynamoDB's Scan in the application."""
    calls = CALLS[role]()
    assert calls
    refused = {call.action for call in calls} - {
        call.action for call in calls if permitted(policies[role], call)
    }
    assert refused == set()


@pytest.mark.parametrize("role", CALLS)
def test_without_any_one_action_a_call_fails(policies: dict[str, list[dict[str, Any]]], role: str) -> None:
    """Mutants: dynamodb:Scan in policies/app.yaml; ec2:CreateSnapshot in master.yaml; s3:PutObjectAcl."""
    calls = [call for call in CALLS[role]() if permitted(policies[role], call)]
    for statement in policies[role]:
        for action in listed(statement["Action"]):
            failed = [call for call in calls if not permitted(policies[role], call, without=action)]
            assert failed, f"{action} is for no call"


@pytest.mark.parametrize("role", CALLS)
def test_nothing_of_anothers_is_allowed(policies: dict[str, list[dict[str, Any]]], role: str) -> None:
    """Mutants: `*` for the application's queue; `saltwatch-*` for a store's bucket."""
    neighbours = {"loki": "tempo", "tempo": "mimir", "mimir": "loki"}
    for call in CALLS[role]():
        for ours, theirs in (("saltwatch", "other"), (f"-{role}-", f"-{neighbours.get(role)}-")):
            if ours in call.resource:
                foreign = call._replace(resource=call.resource.replace(ours, theirs))
                assert not permitted(policies[role], foreign), foreign
