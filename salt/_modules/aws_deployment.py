"""The role under which GitHub Actions deploys: who may assume it, and what it may."""

from fnmatch import fnmatchcase
from typing import Any

__virtualname__ = "aws_deployment"

PROVIDER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


def provider() -> dict[str, Any]:
    """Return the ``name`` of GitHub's identity provider and the ``audience`` that its tokens are for."""
    return {"name": PROVIDER, "audience": AUDIENCE}


def trust() -> dict[str, Any]:
    """Return the policy that admits jobs of one environment or branch of one repository, and nobody else.

    Source of the subject:
    https://docs.github.com/en/actions/reference/security/oidc
    """
    wanted = __pillar__["aws"]["deployment"]
    owner = __salt__["aws_fleet.account"](__pillar__["aws"]["region"])
    where = f"environment:{wanted['environment']}" if "environment" in wanted else _branch(wanted["branch"])
    exactly = {f"{PROVIDER}:aud": AUDIENCE, f"{PROVIDER}:sub": f"repo:{wanted['repository']}:{where}"}
    return {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{owner}:oidc-provider/{PROVIDER}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": exactly},
        },
    }


def policies() -> dict[str, dict[str, Any]]:
    """Return what it may, by name: what an operator may, but for ``aws/policies/not-deployment.yaml``."""
    path = "salt://aws/policies/not-deployment.yaml"
    withheld = __salt__["slsutil.renderer"](path, default_renderer="yaml")
    found = {}
    for name, policy in __salt__["aws_fleet.operator_policies"]().items():
        statements = [_without(statement, withheld["actions"]) for statement in policy["Statement"]]
        statements = [statement for statement in statements if statement["Action"]]
        if statements and name not in withheld["policies"]:
            found[f"{__pillar__['fleet']['name']}-deployment-{name}"] = {**policy, "Statement": statements}
    return found


def arns() -> list[str]:
    """Return the ARNs of these policies."""
    owner = __salt__["aws_fleet.account"](__pillar__["aws"]["region"])
    return sorted(f"arn:aws:iam::{owner}:policy/{name}" for name in policies())


def _branch(name: str) -> str:
    return f"ref:refs/heads/{name}"


def _without(statement: dict[str, Any], withheld: list[str]) -> dict[str, Any]:
    actions = statement["Action"]
    actions = [actions] if isinstance(actions, str) else actions
    kept = [each for each in actions if not any(fnmatchcase(each, pattern) for pattern in withheld)]
    return {**statement, "Action": kept}
