"""The fleet as faults act on it: commands on hosts, Salt on the control node, calls of EC2."""

import json
import shlex
from typing import Any

from rehearsal.fleet import Fleet
from rehearsal.inventory import CONTROL
from rehearsal.local import PILLAR, load
from rehearsal.operator import Operator
from rehearsal.progress import Step, StepError
from rehearsal.settings import Settings

# The hosts that faults are made on, as cloud.map has them, and their zone.
APP, DATABASE, LOKI, PROMETHEUS = "app-1", "database-1", "loki-1", "prometheus-1"
ZONE = "saltwatch.internal"


class Site:
    """Acts as the operator does. What it runs and what that says goes to the step's log.

    Ctrl-C at the terminal does not reach its commands, which would be left half-done on a host.

    Args:
        settings: Of this rehearsal.
        fleet: What the checkout says of it.
        step: Under which it happens.
    """

    def __init__(self, settings: Settings, fleet: Fleet, step: Step) -> None:
        self.settings = settings
        self.fleet = fleet
        self.step = step
        self._operator = Operator(settings)

    def run(self, host: str, script: str, timeout: float = 90) -> str:
        """Run a shell script on a host as root, up to its first failure; return what it prints.

        Raises:
            StepError: It failed, or took longer than ``timeout`` seconds.
        """
        command = self._operator.ssh(host, f"sudo sh -euc {shlex.quote(script)}")
        return self._run(command, timeout)

    def hang_up(self, host: str) -> None:
        """Forget the shared connection to a host that is about to stop, or it would be waited for."""
        command = self._operator.command(["ssh", "-F", self._operator.ssh_config, "-O", "exit", host])
        self.step.run(command, env=self._operator.environment(), check=False, timeout=20, own_session=True)

    def apply(self, host: str, *states: str, check: bool = True) -> None:
        """Apply states on a host, or its highstate.

        Args:
            host: The minion id.
            states: Names of formulas; none: the highstate.
            check: Whether a state that fails is an error.

        Raises:
            StepError: A state failed, or nothing was applied.
        """
        command = shlex.join(
            ["salt", "--timeout=60", host, "state.apply", *([",".join(states)] if states else [])]
        )
        self.step.show_command(f"{CONTROL}: {command}")
        argv = self._operator.ssh(CONTROL, f"sudo {command} --out=json --static")
        _, told = self.step.run(
            argv, env=self._operator.environment(), check=False, timeout=600, own_session=True
        )
        if check and (failed := failed_states(told, host)):
            raise StepError(f"{host}: {command}: {failed}", self.step.log)

    def ec2(self, action: str, **arguments: Any) -> None:
        """Take an action of `rehearsal.drill.aws` as the account's administrator.

        Raises:
            StepError: EC2 refused it.
        """
        argv = ["python3", "-m", "rehearsal.drill.aws", action, json.dumps(arguments)]
        self._run(self._operator.command(argv), 120)

    def _run(self, command: list[str], timeout: float) -> str:
        return self.step.run(
            command,
            env=self._operator.environment(),
            cwd=self.settings.checkout,
            timeout=timeout,
            own_session=True,
        )[1]


def lacks(settings: Settings, fleet: Fleet, service: str) -> str | None:
    """Return why a service of the catalogue is not on the fleet, None if it is."""
    if service in load(settings.checkout / PILLAR).get("fleet", {}).get("unavailable", []):
        return "its package cannot be had here (./rehearse --mirror)"
    role = fleet.services[service]["role"]
    there = any(role in fleet.roles(host) for host in fleet.hosts)
    return None if there else "the map has no host of it"


def failed_states(told: str, host: str) -> str:
    """Return what failed of an answer of state.apply, nothing if all of it is good."""
    try:
        answer = json.loads(told).get(host)
    except ValueError:
        return "no answer"
    if not isinstance(answer, dict) or not answer:
        return f"nothing was applied: {answer}"
    bad = [chunk for chunk in answer.values() if isinstance(chunk, dict) and chunk.get("result") is False]
    return "; ".join(f"{chunk.get('__id__')}: {chunk.get('comment')}" for chunk in bad)
