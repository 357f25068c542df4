"""What is not as it should be, on every host and in AWS: ``salt-run drift.report``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import salt.client
import salt.config
import salt.key

Row = dict[str, str]

MINION = "/etc/salt/minion"
# Seconds in which a host has to say whether it still works at its answer: all of them are busy at once.
PATIENCE = {"timeout": 60, "gather_job_timeout": 60}


def report(batch: int = 50) -> dict[str, Any]:
    """Compare every host with its highstate (``test=True``) and AWS with pillar and maps; change nothing.

    Each host writes the number of its drifted states as a metric, and the control node those of AWS.

    Args:
        batch: how many hosts are asked at a time.

    Returns:
        Rows with ``host`` (or ``aws``), ``state`` (its id, empty where a host gave no answer) and ``what``.

    CLI Example:

    .. code-block:: bash

        salt-run drift.report
        salt-run --out=json drift.report batch=10
    """
    expected = salt.key.get_key(__opts__).list_keys()["minions"]
    with salt.client.get_local_client(mopts=__opts__) as client:
        answers: dict[str, Any] = {}
        run = client.cmd_batch("*", "state.apply", kwarg={"test": True}, batch=str(batch), **PATIENCE)
        for answer in run:
            answers |= answer
        control = salt.config.minion_config(MINION)["id"]  # the master's own id is made of its host name
        aws = client.cmd(control, "control_node.aws_drift", kwarg={"maps": _maps(__opts__)}, **PATIENCE)
    rows = [*_of_hosts(expected, answers), *_of_aws(aws.get(control))]
    return {"outputter": "table", "data": rows}


def _maps(opts: Mapping[str, Any]) -> list[str]:
    """Return the paths of the maps that the external pillar ``fleet_map`` reads."""
    return [path for one in opts["ext_pillar"] for path in one.get("fleet_map", ())]


def _of_hosts(expected: Sequence[str], answers: Mapping[str, Any]) -> Iterator[Row]:
    for host in sorted(expected):
        states = answers.get(host)
        if not isinstance(states, Mapping):
            yield {"host": host, "state": "", "what": f"no comparison: {_line(states or 'no answer')}"}
            continue
        for state in states.values():
            if state["result"] is not True or state["changes"]:
                yield {"host": host, "state": state["__id__"], "what": _line(state["comment"])}


def _of_aws(answer: Any) -> list[Row]:
    if isinstance(answer, list):
        return answer
    return [{"host": "aws", "state": "", "what": f"no comparison: {_line(answer or 'no answer')}"}]


def _line(text: Any) -> str:
    """Return the first line of what is said."""
    said = " ".join(text) if isinstance(text, list) else str(text)
    return said.strip().partition("\n")[0]
