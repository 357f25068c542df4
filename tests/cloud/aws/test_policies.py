"""What each role may do: judged by checkers of public repute, and against what this fleet promises."""

from fnmatch import fnmatchcase
from typing import Any

import jinja2
import judged
import pytest
import yaml
from aws_account import CHECKOUT, Account
from cloudsplaining.scan.policy_document import PolicyDocument
from judged import listed

Statement = dict[str, Any]


@pytest.fixture(scope="module")
def policies(account: Account) -> dict[str, dict[str, Any]]:
    """Every role's inline policies, merged, as AWS has them."""
    account.apply("aws.iam")
    return judged.of_roles(account.client("iam"))


def allowing(policy: dict[str, Any], action: str) -> list[Statement]:
    """Return the statements that allow an action on something."""
    return [
        statement
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
    ]


def test_parliament_finds_nothing(policies: dict[str, dict[str, Any]]) -> None:
    # Mutant: ec2:DescribeInstance in policies/master.yaml; or LaunchTagged on arn:aws:s3:::x.
    assert policies
    for role, policy in policies.items():
        assert judged.findings(policy) == set(), role


def test_cloudsplaining_finds_nothing(policies: dict[str, dict[str, Any]]) -> None:
    # Mutant: PassFleetRoles on '*'.
    for role, policy in policies.items():
        document = PolicyDocument(policy)
        assert document.allows_privilege_escalation == [], role
        assert document.permissions_management_without_constraints == [], role
        assert document.write_actions_without_constraints == [], role
        assert document.allows_data_exfiltration_actions == [], role
        assert document.service_wildcard == [], role


def test_control_node_launches_only_what_is_tagged(policies: dict[str, dict[str, Any]]) -> None:
    # Mutants: the Condition of LaunchTagged, LaunchHere or ChangeOwn left out.
    policy = policies["saltwatch-master"]
    for statement in allowing(policy, "ec2:RunInstances"):
        made = {"instance", "volume", "network-interface", "spot-instances-request"}
        kinds = {resource.split(":")[-1].split("/")[0] for resource in listed(statement["Resource"])}
        if kinds & made:
            assert statement["Condition"]["StringEquals"]["aws:RequestTag/Fleet"] == "saltwatch"
        elif kinds != {"image"}:
            assert statement["Condition"]["StringEquals"]["aws:ResourceTag/Fleet"] == "saltwatch"
    for action in ("TerminateInstances", "StopInstances", "DeleteVolume", "AttachVolume", "GetConsoleOutput"):
        (statement,) = allowing(policy, f"ec2:{action}")
        assert statement["Condition"]["StringEquals"]["aws:ResourceTag/Fleet"] == "saltwatch"


def test_nobody_can_make_something_the_fleets(policies: dict[str, dict[str, Any]]) -> None:
    # Mutant: TagOwn without aws:TagKeys, or TagAtLaunch without ec2:CreateAction.
    for policy in policies.values():
        for statement in allowing(policy, "ec2:CreateTags"):
            condition = statement["Condition"]
            assert "ec2:CreateAction" in condition["StringEquals"] or condition[
                "ForAllValues:StringNotEquals"
            ] == {"aws:TagKeys": ["Fleet"]}


def test_control_node_passes_only_fleet_roles_to_instances(policies: dict[str, dict[str, Any]]) -> None:
    # Mutant: PassFleetRoles without iam:PassedToService, or with its own role.
    (statement,) = allowing(policies["saltwatch-master"], "iam:PassRole")
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    roles = {resource.rpartition("/")[2] for resource in statement["Resource"]}
    assert {"saltwatch-app", "saltwatch-prometheus"} <= roles
    assert not any("*" in role or not role.startswith("saltwatch-") for role in roles)
    assert "saltwatch-master" not in roles


@pytest.mark.parametrize("roles", [["master"], ["app", "master"]])
def test_a_control_node_alone_has_a_policy(roles: list[str]) -> None:
    """AWS refuses a statement without a resource. Mutant: the condition around PassFleetRoles removed."""
    text = (CHECKOUT / "salt/aws/policies/master.yaml").read_text()
    known = {"account": "1", "fleet": "saltwatch", "region": "eu-west-1", "zone": "saltwatch.internal"}
    statements = yaml.safe_load(jinja2.Template(text).render(roles=roles, **known))
    assert all(statement["Resource"] for statement in statements)
    passing = [statement for statement in statements if statement["Action"] == "iam:PassRole"]
    assert len(passing) == len(roles) - 1


def test_only_the_control_node_changes_machines(policies: dict[str, dict[str, Any]]) -> None:
    # Mutant: ec2:TerminateInstances in policies/prometheus.yaml.
    for role, policy in policies.items():
        for action in ("ec2:RunInstances", "ec2:TerminateInstances", "iam:PassRole", "ec2:CreateTags"):
            assert bool(allowing(policy, action)) == (role == "saltwatch-master"), (role, action)


def test_control_node_writes_only_names_of_the_zone(policies: dict[str, dict[str, Any]]) -> None:
    # Mutant: NameHosts without the record names.
    (statement,) = allowing(policies["saltwatch-master"], "route53:ChangeResourceRecordSets")
    names = statement["Condition"]["ForAllValues:StringLike"]
    assert names == {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ["*.saltwatch.internal"]}


def test_each_store_reaches_its_own_bucket_and_key_only(policies: dict[str, dict[str, Any]]) -> None:
    # Mutants: bucket.yaml on arn:aws:s3:::*, or without its Condition.
    for component in ("loki", "tempo", "mimir"):
        name = f"saltwatch-dev-{component}-123456789012"
        policy = policies[f"saltwatch-{component}"]
        reached = {
            resource
            for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
            for statement in allowing(policy, action)
            for resource in listed(statement["Resource"])
        }
        assert reached == {f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"}
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            (statement,) = allowing(policy, action)
            assert statement["Condition"]["StringEquals"] == {
                "aws:ResourceTag/Name": f"saltwatch-dev-{component}",
                "kms:ViaService": "s3.eu-west-1.amazonaws.com",
            }
    holders = {role for role, policy in policies.items() if allowing(policy, "s3:GetObject")}
    assert holders == {"saltwatch-loki", "saltwatch-tempo", "saltwatch-mimir"}


def test_secrets_are_read_by_their_owners_only(policies: dict[str, dict[str, Any]]) -> None:
    # Mutant: `secret:*` in policies/app.yaml.
    readers = {
        role: listed(statement["Resource"])
        for role, policy in policies.items()
        for statement in allowing(policy, "secretsmanager:GetSecretValue")
    }
    secrets = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:saltwatch"
    assert readers == {
        "saltwatch-app": [f"{secrets}/app/*"],
        "saltwatch-database": [f"{secrets}/app/database-??????"],
        "saltwatch-grafana": [f"{secrets}/grafana/*"],
    }


def test_only_the_database_rotates_and_only_its_own_account(policies: dict[str, dict[str, Any]]) -> None:
    # Mutants: PutSecretValue in policies/app.yaml; `secret:{{ fleet }}/*` in policies/database.yaml.
    writers = {
        role: listed(statement["Resource"])
        for role, policy in policies.items()
        for action in ("PutSecretValue", "UpdateSecretVersionStage", "DeleteSecret", "UpdateSecret")
        for statement in allowing(policy, f"secretsmanager:{action}")
    }
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:saltwatch/app/database-??????"
    assert writers == {"saltwatch-database": [secret]}
