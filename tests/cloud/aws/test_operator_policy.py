"""The operator's policy is what the states call: nothing is missing, nothing is too much."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import judged
import pytest
import test_drift
from aws_account import CHECKOUT, PARTS, Account

# IAM's actions for the calls of services whose protocol does not name them (aws_account.Recording).
S3 = {
    "DELETE": "DeleteBucket",
    "GET encryption": "GetEncryptionConfiguration",
    "GET lifecycle": "GetLifecycleConfiguration",
    "GET ownershipControls": "GetBucketOwnershipControls",
    "GET policy": "GetBucketPolicy",
    "GET prefix": "ListAllMyBuckets",
    "GET publicAccessBlock": "GetBucketPublicAccessBlock",
    "GET tagging": "GetBucketTagging",
    "GET versioning": "GetBucketVersioning",
    "GET versions": "ListBucketVersions",
    "HEAD": "ListBucket",
    "POST delete": "DeleteObjectVersion",
    "PUT": "CreateBucket",
    "PUT encryption": "PutEncryptionConfiguration",
    "PUT lifecycle": "PutLifecycleConfiguration",
    "PUT ownershipControls": "PutBucketOwnershipControls",
    "PUT policy": "PutBucketPolicy",
    "PUT publicAccessBlock": "PutBucketPublicAccessBlock",
    "PUT tagging": "PutBucketTagging",
    "PUT versioning": "PutBucketVersioning",
}
ROUTE53 = {
    "DELETE hostedzone": "DeleteHostedZone",
    "GET hostedzone": "GetHostedZone",
    "GET hostedzone rrset": "ListResourceRecordSets",
    "GET hostedzonesbyname": "ListHostedZonesByName",
    "GET tags hostedzone": "ListTagsForResource",
    "POST hostedzone": "CreateHostedZone",
    "POST hostedzone rrset": "ChangeResourceRecordSets",
    "POST tags hostedzone": "ChangeTagsForResource",
}
GUARDDUTY = {
    "DELETE detector ID": "DeleteDetector",
    "GET detector": "ListDetectors",
    "GET detector ID": "GetDetector",
    "POST detector": "CreateDetector",
    "POST detector ID": "UpdateDetector",
}
# Checked by IAM within other calls, so that no request names them: for tags at creation, for a role handed on
# (https://docs.aws.amazon.com/service-authorization/latest/reference/).
WITHIN_OTHERS = {
    "cloudtrail:AddTags",
    "cloudwatch:TagResource",
    "events:TagResource",
    "guardduty:TagResource",
    "logs:TagResource",
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "iam:TagInstanceProfile",
    "iam:TagRole",
    "kms:CreateGrant",
    "kms:TagResource",
    "rds:AddTagsToResource",
    "dynamodb:TagResource",
    "secretsmanager:TagResource",
    "sqs:TagQueue",
    "route53:AssociateVPCWithHostedZone",
}
# Only to mend what no drift of the tests below does; each is one call of one state.
OTHER_MENDING = {
    "cloudtrail:UpdateTrail",
    "guardduty:UpdateDetector",
    "dynamodb:UpdateTable",
    "iam:UpdateRole",
    "kms:EnableKey",
    "kms:PutKeyPolicy",
    "kms:UpdateKeyDescription",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RestoreSecret",
    "rds:ModifyDBInstance",
    "rds:ModifyDBSubnetGroup",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
    "sqs:SetQueueAttributes",
    "ec2:ReplaceRouteTableAssociation",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    "s3:DeleteObjectVersion",
}

# What parliament finds of them, answered in docs/aws/security.md.
ANSWERED = {"services": {"RESOURCE_POLICY_PRIVILEGE_ESCALATION"}}


def iam_action(recorded: str) -> str:
    service, _, call = recorded.partition(":")
    service = {"monitoring": "cloudwatch"}.get(
        service, service
    )  # what it signs with is not what IAM calls it
    named = {"s3": S3, "route53": ROUTE53, "guardduty": GUARDDUTY}.get(service, {})
    return f"{service}:{named.get(call, call)}"


@pytest.fixture(scope="module")
def called(whole: Account) -> set[str]:
    """What apply, mending every drift, and removal called."""
    actions: set[str] = set()
    whole.on_action.append(actions.add)
    whole.apply("aws")
    whole.on_action.clear()
    hand = test_drift.Hand(whole)
    for drift, _ in [*test_drift.DRIFTS, *test_drift.LOST_NAMES]:
        drift(hand)
    whole.on_action.append(actions.add)
    whole.apply("aws")
    whole.apply("aws.absent", 'pillar={"aws": {"delete_data": true}}')  # RDS always holds data
    whole.on_action.clear()
    return {iam_action(action) for action in actions} - {"sts:GetCallerIdentity"}  # always allowed


@pytest.fixture(scope="module")
def policies(whole: Account) -> dict[str, Any]:
    command = [Path(sys.executable).with_name("salt-call"), "-c", whole.home / "conf", "--out=json"]
    out = subprocess.run(
        [*command, "aws_fleet.operator_policies"],
        cwd=CHECKOUT,
        env=whole.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return json.loads(out)["local"]


def actions(policy: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in policy["Statement"]:
        listed = statement["Action"]
        found |= {listed} if isinstance(listed, str) else set(listed)
    return found


def test_nothing_is_missing_and_nothing_is_too_much(called: set[str], policies: dict[str, Any]) -> None:
    # Mutants: any action taken out of an operator*.yaml, or added there.
    assert PARTS
    allowed = set().union(*(actions(policy) for name, policy in policies.items() if name != "launch"))
    assert called - allowed == set()
    assert allowed - called - WITHIN_OTHERS == OTHER_MENDING


def test_parliament_finds_nothing(policies: dict[str, Any]) -> None:
    # Mutant: cloudwatch:DescribeAlarms among what LookAtAudit allows on '*'.
    for name, policy in policies.items():
        assert {finding.partition(" ")[0] for finding in judged.findings(policy)} <= ANSWERED.get(
            name, set()
        ), name


def test_each_is_short_enough(policies: dict[str, Any]) -> None:
    # Mutant: both files in one policy.
    for name, policy in policies.items():
        assert len(json.dumps(policy, separators=(",", ":"))) <= 6144, name
