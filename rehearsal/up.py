"""From whatever is there to a verified fleet, by the steps that AWS takes, each command shown."""

import json
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from rehearsal import checkout, domain, forwards, image, local, preflight, suite
from rehearsal.fleet import Fleet
from rehearsal.highstate import NO_ANSWER, Answers, Outcome
from rehearsal.image import managed
from rehearsal.inventory import CONTROL, Host
from rehearsal.mirror import find_packages
from rehearsal.network import Network
from rehearsal.operator import Operator
from rehearsal.progress import Progress, Step, StepError
from rehearsal.region import process
from rehearsal.region.client import Region
from rehearsal.report import print_outcome, print_urls
from rehearsal.settings import Settings
from rehearsal.unavailable import by_package, unavailable
from rehearsal.verified import Verified

BOOT = 60  # seconds that a host and its Salt have to start
# The states that leave something to do after their run, such as to restart the minion that applied them.
AFTER_RUN = {"minion-restart", "minion-upgrade", "master-restart"}


def up(
    settings: Settings,
    *,
    mirror: str | None = None,
    strict: bool = False,
    verify: bool = True,
    predict: bool = False,
) -> int:
    """Bring the fleet up.

    Args:
        settings: Of this rehearsal.
        mirror: A directory of .deb files, or the URL of a mirror of Grafana Labs' repository.
        strict: Count skipped roles as a failure.
        verify: Run the host tests.
        predict: Ask the states first what they would do (`test=True`), and hold them to it.

    Returns:
        The exit code: 0 only if every host is there, every state succeeded and every test passed.

    Raises:
        StepError: A step failed; what it names is what to look at.
    """
    started = time.monotonic()
    rehearsal = Up(settings)
    rehearsal.prepare(mirror)
    rehearsal.start_region()
    rehearsal.lay_foundation_and_launch_control()
    launched = rehearsal.launch_fleet()
    rehearsal.balance()
    rehearsal.find_hosts()
    outcomes = rehearsal.converge(predict)
    whole = launched and all(outcome.ok for outcome in outcomes.values())
    tests = rehearsal.verify() if whole and verify else None
    seconds = time.monotonic() - started
    return rehearsal.conclude(outcomes, whole and (tests is None or tests.passed), tests, strict, seconds)


