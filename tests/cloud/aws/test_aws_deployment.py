"""The role under which GitHub Actions deploys: who may assume it, what it may, its drift and removal."""

import json
from collections.abc import Iterator
from typing import Any

import judged
import pytest
from aws_account import DEPLOYMENT, Account, States, changed, empty_account

OWNER = "123456789012"
HOST = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{OWNER}:oidc-provider/{HOST}"
ROLE = "saltwatch-deployment"
ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with empty_account(tmp_path_factory.mktemp("operator"), deployment=DEPLOYMENT) as made:
        yield made


@pytest.fixture(scope="module")
def applied(account: Account) -> States:
    predicted = account.apply("aws.deployment", "test=True")
    assert account.client("iam").list_roles()["Roles"] == [], "test=True wrote something"
    states = account.apply("aws.deployment")
    assert changed(predicted) == changed(states)
    assert set(changed(states)) == set(states)
    return states


@pytest.fixture
def iam(account: Account, applied: States) -> Any:
    return account.client("iam")


def documents(iam: Any) -> dict[str, dict[str, Any]]:
    """Return what the role may, by policy."""
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == []
    found = {}
    for policy in iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found[policy["PolicyName"]] = iam.get_policy_version(PolicyArn=arn, VersionId=version)[
            "PolicyVersion"
        ]["Document"]
    return found


def actions(iam: Any) -> set[str]:
    statements = [each for document in documents(iam).values() for each in document["Statement"]]
    return {action for statement in statements for action in statement["Action"]}


def replaced(iam: Any, audiences: list[str], tags: list[dict[str, str]]) -> None:
    """Replace the provider, since moto cannot change its audiences."""
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=audiences, Tags=tags)


def subject(iam: Any) -> str:
    """Return whom the role's trust admits, once everything else about it is right."""
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    statement = trust["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
    assert statement["Principal"] == {"Federated": PROVIDER}
    (operator, exactly), *more = statement["Condition"].items()
    assert (operator, more) == ("StringEquals", []), "a pattern admits more than one"
    assert set(exactly) == {f"{HOST}:aud", f"{HOST}:sub"}
    assert exactly[f"{HOST}:aud"] == "sts.amazonaws.com"
    return exactly[f"{HOST}:sub"]


def test_only_one_environment_of_one_repository_may_assume_it(iam: Any) -> None:
    """Mutants: StringLike in trust(); without its sub or aud; `repo:owner/*`."""
    assert subject(iam) == "repo:example/saltwatch:environment:production"
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    assert (provider["Url"], provider["ClientIDList"]) == (HOST, ["sts.amazonaws.com"])


def test_it_gives_nobody_rights_and_removes_nothing(iam: Any) -> None:
    """Mutants: any line taken out of not-deployment.yaml."""
    may = actions(iam)
    assert {"ec2:CreateSubnet", "s3:PutBucketPolicy", "elasticloadbalancing:CreateListener"} <= may
    assert {action for action in may if action.startswith("iam:")} <= {
        f"iam:{reads}"
        for reads in (
            "GetInstanceProfile",
            "GetOpenIDConnectProvider",
            "GetPolicy",
            "GetPolicyVersion",
            "GetRole",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
            "ListRolePolicies",
        )
    }
    # What it may delete is what mending a rule, a route, a key pair, a listener or an event's target takes.
    removing = ("Delete", "Terminate", "Schedule", "Release", "Detach")
    assert {action for action in may if action.partition(":")[2].startswith(removing)} == {
        "ec2:DeleteKeyPair",
        "ec2:DeleteRoute",
        "elasticloadbalancing:DeleteRule",
    }
    assert not {"ec2:RunInstances", "iam:PassRole", "secretsmanager:UpdateSecretVersionStage"} & may
    assert not [action for action in may if "*" in action]


def test_each_policy_is_sound_and_short_enough(iam: Any) -> None:
    """Mutant: ec2:DescribeVpc in operator.yaml."""
    found = documents(iam)
    assert len(found) <= 10
    for name, document in found.items():
        text = json.dumps(document, separators=(",", ":"))
        assert len(text) <= 6144, name
        answered = {"RESOURCE_POLICY_PRIVILEGE_ESCALATION"} if name.endswith("services") else set()
        assert {finding.partition(" ")[0] for finding in judged.findings(document)} <= answered, name


def test_drift_is_shown_and_mended(account: Account, iam: Any) -> None:
    """Mutants: role_present without `attached`; `_delete_old_versions` of nothing."""
    foundation = f"arn:aws:iam::{OWNER}:policy/{ROLE}-foundation"
    for _ in range(4):  # with the first as many versions as AWS takes
        iam.create_policy_version(
            PolicyArn=foundation, PolicyDocument=json.dumps(ANYTHING), SetAsDefault=True
        )
    anything = iam.create_policy(PolicyName="anything", PolicyDocument=json.dumps(ANYTHING))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=anything)
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=f"arn:aws:iam::{OWNER}:policy/{ROLE}-audit")
    tags = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)["Tags"]
    replaced(iam, ["elsewhere", "sts.amazonaws.com"], tags)
    account.pillar(deployment={"repository": "example/saltwatch", "branch": "main"})
    predicted, states = (account.apply("aws.deployment", *more) for more in (["test=True"], []))
    assert changed(predicted) == changed(states)
    assert {state_id: set(shown["new"]) for state_id, shown in changed(states).items()} == {
        f"aws-policy-{ROLE}-foundation": {"document"},
        "aws-role-deployment": {"attached", "trust"},
        "aws-deployment-provider": {"audiences"},
    }
    assert subject(iam) == "repo:example/saltwatch:ref:refs/heads/main"
    account.pillar(deployment=DEPLOYMENT)
    assert set(changed(account.apply("aws.deployment"))) == {"aws-role-deployment"}
    assert changed(account.apply("aws.deployment")) == {}
    test_only_one_environment_of_one_repository_may_assume_it(iam)
    test_it_gives_nobody_rights_and_removes_nothing(iam)


def test_somebody_elses_provider_serves_and_stays(account: Account, iam: Any) -> None:
    """Mutants: `present` that takes any provider for ours; `absent` without tags."""
    removed = account.apply("aws.absent")
    gone = {"aws-absent-policies", "aws-absent-provider", "aws-absent-roles"}
    assert gone <= set(changed(removed))
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert [each["PolicyName"] for each in iam.list_policies(Scope="Local")["Policies"]] == ["anything"]
    iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["theirs"])
    state = account.apply("aws.deployment", fails=True)["aws-deployment-provider"]
    assert (state["result"], state["changes"]) == (False, {})
    assert "does not take tokens for sts.amazonaws.com" in state["comment"]
    replaced(iam, ["theirs", "sts.amazonaws.com"], [])
    assert "aws-deployment-provider" not in changed(account.apply("aws.deployment"))
    account.apply("aws.absent")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    assert set(provider["ClientIDList"]) == {"theirs", "sts.amazonaws.com"}
