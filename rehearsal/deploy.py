"""The steps of salt/orch: ``python -m rehearsal.deploy STEP``, which Salt runs on the operator's machine.

They are those of `./rehearse` from the control node on, taken with the caller's own home, credentials and
network, so on AWS or, as the rehearsal's operator, there. What is printed is for `stateful` of Salt's cmd.run
(https://docs.saltproject.io/en/3008/ref/states/all/salt.states.cmd.html): on standard output a JSON object
with ``changed`` and ``comment``, on standard error the progress.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import boto3
import click
from rich.console import Console

from rehearsal import inventory, suite
from rehearsal.fleet import Fleet
from rehearsal.operator import Operator
from rehearsal.progress import WIDTH, Progress, StepError
from rehearsal.settings import CHECKOUT, Settings
from rehearsal.up import Up

MEND = "mend the states or pillar and run it again"
KEPT = ("pending", "running", "stopping", "stopped")  # the states of instances that are there


class Here(Operator):
    """The person who types the command, on their own machine.

    Args:
        settings: Where files of the deployment are kept.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.home = Path.home()
        self.ssh_key = self.home / ".ssh" / "saltwatch-operator"
        # Not the person's own configuration. Short: sockets have their paths below it.
        self.ssh_config = self.home / ".ssh" / "saltwatch" / "config"

    def environment(self) -> dict[str, str]:
        """Return the caller's environment, and where the tests find the hosts."""
        return {**os.environ, "SALTWATCH_SSH_CONFIG": str(self.ssh_config)}

    def command(self, argv: Sequence[str | Path]) -> list[str]:
        """Return the command itself: it runs here."""
        return [str(word) for word in argv]


class Deployment(Up):
    """The steps, each as a method that returns what it changed, and says in ``told`` what else is to be told.

    Args:
        settings: Where files of the deployment are kept.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.operator: Operator = Here(settings)
        self.operator.ssh_config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.progress = Progress(settings.logs, Console(stderr=True, width=WIDTH))
        self.fleet = Fleet(settings.checkout)
        self.told = "nothing to do"

    def control(self) -> list[str]:
        """Launch the control node, or give it the checkout as it is now and converge it."""
        with self.progress.step("inventory", "Where the hosts are") as step:
            self._write_ssh_files(step)
        done = self.launch_control()
        if self.control_is_behind:
            with self.progress.step("control-highstate", "The control node's highstate") as step:
                outcome = self._apply(step, inventory.CONTROL, [inventory.CONTROL])[inventory.CONTROL]
                if not outcome.ok:
                    raise StepError("\n".join(["its highstate failed", *outcome.errors]), step.log, MEND)
        return done

    def launch(self) -> list[str]:
        """Launch what the map has and AWS has not."""
        self.find_hosts()
        before = {host.instance_id for host in self.hosts}
        whole = self.launch_fleet()
        self.find_hosts()
        if not whole:
            log = self.progress.logs / "launch.log"
            raise StepError("members of the map are missing", log, "run it again: it replaces them")
        return [f"{host.name} launched" for host in self.hosts if host.instance_id not in before]

    def apply(self) -> list[str]:
        """Apply the highstate on every host."""
        self.find_hosts()
        outcomes = self.converge(predict=False)
        errors = [f"{host}: {error}" for host, outcome in outcomes.items() for error in outcome.errors]
        if not all(outcome.ok for outcome in outcomes.values()):
            log = self.progress.logs / "converge.log"
            raise StepError("\n".join(["highstates failed", *errors]), log, MEND)
        return [f"{host}: {', '.join(sorted(o.changes))}" for host, o in outcomes.items() if o.changes]

    def test(self) -> list[str]:
        """Run the host tests that need nothing of the rehearsal and leave the hosts as they are."""
        self.find_hosts()
        with self.progress.step("verify", "Verify every host") as step:
            verdict = suite.host_tests(self.settings, self.operator, step, "long or drift or region")
            self.told = f"host tests: {verdict.summary}"
            if not verdict.passed:
                raise StepError(self.told, step.log, "the log has each failure")
        return []

    def destroy(self) -> list[str]:
        """Destroy the hosts of the map, the control node too; volumes that hold data stay."""
        found = inventory.find(boto3.client("ec2"), KEPT)
        if not found:
            return []
        with self.progress.step("destroy", "Destroy the hosts") as step:
            shown = f"salt-cloud -m {self.fleet.map} -d -y"
            step.show_command(shown)
            self._operate(step, shown.split(), advice="salt-cloud names what it could not destroy")
            if left := [host.name for host in inventory.find(boto3.client("ec2"), KEPT)]:
                raise StepError(
                    f"hosts of the fleet that are still there: {', '.join(left)}",
                    step.log,
                    f"`salt-cloud -d NAME` destroys what is not in {self.fleet.map}",
                )
        return [f"{host.name} destroyed" for host in found]

    def _control_in(self, state: str) -> bool:
        found = inventory.find(boto3.client("ec2"), (state,))
        return any(host.name == inventory.CONTROL for host in found)


STEPS: dict[str, Callable[[Deployment], list[str]]] = {
    "control": Deployment.control,
    "launch": Deployment.launch,
    "apply": Deployment.apply,
    "test": Deployment.test,
    "destroy": Deployment.destroy,
}


@click.command()
@click.argument("step", type=click.Choice(list(STEPS)))
def main(step: str) -> None:
    """Take one step of a deployment."""
    settings = Settings(root=CHECKOUT / "build/operator")
    try:
        deployment = Deployment(settings)
        done = STEPS[step](deployment)
    except StepError as error:
        click.echo(json.dumps({"changed": False, "comment": error.explained().partition(": ")[2]}))
        sys.exit(1)
    click.echo(json.dumps({"changed": bool(done), "comment": "\n".join(done) or deployment.told}))


if __name__ == "__main__":
    main()
