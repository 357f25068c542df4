"""`./rehearse drill`: the order of its parts, each undone whatever becomes of the next."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.checkout import LOCAL_FILES
from rehearsal.drill import overlay, report
from rehearsal.drill.fault import Fault
from rehearsal.drill.faults import FAULTS, NOT_DRILLED, OF_THE_MACHINE
from rehearsal.drill.inbox import Inbox
from rehearsal.drill.journal import OVERLAY, Journal
from rehearsal.drill.record import Record, shown
from rehearsal.drill.runner import WATCHDOG, Runner, undo
from rehearsal.drill.signals import Interrupted, Interrupts
from rehearsal.drill.site import Site, lacks
from rehearsal.drill.watch import Watch
from rehearsal.fleet import Fleet
from rehearsal.progress import Progress, Step, StepError
from rehearsal.region import process
from rehearsal.settings import Settings
from rehearsal.sinks import WORLD, Sinks
from rehearsal.up import Up

HEALTHY = 180.0  # seconds that the fleet has to be without an alert before the drill begins
# Seconds for which Alertmanager, after it has read its configuration, has groups of alerts that are over.
# What joins one is told of at once, without waiting for what may inhibit it.
SETTLING = 30.0
AGAIN = "./rehearse drill --undo tries again"


@dataclass
class Outcome:
    """What became of a drill."""

    records: list[Record] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every fault that was made passed, there was one, and nobody was told anything else."""
        return bool(self.records) and all(r.passed for r in self.records) and not self.unexpected


