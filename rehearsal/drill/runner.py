"""Takes faults from injection to the notice that all is well again, those of one group side by side."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from rehearsal.drill.fault import Fault
from rehearsal.drill.inbox import Notification
from rehearsal.drill.journal import Journal
from rehearsal.drill.record import Record, shown
from rehearsal.drill.signals import Interrupts
from rehearsal.drill.site import Site
from rehearsal.progress import StepError

POLL = 0.5  # seconds between two looks
# Seconds for which an alert may still come that a fault brought along, when the fault is over.
GRACE = 30.0
QUIET = 420.0  # seconds that what a drill leaves firing, such as an alert of a long window, has to end
WATCHDOG = "Watchdog"  # fires always

AlertKey = frozenset[tuple[str, str]]


class Alerts(Protocol):
    """Which alerts fire."""

    def firing(self) -> list[dict[str, str]]:
        """Return the labels of each."""


class Received(Protocol):
    """What the receivers got."""

    def received(self) -> list[Notification]:
        """Return all of it, in order."""


class Runner:
    """One drill.

    Args:
        site: The fleet.
        alerts: Asked which alerts fire.
        inbox: Asked which notifications have arrived.
        journal: Where each fault is written down before it is made.
        interrupts: So that none comes while a host is changed.
        say: Told of each thing that happens.
    """

    def __init__(
        self,
        site: Site,
        alerts: Alerts,
        inbox: Received,
        journal: Journal,
        interrupts: Interrupts,
        say: Callable[[str], None],
    ) -> None:
        self.site = site
        self.alerts = alerts
        self.inbox = inbox
        self.journal = journal
        self.interrupts = interrupts
        self.say = say
        self.records: list[Record] = []
        self.unexpected: dict[AlertKey, str] = {}
        self._over: dict[str, float] = {}  # when faults were over, by name
        self._lingering: dict[AlertKey, float] = {}  # alerts of faults that are over: when last seen
        self._judged = 0  # notifications

    def run(self, faults: Iterable[Fault]) -> None:
        """Make and mend faults, group by group, whatever happens; what becomes of them is in ``records``.

        Raises:
            StepError: A fault could not be mended; it is left in the journal.
        """
        self._judged = len(self.inbox.received())
        try:
            for _, group in itertools.groupby(faults, key=lambda fault: fault.group):
                self._run_group(list(group))
        finally:
            with self.interrupts.shielded():
                self._mend_all()
        self._wait_for_quiet()

    def _run_group(self, faults: list[Fault]) -> None:
        records = [Record(fault) for fault in faults]
        self.records += records
        for record in records:
            self._inject(record)
        while pending := [record for record in records if record.fault.name not in self._over]:
            firing = self._look(pending)
            for record in pending:
                self._advance(record, firing)
            time.sleep(POLL)

    def _inject(self, record: Record) -> None:
        fault = record.fault
        self._look([])  # what has arrived by now is not about it
        with self.interrupts.shielded():
            self.journal.add(fault.name)
            record.injected = time.time()
            self.say(f"{fault.name}: {fault.title}")
            try:
                fault.inject(self.site)
            except StepError as error:
                record.problems.append(f"could not be injected: {error}")
                self._mend(record)
                if record.mended:
                    self._finish(record, [])

    def _look(self, records: list[Record]) -> list[dict[str, str]]:
        """Note what fires and what has arrived; judge what nobody expects."""
        firing, received = self.alerts.firing(), self.inbox.received()
        for record in records:
            since = [each for each in received if each.at > (record.injected or 0)]
            before = (record.fired, len(record.delivered), record.cleared, len(record.resolved))
            record.look(firing, since)
            if before != (record.fired, len(record.delivered), record.cleared, len(record.resolved)):
                self._tell(record)
        self._judge(firing, received[self._judged :])
        self._judged = len(received)
        return firing

    def _tell(self, record: Record) -> None:
        state = "fires" if record.cleared is None else "does not fire any more"
        told = ", ".join(record.delivered if record.cleared is None else record.resolved) or "nobody"
        self.say(f"{record.fault.name}: {record.fault.expected.alert} {state}; told so: {told}")

    def _advance(self, record: Record, firing: list[dict[str, str]]) -> None:
        """Mend a fault whose alert has arrived; end one whose alert is resolved. Patience ends, too."""
        now = time.time()
        if record.mended is None:
            late = now - (record.injected or now) > record.fault.patience
            held = record.heard and now - max(record.delivered.values()) >= record.fault.hold
            if held or late:
                if late and not record.heard:
                    record.problems.append(f"{record.missing()} within {record.fault.patience:.0f} s")
                elif record.fault.inhibited and not record.inhibited:
                    record.problems.append("none of the alerts has fired that should have been inhibited")
                self._mend(record)
            return
        late = now - record.mended > record.fault.patience
        if record.complete or late or record.fired is None:
            if not record.complete and record.fired is not None:
                record.problems.append(f"{record.missing()}, after {record.fault.patience:.0f} s")
            self._finish(record, firing)

    def _mend(self, record: Record) -> None:
        with self.interrupts.shielded():
            try:
                record.fault.mend(self.site)
            except StepError as error:
                record.problems.append(f"could not be mended: {error}")
                self._finish(record, [])
                return
            self.journal.remove(record.fault.name)
        record.mended = time.time()
        self.say(f"{record.fault.name}: mended")

    def _finish(self, record: Record, firing: list[dict[str, str]]) -> None:
        now = time.time()
        self._over[record.fault.name] = now
        self._lingering |= {_key(labels): now for labels in firing if record.fault.allows(labels)}
        problems = f": {'; '.join(record.problems)}" if record.problems else ""
        self.say(f"{record.fault.name}: {'passed' if record.passed else 'FAILED'}{problems}")

    def _judge(self, firing: list[dict[str, str]], arrived: list[Notification]) -> None:
        """Note alerts that no fault explains, and notifications that should have been inhibited."""
        now = time.time()
        for labels in firing:
            key = _key(labels)
            if key in self._lingering:
                self._lingering[key] = now
            elif not self._expected(labels, now):
                self._note(labels, "fired")
        self._lingering = {key: seen for key, seen in self._lingering.items() if now - seen < GRACE}
        for notification in arrived:
            labels = notification.labels
            if notification.status != "firing" or _key(labels) in self._lingering:
                continue
            if not self._expected(labels, now):
                self._note(labels, "was delivered")
            for record in self._current(now):
                # Once the alert has ceased, what is still down is nobody else's consequence.
                if record.cleared is None and record.fault.silences(labels):
                    text = f"{shown(labels)} was delivered although {record.fault.expected.alert} inhibits it"
                    record.problems += [text] if text not in record.problems else []

    def _current(self, now: float) -> Iterator[Record]:
        for record in self.records:
            over = self._over.get(record.fault.name)
            if record.injected is not None and (over is None or now - over < GRACE):
                yield record

    def _expected(self, labels: dict[str, str], now: float) -> bool:
        known = any(record.fault.allows(labels) for record in self._current(now))
        return known or labels.get("alertname") == WATCHDOG

    def _note(self, labels: dict[str, str], what: str) -> None:
        if _key(labels) not in self.unexpected:
            during = ", ".join(r.fault.name for r in self._current(time.time())) or "no fault"
            self.unexpected[_key(labels)] = f"{shown(labels)} {what} during {during}"
            self.say(f"UNEXPECTED: {self.unexpected[_key(labels)]}")

    def _mend_all(self) -> None:
        """Mend what is left of this drill, the last first."""
        failed = undo(self.site, [r.fault for r in self.records], self.journal, self.say)
        if failed:
            raise StepError(
                f"not mended: {', '.join(failed)}", self.site.step.log, "./rehearse drill --undo tries again"
            )

    def _wait_for_quiet(self) -> None:
        deadline = time.monotonic() + QUIET
        while self._lingering and time.monotonic() < deadline:
            self._look([])
            time.sleep(POLL)
        for key in self._lingering:
            self.unexpected[key] = f"{shown(dict(key))} goes on firing after the drill"


def undo(site: Site, faults: Iterable[Fault], journal: Journal, say: Callable[[str], None]) -> list[str]:
    """Mend those of ``faults`` that the journal has, the last first; return those that could not be."""
    known, failed = {fault.name: fault for fault in faults}, []
    for name in reversed(journal.names()):
        if name not in known:
            continue
        try:
            known[name].mend(site)
        except StepError as error:
            say(f"{name}: could not be mended: {error}")
            failed.append(name)
        else:
            journal.remove(name)
            say(f"{name}: mended")
    return failed


def _key(labels: dict[str, str]) -> AlertKey:
    return frozenset(labels.items())
