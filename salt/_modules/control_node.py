"""What the control node knows of the fleet, as metrics beside the answers."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import salt.config
import salt.key
import salt.utils.minions
from salt.exceptions import CommandExecutionError

Row = dict[str, str]

MASTER = "/etc/salt/master"
# What the foundation's states compare of AWS without a permission to change it: network and security groups.
FOUNDATION = "aws.security_groups"
_KEYS = {
    "minions": "accepted",
    "minions_pre": "unaccepted",
    "minions_rejected": "rejected",
    "minions_denied": "denied",
}


def status() -> dict[str, Any]:
    """Write which minions are connected to this host's master, and how many keys it has.

    A minion is connected while its subscription to the master's publisher stands: that costs no job, at any
    number of minions.

    Returns:
        ``minions``, whether each accepted one is connected, and ``keys``, how many there are by state.

    CLI Example: ``salt-call --local control_node.status``
    """
    opts = salt.config.master_config(MASTER)
    keys = salt.key.get_key(opts).list_keys()
    connected = salt.utils.minions.CkMinions(opts).connected_ids()
    answer = {
        "minions": {minion: minion in connected for minion in keys["minions"]},
        "keys": {state: len(keys[kind]) for kind, state in _KEYS.items()},
    }
    metrics = {
        "salt_minion_up": (
            "Whether an accepted minion is connected to its master.",
            [({"minion": minion}, up) for minion, up in answer["minions"].items()],
        ),
        "salt_keys": (
            "Keys of minions that the master has, by state.",
            [({"state": state}, count) for state, count in answer["keys"].items()],
        ),
    }
    __salt__["textfile.write"]("salt_status", metrics)
    return answer


def aws_drift(maps: Sequence[str]) -> list[Row]:
    """Return what in AWS is not as pillar and the maps have it, and write it as metrics.

    Compared are the network and the security groups (`FOUNDATION`) and, with ``plan_map`` of the EC2 driver,
    the instances with their types, tags, subnets, groups and roles. Nothing is changed.

    Args:
        maps: paths of the fleet's maps, at the top of the checkout.

    Returns:
        Rows with ``host`` (always ``aws``), ``state`` (a state's id, or ``instance NAME``) and ``what``;
        nothing where there is no AWS.

    Raises:
        CommandExecutionError: AWS or the maps could not be asked.

    CLI Example: ``salt salt-1 control_node.aws_drift '[/srv/saltwatch/cloud.map]'``
    """
    if "aws" not in __pillar__:
        return []
    rows = [*_foundation(), *_instances([_plan(Path(path)) for path in maps])]
    metrics = {
        "salt_aws_drift": (
            "What in AWS is not as the fleet's pillar and maps have it.",
            [({"resource": name}, 1) for name in sorted({row["state"] for row in rows})],
        ),
        "salt_aws_drift_resources": (
            "How many resources in AWS are not as they should be.",
            [({}, len({row["state"] for row in rows}))],
        ),
        "salt_aws_drift_last_run_timestamp_seconds": ("When AWS was last looked at.", [({}, time.time())]),
    }
    __salt__["textfile.write"]("salt_aws_drift", metrics)
    return rows


def _foundation() -> Iterator[Row]:
    results = __salt__["state.sls"](FOUNDATION, test=True)
    if not isinstance(results, Mapping):
        raise CommandExecutionError(f"{FOUNDATION}: {results}")
    for result in results.values():
        if result["result"] is not True or result["changes"]:
            what = json.dumps(result["changes"], sort_keys=True) if result["changes"] else result["comment"]
            yield {"host": "aws", "state": result["__id__"], "what": what}


def _plan(path: Path) -> Mapping[str, Any]:
    """Return what the EC2 driver says that a run of a map would do."""
    command = ["salt-cloud", "--out=json", "--log-level=error", "-f", "plan_map", "ec2", f"map={path.name}"]
    answer = __salt__["cmd.run_all"](command, cwd=str(path.parent), python_shell=False)
    try:
        plan: Mapping[str, Any] = json.loads(answer["stdout"])["ec2"]["ec2"]
        plan["keep"]  # an answer that is none of a plan is a message
    except (ValueError, KeyError, TypeError):
        raise CommandExecutionError(f"{path}: {answer['stdout']}\n{answer['stderr']}") from None
    return plan


def _instances(plans: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    mapped = {
        name
        for plan in plans
        for action, machines in plan.items()
        if action not in ("cost", "extra")
        for name in machines
    }
    for plan in plans:
        for action, machines in plan.items():
            if action in ("cost", "keep"):
                continue
            for name, about in machines.items():
                if action != "extra" or name not in mapped:
                    yield {"host": "aws", "state": f"instance {name}", "what": _what(action, about)}


def _what(action: str, about: Mapping[str, Any]) -> str:
    words = {
        "create": "is not there",
        "replace": "its bootstrap failed",
        "bootstrap": "is not complete",
        "start": "does not run",
        "extra": "is in no map",
    }
    return words.get(action) or json.dumps(about["differences"], sort_keys=True)