class Drill:
    """The parts of one command.

    Args:
        settings: Of this rehearsal.
        progress: Where its steps are told.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings = settings
        self.progress = progress
        self.fleet = Fleet(settings.checkout)
        self.journal = Journal(settings.state / "drill.json")
        self.outcome = Outcome()

    def run(self, names: Iterable[str] = (), *, factor: float = overlay.FACTOR) -> Outcome:
        """Make faults and mend them.

        Args:
            names: Of the faults; none: all of them.
            factor: By which durations of alerts are multiplied; 1: production's, intervals and waits too.

        Raises:
            StepError: It could not begin, was interrupted, or something is left to be undone.
        """
        faults = self.chosen(list(names))
        self.undo()
        with self.progress.step("drill", "A drill") as step:
            addresses = self._addresses()
            site = Site(self.settings, self.fleet, step)
            interrupts = Interrupts(step.say)
            watch = Watch(self.settings, self.fleet, addresses)
            sinks = Sinks(str(self.settings.world[10]), WORLD, self.settings.namespace_path("world"))
            durations = watch.durations()
            machine = sorted(OF_THE_MACHINE & durations.keys())
            pillars = overlay.pillars(sinks.url, sinks.smarthost, factor, machine, durations)
            try:
                with interrupts.caught(), sinks, self.overlaid(site, interrupts, pillars):
                    self.wait_until_healthy(watch, step)
                    runner = Runner(site, watch, Inbox(sinks), self.journal, interrupts, step.say)
                    self.outcome.records = runner.records
                    try:
                        runner.run(faults)
                    finally:
                        self.outcome.unexpected = list(runner.unexpected.values())
            except Interrupted as signal:
                raise StepError(
                    f"the drill was ended by {signal}; what it had made is mended", step.log
                ) from None
        return self.outcome

    def undo(self) -> None:
        """Undo what a drill left that was killed.

        Raises:
            StepError: Some of it could not be undone.
        """
        if not self.journal.names():
            return
        with self.progress.step("drill-undo", "Undo what a killed drill left") as step:
            self._addresses()
            site = Site(self.settings, self.fleet, step)
            failed = undo(site, FAULTS.values(), self.journal, step.say)
            if OVERLAY in self.journal.names():
                overlay.lift(site)
                self.journal.remove(OVERLAY)
            if failed:
                raise StepError(f"not mended: {', '.join(failed)}", step.log, AGAIN)

    def chosen(self, names: list[str]) -> list[Fault]:
        """Return the faults of these names in the drill's order, without those that cannot be made here."""
        if not process.running(self.settings):
            raise StepError("the fleet is not up", advice="run ./rehearse")
        own = self.settings.checkout / LOCAL_FILES[0]
        if not own.is_dir():  # without it the control node would lose what it has
            raise StepError(f"{own} is not there", advice="drill from the checkout that launched the fleet")
        for name in names:
            if name in NOT_DRILLED:
                raise StepError(f"{name} cannot be drilled: {NOT_DRILLED[name].reason}")
            if name not in FAULTS:
                raise StepError(f"there is no fault {name}", advice=f"one of: {', '.join(FAULTS)}")
        chosen = [fault for name, fault in FAULTS.items() if name in names or not names]
        for fault in chosen:
            if fault.needs and (reason := lacks(self.settings, self.fleet, fault.needs)):
                self.outcome.skipped[fault.name] = f"its alert needs {fault.needs}: {reason}"
        return [fault for fault in chosen if fault.name not in self.outcome.skipped]

    def _addresses(self) -> dict[str, str]:
        """Return the hosts' private addresses; ssh's files are as they are now."""
        rehearsal = Up(self.settings)
        rehearsal.progress = self.progress
        rehearsal.find_hosts()
        return {host.name: host.private_ip for host in rehearsal.hosts}

    @contextmanager
    def overlaid(
        self, site: Site, interrupts: Interrupts, pillars: dict[str, dict[str, object]]
    ) -> Iterator[None]:
        """Have the drill's pillar in force in the block.

        Raises:
            StepError: It could not be laid, or not be lifted.
        """
        try:
            with interrupts.shielded():
                self.journal.add(OVERLAY)
                site.step.say("the pillar of the drill is applied")
                overlay.lay(site, pillars, self.settings.state / "drill")
            yield
        finally:
            with interrupts.shielded():
                site.step.say("the pillar of production is applied")
                try:
                    overlay.lift(site)
                except StepError as error:
                    raise StepError(
                        f"the drill's pillar is still in force: {error}", error.log, AGAIN
                    ) from error
                self.journal.remove(OVERLAY)

    @staticmethod
    def wait_until_healthy(watch: Watch, step: Step) -> None:
        """Wait until Alertmanager has settled and nothing fires, which could not be told from a fault's.

        Raises:
            StepError: Something went on firing, or Watchdog does not.
        """
        settled, deadline, before = time.monotonic() + SETTLING, time.monotonic() + HEALTHY, ""
        while True:
            firing = watch.firing()
            others = [shown(labels) for labels in firing if labels.get("alertname") != WATCHDOG]
            if firing and not others and time.monotonic() >= settled:
                return
            told = "; ".join(others) or ("Alertmanager settles" if firing else "not even Watchdog fires")
            if time.monotonic() > deadline:
                raise StepError(
                    f"the fleet is not healthy: {told}", step.log, "mend that first: docs/runbooks"
                )
            if told != before:
                step.say(f"waiting for a healthy fleet: {told}")
            before = told
            time.sleep(1)


def drill(settings: Settings, names: Iterable[str], *, factor: float, json_file: Path | None) -> int:
    """Hold a drill; print its table and write it to a file.

    Returns:
        The exit code: 0 only if every fault fired, was delivered and was resolved, and no other alert fired.

    Raises:
        StepError: It could not begin, was interrupted, or something is left to be undone.
    """
    progress = Progress(settings.logs)
    held, names = Drill(settings, progress), list(names)
    left_out = [] if names else list(NOT_DRILLED.values())
    outcome = held.outcome
    try:
        held.run(names, factor=factor)
    finally:
        if outcome.records:
            told = (outcome.records, outcome.unexpected, outcome.skipped, left_out)
            report.print_table(progress.console, *told)
            if json_file:
                report.write_json(json_file, *told)
    if not outcome.passed:
        log = settings.logs / "drill.log"
        progress.console.print(f"The drill FAILED. Look: {log}, then docs/drill.md.", style="bold red")
    return 0 if outcome.passed else 1