class Up:
    """The steps of one run, in their order.

    Args:
        settings: Of this rehearsal.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.progress = Progress(settings.logs)
        self.operator = Operator(settings)
        self.build = settings.checkout / "build"
        self.hosts: list[Host] = []
        self.control_is_behind = False
        self.skipped: dict[str, str] = {}
        self.verified = Verified(settings.state / "verified")

    def prepare(self, mirror: str | None) -> None:
        """Check machine and checkout, before anything is changed; then the operator's files and the image."""
        with self.progress.step("preflight", "Check this machine and the checkout") as step:
            self.fleet = Fleet(self.settings.checkout)
            preflight.check(self.settings, mirror, fresh=not process.running(self.settings))
            self.settings.state.mkdir(parents=True, exist_ok=True)
            (self.settings.state / "checkout").write_text(str(self.settings.checkout))
            self.operator.prepare()
            pinned = self.fleet.vendor_versions
            kept = local.kept_mirror(self.settings.checkout, self.settings)
            packages = find_packages(self.settings, pinned, mirror, kept)
            services = self.fleet.services
            reasons = unavailable(self.settings.checkout, services, pinned, packages)
            self.skipped = by_package(services, pinned, reasons)
            for name, reason in self.skipped.items():
                step.say(f"SKIPPED {name}: {reason}")
            front = domain.DOMAIN if self._balanced else None
            local.write(self.settings.checkout, self.operator, sorted(reasons), packages.pillar, front)
            self.version = self.current_version()
            self._check_pillar(step)
        with self.progress.step("image", "Debian 13 image") as step:
            base = image.ensure(self.settings, step.say)
            (self.settings.state / "image").write_text(str(base))
            if self.fleet.managed:  # else the first call that needs it would wait for it
                managed.ensure(self.settings, base, step.say)

    @property
    def _balanced(self) -> bool:
        """Whether the fleet is reached through a load balancer."""
        return "load_balancer" in self.fleet.managed

    def current_version(self) -> str:
        """Return what the checkout is now: its tree, and the files that git ignores."""
        local_files = checkout.write_local_files(self.settings.checkout, self.build / "local.tar")
        return f"{self._snapshot().commit} {local_files}"

    def _check_pillar(self, step: Step) -> None:
        """Refuse a pillar that a host would refuse; once for each version of the checkout."""
        stamp = self.settings.state / "pillar"
        if stamp.exists() and stamp.read_text() == self.version:
            return
        code, told = step.run(
            [sys.executable, "-m", "rehearsal.pillars", *self.fleet.hosts],
            env=self.operator.environment(),
            cwd=self.settings.checkout,
            check=False,
        )
        if code:
            raise StepError(f"the pillar is refused:\n{told.strip()}", step.log, "mend it and run again")
        stamp.write_text(self.version)

    def _snapshot(self) -> checkout.Snapshot:
        return checkout.Snapshot(self.settings.checkout, self.settings.state / "checkout.git")

    def start_region(self) -> None:
        """Start what stands for AWS, or find it running."""
        with self.progress.step("region", "EC2 in a box") as step:
            Network(self.settings).up()
            step.say("networks are up")
            if process.running(self.settings):
                step.say("the region runs already")
            else:
                targets = forwards.TARGETS.values()
                listeners = forwards.listen(self.settings).values()
                process.start(
                    self.settings,
                    {
                        listener: (host, self.fleet.port(service))
                        for listener, (host, service) in zip(listeners, targets, strict=True)
                    },
                )
                step.say("the region answers")
            self.operator.trust()

    def lay_foundation_and_launch_control(self) -> None:
        """Do the one after the other, or both at once where the control node stands already."""
        with ThreadPoolExecutor(1) as beside:
            foundation = beside.submit(self.lay_foundation)
            if not self._control_in("running"):
                foundation.result()
            self.launch_control()
        foundation.result()

    def lay_foundation(self) -> None:
        """Apply the AWS foundation: network, groups, roles, zone."""
        with self.progress.step("foundation", "The AWS foundation, as states") as step:
            if self._balanced:  # what a person does on AWS, once
                self._operate(step, ["python3", "-m", "rehearsal.domain", domain.DOMAIN])
            self._apply_foundation(step, "aws")

    def balance(self) -> None:
        """Hand the application's hosts, which were not there before, to the load balancer if there is one."""
        if self._balanced:
            with self.progress.step("balance", "The load balancer's hosts") as step:
                self._apply_foundation(step, "aws.load_balancer")

    def _apply_foundation(self, step: Step, states: str) -> None:
        shown = f"salt-call -c operator state.apply {states}"
        step.show_command(shown)
        _, output = self._operate(
            step,
            [*shown.split(), "--out=json", "--log-level=warning"],
            check=False,
            advice="mend salt/aws or pillar",
        )
        answers = Answers()
        for line in output.splitlines():
            for outcome in answers.feed(line):
                step.say(str(outcome))
                if not outcome.ok:
                    raise StepError("\n".join(["the foundation failed", *outcome.errors[:10]]), step.log)
        if not answers.outcomes:
            raise StepError("salt-call gave no answer", step.log)

    def launch_control(self) -> list[str]:
        """Launch the control node; where it is there, give it the checkout as it is now.

        Returns:
            What was done.
        """
        with self.progress.step("control", "The control node") as step:
            tree = self._snapshot()
            tree.write_bundle(self.build / "saltwatch.bundle")
            local_files = checkout.write_local_files(self.settings.checkout, self.build / "local.tar")
            if self._control_in("stopped"):  # as after the machine's own restart; the map starts the others
                shown = f"salt-cloud -a start {CONTROL} -y"
                step.show_command(shown)
                self._operate(step, shown.split())
            self._write_ssh_files(step)
            # A half-built one may answer: both daemons ran before what failed.
            whole = any(host.name == CONTROL and not host.half_built for host in self.hosts)
            if whole and not self._silent(step, [CONTROL]):
                step.show_command(f"git push salt-1:/srv/saltwatch {checkout.BRANCH}")
                _, told = step.run(
                    tree.push_command(self.operator),
                    env=self.operator.environment(),
                    advice="what was changed by hand on salt-1 is in the way: git -C /srv/saltwatch status",
                )
                pushed = not any(line.startswith("=") for line in told.splitlines())
                sent = self._send_local_files(step, local_files)
                self.control_is_behind = pushed or sent
                done = {"the checkout": pushed, "pillar/local": sent}
                return [f"{CONTROL} has {what} as it is now" for what, new in done.items() if new]
            shown = "salt-cloud -p control salt-1"
            step.show_command(shown)
            self._operate(step, shown.split(), advice="the next run replaces the half-built machine")
            self._write_ssh_files(step)
            if self._silent(step, [CONTROL]):
                raise StepError(
                    "salt-1 was launched but its master does not answer",
                    step.log,
                    "journalctl --unit salt-master there",
                )
            return [f"{CONTROL} launched"]

    def _send_local_files(self, step: Step, digest: str) -> bool:
        """Give the control node what git ignores, if it has other; return whether it had."""
        environment = self.operator.environment()
        _, found = step.run(
            self.operator.ssh(CONTROL, f"sudo cat {checkout.DIGEST}"), env=environment, check=False
        )
        if found.split()[:1] == [digest]:
            return False
        step.show_command("ssh salt-1 sudo tar --extract --directory /srv/saltwatch < build/local.tar")
        command = checkout.extract_command(self.operator, digest)
        step.run(command, env=environment, stdin=self.build / "local.tar")
        return True

    def _control_in(self, state: str) -> bool:
        """Whether there is a control node in the state ``state`` of EC2's."""
        hosts = Region(self.settings).status()["hosts"]
        return any(host["name"] == CONTROL and host["state"] == state for host in hosts)

    def _silent(self, step: Step, hosts: list[str]) -> list[str]:
        """Return the hosts from which the master has no answer in the time that a host takes to boot."""
        # Short questions: one that is put before a minion is connected waits for its time in vain.
        asked = f"tgt={','.join(hosts)} tgt_type=list timeout=5 gather_job_timeout=5"
        command = self.operator.ssh(CONTROL, f"sudo salt-run --out=json manage.up {asked}")
        deadline = time.monotonic() + BOOT
        while True:
            _, output = step.run(command, env=self.operator.environment(), check=False, timeout=60)
            silent = [host for host in hosts if f'"{host}"' not in output]
            if not silent or time.monotonic() > deadline:
                return silent
            time.sleep(1)

    def launch_fleet(self) -> bool:
        """Launch the map from the control node. Returns whether every member came up."""
        with self.progress.step("launch", "The fleet") as step:
            shown = f"salt-cloud -m {self.fleet.map} -P -y"
            step.show_command(f"salt-1: {shown}")
            code, output = step.run(
                self.operator.ssh(CONTROL, f"cd /srv/saltwatch && sudo {shown}"),
                env=self.operator.environment(),
                on_line=lambda line: None,
                check=False,
                timeout=1500,
            )
            if code:
                for line in output.splitlines():
                    if "Error" in line or "error" in line:
                        step.say(line.strip())
                step.say(f"salt-cloud exited with {code}: some members are missing; the others go on")
            return code == 0

    def find_hosts(self) -> None:
        """Learn the hosts' addresses and host keys from EC2."""
        with self.progress.step("inventory", "Where the hosts are") as step:
            self._write_ssh_files(step)
            step.say(", ".join(f"{host.name} {host.private_ip}" for host in self.hosts))

    def _write_ssh_files(self, step: Step) -> None:
        _, output = self._operate(
            step,
            [
                "python3",
                "-m",
                "rehearsal.inventory",
                str(self.operator.ssh_config.parent),
                str(self.operator.ssh_key),
            ],
        )
        self.hosts = [Host(**host) for host in json.loads(output)]

    def converge(self, predict: bool) -> dict[str, Outcome]:
        """Apply the highstate everywhere. Returns each expected host's outcome."""
        with self.progress.step("converge", "Converge every host") as step:
            before: dict[str, Outcome] = {}
            if self.control_is_behind:  # it builds what the others install
                before = self._apply(step, CONTROL, [CONTROL])
                self._silent_after(step, before)
            predicted = self._apply(step, "*", self.fleet.hosts, "test=True") if predict else {}
            outcomes = self._apply(step, "*", self.fleet.hosts)
            for host, prediction in predicted.items():
                outcomes[host].errors += [f"test=True: {error}" for error in prediction.errors]
                for state in sorted(prediction.changes ^ outcomes[host].changes):
                    said = "was not announced" if state in outcomes[host].changes else "was announced only"
                    outcomes[host].errors.append(f"{state}: its change {said} by test=True")
            for host in self._silent_after(step, outcomes):
                outcomes[host].errors.append(
                    "its minion is silent after the restart that its highstate asked for"
                )
            for host, outcome in before.items():
                outcomes[host].changes |= outcome.changes
            if any(outcome.changes for outcome in outcomes.values()):
                self.verified.forget()
            for outcome in outcomes.values():
                for error in outcome.errors:
                    step.say(f"{outcome.host}: {error}")
            return outcomes

    def _silent_after(self, step: Step, outcomes: dict[str, Outcome]) -> list[str]:
        """Wait for what highstates left to do after them; return the hosts whose minions do not come back."""
        hosts = [host for host, outcome in outcomes.items() if outcome.changes & AFTER_RUN]
        if not hosts:
            return []
        step.say(f"{len(hosts)} restart their minions with the new configuration")
        deadline = time.monotonic() + BOOT
        for host in hosts:
            while self._has_more_to_do(step, host) and time.monotonic() < deadline:
                time.sleep(0.5)
        return self._silent(step, hosts)

    def _has_more_to_do(self, step: Step, host: str) -> bool:
        command = self.operator.ssh(host, "systemctl list-units --plain --no-legend 'run-*.service'")
        code, units = step.run(command, env=self.operator.environment(), check=False)
        return code != 0 or bool(units.strip())

    def _apply(self, step: Step, target: str, hosts: list[str], *arguments: str) -> dict[str, Outcome]:
        """Return the outcome of each of ``hosts``, which are what ``target`` should match.

        A minion that was about to restart when it was asked, as after a highstate whose `./rehearse` was
        killed, is asked again. Where a highstate is refused for extension modules of another version, they
        are brought first.
        """
        outcomes = self._apply_once(step, [target], hosts, *arguments)
        if unheard := [host for host, outcome in outcomes.items() if outcome.unheard]:
            silent = self._silent(step, unheard)
            if back := [host for host in unheard if host not in silent]:
                outcomes |= self._apply_once(step, ["--list", ",".join(back)], back, *arguments)
        behind = [host for host, outcome in outcomes.items() if outcome.refused_for_modules]
        if behind:
            chosen = ["--list", ",".join(behind)]
            shown = shlex.join(["salt", *chosen, "saltutil.sync_all"])
            step.show_command(f"salt-1: {shown}")
            command = self.operator.ssh(CONTROL, f"sudo {shown}")
            step.run(command, env=self.operator.environment())
            outcomes |= self._apply_once(step, chosen, behind, *arguments)
        return outcomes

    def _apply_once(
        self, step: Step, target: list[str], hosts: list[str], *arguments: str
    ) -> dict[str, Outcome]:
        shown = shlex.join(["salt", *target, "state.apply", *arguments])
        step.show_command(f"salt-1: {shown}")
        answers = Answers()

        def told(line: str) -> None:
            for outcome in answers.feed(line):
                step.say(str(outcome))

        # Unbuffered, or a host's line would wait for the next host's answer.
        step.run(
            self.operator.ssh(CONTROL, f"sudo env PYTHONUNBUFFERED=1 {shown} --out=json --timeout=30"),
            env=self.operator.environment(),
            on_line=told,
            check=False,
        )
        for host in answers.missing(hosts):
            answers.outcomes[host] = Outcome(host, errors=[NO_ANSWER])
            step.say(f"{host}: {NO_ANSWER}")
        return answers.outcomes

    def verify(self) -> suite.Verdict:
        """Run the host tests, unless this very version was verified on these very instances."""
        subject = " ".join([self.version, *(host.instance_id for host in self.hosts)])
        if when := self.verified.since(subject):
            return suite.Verdict(True, f"passed at {when}, nothing has changed since")
        with self.progress.step("verify", "Verify every host") as step:
            verdict = suite.host_tests(self.settings, self.operator, step)
            if verdict.passed:
                self.verified.passed(subject)
            return verdict

    def conclude(
        self,
        outcomes: dict[str, Outcome],
        good: bool,
        tests: suite.Verdict | None,
        strict: bool,
        seconds: float,
    ) -> int:
        """Print the table and the URLs; return the exit code."""
        console = self.progress.console
        roles = {host: self.fleet.roles(host) for host in self.fleet.hosts}
        by_host = suite.results_by_host(self.settings, self.fleet.hosts) if tests else {}
        print_outcome(console, self.hosts, roles, outcomes, by_host, self.skipped)
        console.print(f"Host tests: {tests.summary if tests else 'not run'}", highlight=False)
        unavailable = local.unavailable(self.settings.checkout)
        print_urls(console, forwards.urls(self.settings, self.fleet.hosts, unavailable))
        verdict = (
            f"The fleet is up{' and verified' if tests else ''}"
            if good
            else "The fleet is NOT as it should be"
        )
        console.print(f"{verdict}, after {seconds:.0f} s.", style="bold green" if good else "bold red")
        if not good:
            console.print("Look: ./rehearse logs launch | converge | verify. Then run ./rehearse again.")
        if strict and self.skipped:
            console.print("--strict: skipped services count as a failure.", style="bold red")
        return 0 if good and not (strict and self.skipped) else 1

    def _operate(
        self, step: Step, argv: list[str], *, check: bool = True, advice: str = ""
    ) -> tuple[int, str]:
        return step.run(
            self.operator.command(argv),
            env=self.operator.environment(),
            cwd=self.settings.checkout,
            check=check,
            advice=advice,
        )
