"""Policies as AWS has them, and as parliament judges them."""

import json
import warnings
from fnmatch import fnmatchcase
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament uses pkg_resources
    import parliament

Policy = dict[str, Any]

# What they take is a thing of one kind or of another, while parliament wants both.
ALTERNATIVES = {
    "elasticloadbalancing:DeleteRule",
    "elasticloadbalancing:ModifyListener",
    "route53:ChangeTagsForResource",
}


def of_roles(iam: Any) -> dict[str, Policy]:
    """Return every role's inline policies as one, as AWS has them; of roles that have some."""
    found: dict[str, Policy] = {}
    for role in (each["RoleName"] for each in iam.list_roles()["Roles"]):
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            found.setdefault(role, {"Version": document["Version"], "Statement": []})
            found[role]["Statement"] += document["Statement"]
    return found


def findings(policy: Policy) -> set[str]:
    """Return what is found above low, as ``ISSUE detail``.

    parliament judges statements one by one. A call that needs several resources may have them from several
    statements: what it then misses in one is no finding if another has it.
    """
    found = set()
    for finding in parliament.analyze_policy_string(json.dumps(policy)).findings:
        severity = parliament.enhance_finding(finding).severity
        if severity in ("LOW", "MUTE") or _elsewhere(policy, finding):
            continue
        found.add(f"{finding.issue} {finding.detail}")
    return found


def listed(value: str | list[str]) -> list[str]:
    """Return what IAM lets be one or a list as a list."""
    return [value] if isinstance(value, str) else value


def resources(policy: Policy, action: str) -> list[str]:
    """Return what a policy allows an action on."""
    return [
        resource
        for statement in listed_statements(policy)
        if statement["Effect"] == "Allow"
        and any(fnmatchcase(action.lower(), each.lower()) for each in listed(statement["Action"]))
        for resource in listed(statement["Resource"])
    ]


def listed_statements(policy: Policy) -> list[dict[str, Any]]:
    """Return a policy's statements, of which there may be one."""
    statements = policy["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _elsewhere(policy: Policy, finding: Any) -> bool:
    if finding.issue != "RESOURCE_MISMATCH":
        return False
    return all(
        each["action"] in ALTERNATIVES
        or any(_overlap(each["required_format"], resource) for resource in resources(policy, each["action"]))
        for each in finding.detail
    )


def _overlap(form: str, resource: str) -> bool:
    """Return whether a resource is of a form; each may have wildcards, as ``instance/*`` and ``*/*``."""
    ours, theirs = resource.rpartition(":")[2], form.rpartition(":")[2]
    same = resource.split(":")[2] == form.split(":")[2]
    return same and (fnmatchcase(ours, theirs) or fnmatchcase(theirs, ours))
