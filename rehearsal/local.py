"""What the first rehearsal makes for itself in the checkout: what only this machine needs.

All files are git-ignored and readable by root only. What is there is kept: a person may add to it. Every host
gets `local.sls`, so it has no secret: passwords are made in AWS (salt/aws/secrets.sls).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rehearsal import mirror
from rehearsal.operator import Operator, write_private
from rehearsal.progress import StepError
from rehearsal.settings import Settings

PILLAR = Path("pillar/local/local.sls")
ROLE_PILLARS = Path("pillar/local/local")
# Of containers, whose kernel is the machine's and need not have WireGuard.
CONTROL_NODE = {"wireguard": {"implementation": "userspace"}}
CLOUD = Path("cloud.conf.d/local.conf")


def write(
    checkout: Path,
    operator: Operator,
    unavailable: list[str],
    packages: Mapping[str, Any] | None = None,
    domain: str | None = None,
) -> None:
    """Write the files of `pillar/local` and `cloud.conf.d/local.conf`.

    Args:
        checkout: The checkout.
        operator: Whose key may log in, and whose network administrates.
        unavailable: Services of the catalogue that cannot be had on this machine.
        packages: What `grafana_repo` has to be told of a mirror; without it, what a person wrote stays.
        domain: Of the load balancer, in an environment that has one; what a person wrote stays.

    Raises:
        StepError: A file is there that is not YAML.
    """
    machine: dict[str, Any] = {
        "fleet": {"unavailable": unavailable, "admin_cidrs": [str(operator.settings.operator)]},
        "aws": {"operator_public_key": str(operator.ssh_key) + ".pub"},
        "common": {
            "container": True,
            "admins": {"operator": {"ssh_keys": [operator.ssh_key.with_suffix(".pub").read_text().strip()]}},
        },
    }
    path = checkout / PILLAR
    content = load(path)
    if packages or content.get("grafana_repo", {}).get("mirror") == mirror.own_url(operator.settings):
        content.pop("grafana_repo", None)
    if packages:
        machine["grafana_repo"] = packages
    _write(path, merge(content, machine))
    control = checkout / ROLE_PILLARS / "master.sls"
    _write(control, merge(load(control), CONTROL_NODE))
    if domain:
        foundation = checkout / ROLE_PILLARS / "operator.sls"
        _write(foundation, merge({"aws": {"load_balancer": {"domain": domain}}}, load(foundation)))
    write_private(
        checkout / CLOUD,
        "# Made by ./rehearse: the image has Salt's packages in a repository of its own.\n"
        "script_args: -r -X onedir\n",
    )


def unavailable(checkout: Path) -> list[str]:
    """Return the services of the catalogue that the pillar of this machine says cannot be had.

    Raises:
        StepError: The file is not YAML.
    """
    found: list[str] = load(checkout / PILLAR).get("fleet", {}).get("unavailable", [])
    return found


def kept_mirror(checkout: Path, settings: Settings) -> str | None:
    """Return the mirror that the pillar of this machine names, unless it is the rehearsal's own.

    Raises:
        StepError: The file is not YAML.
    """
    named: str | None = load(checkout / PILLAR).get("grafana_repo", {}).get("mirror")
    return None if named == mirror.own_url(settings) else named


def _write(path: Path, content: dict[str, Any]) -> None:
    header = "# Made by ./rehearse for this machine, kept out of git. What is added here stays.\n"
    write_private(path, header + yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False))


def load(path: Path) -> dict[str, Any]:
    """Return what a YAML file has, nothing if there is none.

    Raises:
        StepError: The file is not YAML.
    """
    if not path.exists():
        return {}
    try:
        return yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise StepError(
            f"{path} is not YAML: {error}", advice="mend it, or remove it and run again"
        ) from error


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``over`` laid on top, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merge(result[key], value) if both else value
    return result
