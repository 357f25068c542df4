"""What the AWS states (salt/aws) ask of the fleet's pillar and of the account."""

from collections.abc import Mapping
from typing import Any

__virtualname__ = "aws_fleet"

Pillar = Mapping[str, Any]


def tags(pillar: Pillar | None = None) -> dict[str, str]:
    """Return the tags that everything of the fleet has in AWS, by which it is found and its cost is told."""
    fleet = (pillar or __pillar__)["fleet"]
    return {"Fleet": fleet["name"], "Environment": fleet["env"]}


def nat_subnets(pillar: Pillar | None = None) -> list[str]:
    """Return the subnets that need a NAT gateway: those that private ones name."""
    subnets = (pillar or __pillar__)["aws"]["subnets"].values()
    return sorted({subnet["nat"] for subnet in subnets if "nat" in subnet})


def route_tables(pillar: Pillar | None = None) -> dict[str, dict[str, Any]]:
    """Return the route tables by name: ``subnets``, and the ``gateway`` that leads out of these.

    The public subnets share one, by the internet gateway, which has the fleet's name; each private subnet has
    its own, by the NAT gateway, which has its subnet's name.
    """
    pillar = pillar or __pillar__
    fleet, subnets = pillar["fleet"]["name"], pillar["aws"]["subnets"]
    public = [f"{fleet}-{name}" for name, subnet in subnets.items() if "nat" not in subnet]
    tables = {f"{fleet}-public": {"subnets": public, "gateway": fleet}}
    for name, subnet in subnets.items():
        if "nat" in subnet:
            tables[f"{fleet}-{name}"] = {
                "subnets": [f"{fleet}-{name}"],
                "gateway": f"{fleet}-{subnet['nat']}",
            }
    return tables


def service_records() -> dict[str, str]:
    """Return alias to host: ``<role>.<zone>`` of each role that has a service, for the first of its hosts.

    A role's underscores become hyphens, since a host's name can have none.
    """
    fleet = __pillar__["fleet"]
    served = {row["role"] for row in fleet["services"].values()} - {"*"}
    records = {}
    for role in sorted(served):
        hosts = __salt__["fleet.hosts"](role)
        if hosts:
            records[f"{role.replace('_', '-')}.{fleet['zone']}"] = f"{hosts[0]}.{fleet['zone']}"
    return records


def account(region: str) -> str:
    """Return the id of the account that the credentials belong to."""
    sts = __salt__["aws_resource.client"]("sts", region)
    return sts.get_caller_identity()["Account"]


def policies() -> dict[str, dict[str, Any]]:
    """Return each IAM role's inline policies by name: ``salt/aws/policies/<role>.yaml``, if that exists."""
    fleet, region = __pillar__["fleet"], __pillar__["aws"]["region"]
    roles = sorted(role for role in fleet["roles"] if __salt__["fleet.hosts"](role))
    context = {
        "account": account(region),
        "fleet": fleet["name"],
        "region": region,
        "roles": roles,
        "zone": fleet["zone"],
    }
    found: dict[str, dict[str, Any]] = {role: {} for role in roles}
    for role in roles:
        path = f"aws/policies/{role}.yaml"
        if path in __salt__["cp.list_master"](prefix="aws/policies"):
            statements = __salt__["slsutil.renderer"](
                f"salt://{path}", default_renderer="jinja|yaml", **context
            )
            found[role] = {fleet["name"]: {"Version": "2012-10-17", "Statement": statements}}
    return found
