"""What became of one fault: when each thing happened, and what did not."""

import time
from dataclasses import dataclass, field
from typing import Any

from rehearsal.drill.fault import Fault, Labels
from rehearsal.drill.inbox import SINKS, Notification


@dataclass
class Record:
    """The times of one fault, seconds since the epoch; None: it has not happened."""

    fault: Fault
    injected: float | None = None
    fired: float | None = None
    delivered: dict[str, float] = field(default_factory=dict)  # by sink
    mended: float | None = None
    cleared: float | None = None
    resolved: dict[str, float] = field(default_factory=dict)  # by sink
    inhibited: bool = False  # whether an alert has fired that it inhibits
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all has happened that should have, and nothing else."""
        return self.complete and not self.problems

    @property
    def complete(self) -> bool:
        """Whether the alert has fired, been delivered to every sink, ceased, and that been delivered."""
        return self.heard and self.cleared is not None and set(self.resolved) == set(SINKS)

    @property
    def heard(self) -> bool:
        """Whether the alert has fired and been delivered to every sink."""
        return self.fired is not None and set(self.delivered) == set(SINKS)

    def look(self, firing: list[dict[str, str]], received: list[Notification]) -> None:
        """Note what is so now.

        Args:
            firing: Labels of each alert that fires.
            received: Notifications since the fault was injected, in order.
        """
        fires = any(self.fault.expected.matches(labels) for labels in firing)
        own = [each for each in received if self.fault.expected.matches(each.labels)]
        for sink in SINKS:
            told = [each.at for each in own if each.sink == sink and each.status == "firing"]
            if told:
                self.delivered.setdefault(sink, told[0])
        if self.fired is None and (fires or self.delivered):
            # A watcher of the watcher may tell a receiver directly.
            self.fired = min([time.time(), *self.delivered.values()])
        self.inhibited |= any(self.fault.silences(labels) for labels in firing)
        if self.mended is None or self.fired is None:
            return
        self.cleared = None if fires else self.cleared or time.time()
        for sink in SINKS:
            last = {frozenset(each.labels.items()): each for each in own if each.sink == sink}
            if last and all(each.status == "resolved" for each in last.values()):
                self.resolved.setdefault(sink, max(each.at for each in last.values()))
            else:
                self.resolved.pop(sink, None)

    def missing(self) -> str:
        """Return what has not happened yet, in words."""
        alert = self.fault.expected
        if self.fired is None:
            return f"{alert} did not fire"
        if unheard := [sink for sink in SINKS if sink not in self.delivered]:
            return f"{alert} fired and was not delivered to: {', '.join(unheard)}"
        if self.cleared is None:
            return f"{alert} goes on firing although the fault is mended"
        untold = [sink for sink in SINKS if sink not in self.resolved]
        return f"that {alert} is resolved was not delivered to: {', '.join(untold)}"

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a file; times are seconds since the epoch."""
        return {
            "fault": self.fault.name,
            "title": self.fault.title,
            "alert": self.fault.expected.alert,
            "labels": dict(self.fault.expected.labels),
            "passed": self.passed,
            "injected": self.injected,
            "fired": self.fired,
            "delivered": self.delivered,
            "mended": self.mended,
            "cleared": self.cleared,
            "resolved": self.resolved,
            "problems": self.problems,
        }


def shown(labels: Labels) -> str:
    """Return an alert's labels in one line, its name first."""
    rest = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "alertname")
    return f"{labels.get('alertname', '?')}{{{rest}}}"
