"""The one command of a deployment, on the operator's machine, with a fleet that is as it should be."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import catalogue
import pytest

pytestmark = [pytest.mark.long, pytest.mark.region, pytest.mark.alone]
LOCAL = catalogue.CHECKOUT / "pillar" / "local" / "local" / "master.sls"
STEPS = ["orch-deploy-control", "orch-deploy-launch", "orch-deploy-apply", "orch-deploy-test"]


def _deploy(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run ``salt-call state.apply orch.deploy``; return its exit code and its results in order."""
    salt_call = Path(sys.executable).with_name("salt-call")
    command = [salt_call, "-c", "operator", "--out=json"]
    done = subprocess.run(
        [*command, "state.apply", "orch.deploy", *arguments],
        cwd=catalogue.CHECKOUT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    answer = json.loads(done.stdout)["local"]
    assert isinstance(answer, dict), answer
    states = sorted(answer.values(), key=lambda state: state["__run_num__"])
    return done.returncode, {state["__id__"]: state for state in states}


def test_a_fleet_that_is_as_it_should_be_stays_so() -> None:
    """Mutants: `changed` always true; a step that always pushes; the steps in another order."""
    code, states = _deploy()
    assert code == 0, {key: state["comment"] for key, state in states.items() if not state["result"]}
    assert {key: state["changes"] for key, state in states.items() if state["changes"]} == {}
    assert [key for key in states if key.startswith("orch-")] == STEPS
    assert next(iter(states)) == "aws-vpc"


def test_a_prediction_takes_no_step() -> None:
    """Mutant: the steps run under `test=True`."""
    code, states = _deploy("test=True")
    assert code == 0
    assert {key: states[key]["result"] for key in STEPS} == dict.fromkeys(STEPS)


def test_a_step_that_fails_stops_the_rest_and_says_what_to_do() -> None:
    """The control node gets a pillar that its schema refuses; afterwards the fleet is as before.

    Mutants: exit code 0 of a failed step; a requisite left out.
    """
    before = LOCAL.read_bytes()
    try:
        LOCAL.write_bytes(before + b"nginx: {port: nobody's}\n")
        code, states = _deploy()
    finally:
        LOCAL.write_bytes(before)
        restored, after = _deploy()
    assert code != 0
    assert {key: states[key]["result"] for key in STEPS} == dict.fromkeys(STEPS, False)
    told = states[STEPS[0]]["comment"]
    assert "nginx:port: expected a port" in told
    assert "log:" in told and "next:" in told
    assert states[STEPS[1]]["comment"].startswith("One or more requisite failed")
    assert restored == 0, {key: state["comment"] for key, state in after.items() if not state["result"]}
