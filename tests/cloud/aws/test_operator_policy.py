"""An operator's policies are what the states call; a deployment's, but for rights and removal."""

import json
import re
from typing import Any, NamedTuple

import judged
import pytest
import test_absent
import test_drift
from aws_account import Account

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
    "elasticloadbalancing:AddTags",
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "iam:TagInstanceProfile",
    "iam:TagOpenIDConnectProvider",
    "iam:TagPolicy",
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
    "elasticloadbalancing:DeleteRule",
    "elasticloadbalancing:DeregisterTargets",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:SetSecurityGroups",
    "elasticloadbalancing:SetSubnets",
    "guardduty:UpdateDetector",
    "dynamodb:UpdateTable",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicyVersion",
    "iam:UpdateRole",
    "kms:EnableKey",
    "kms:PutKeyPolicy",
    "kms:UpdateKeyDescription",
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


class Called(NamedTuple):
    """What was called by apply, with mending of every drift, and by removal."""

    applying: set[str]
    removing: set[str]


@pytest.fixture(scope="module")
def called(whole: Account) -> Called:
    applying: set[str] = set()
    removing: set[str] = set()
    whole.on_action.append(applying.add)
    whole.apply("aws")
    whole.on_action.clear()
    hand = test_drift.Hand(whole)
    for drift, _ in [*test_drift.DRIFTS, *test_drift.LOST_NAMES]:
        drift(hand)
    whole.on_action.append(applying.add)
    whole.apply("aws")
    whole.on_action.clear()
    test_absent.volume(whole, "saltwatch")
    whole.on_action.append(removing.add)
    whole.apply("aws.absent", 'pillar={"aws": {"delete_data": true}}')  # RDS always holds data
    whole.on_action.clear()
    allowed_to_all = {"sts:GetCallerIdentity"}
    return Called(*({iam_action(each) for each in part} - allowed_to_all for part in (applying, removing)))


def asked(account: Account, function: str) -> dict[str, Any]:
    """Return what a function answers the operator."""
    process = account.call(function=function)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)["local"]


@pytest.fixture(scope="module")
def policies(whole: Account) -> dict[str, Any]:
    return asked(whole, "aws_fleet.operator_policies")


def actions(policy: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in policy["Statement"]:
        listed = statement["Action"]
        found |= {listed} if isinstance(listed, str) else set(listed)
    return found


def test_nothing_is_missing_and_nothing_is_too_much(called: Called, policies: dict[str, Any]) -> None:
    # Mutants: any action taken out of an operator*.yaml, or added there.
    allowed = set().union(*(actions(policy) for name, policy in policies.items() if name != "launch"))
    every = called.applying | called.removing
    assert every - allowed == set()
    assert allowed - every - WITHIN_OTHERS == OTHER_MENDING


def test_a_deployment_may_apply_and_no_more(whole: Account, called: Called) -> None:
    # Mutants: any line of not-deployment.yaml taken out, or `ec2:Delete*` there.
    found = asked(whole, "aws_deployment.policies")
    allowed = set().union(*(actions(policy) for policy in found.values()))
    gives_rights = {each for each in called.applying if re.match("iam:(?!Get|List)", each)}
    assert called.applying - gives_rights - allowed == set()
    mending = OTHER_MENDING | {"events:RemoveTargets"}  # which removal calls as well
    assert allowed - called.applying - WITHIN_OTHERS - mending == set()


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
