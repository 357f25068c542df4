"""What a runner is shown in these tests: alerts that follow a script, faults that note what is done."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rehearsal.drill.fault import Expected, Fault
from rehearsal.drill.inbox import SINKS, Notification
from rehearsal.drill.journal import Journal
from rehearsal.drill.runner import Runner
from rehearsal.drill.signals import Interrupts
from rehearsal.progress import StepError

Labels = dict[str, str]


@dataclass
class Scene:
    """A fleet of which only its alerts are seen.

    Args:
        path: For the journal.
    """

    path: Path
    now: float = 1000.0
    done: list[str] = field(default_factory=list)
    alerts: list[Labels] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    sinks: tuple[str, ...] = SINKS
    seen: int = 0

    def firing(self) -> list[Labels]:
        return [{"alertname": "Watchdog"}, *self.alerts]

    def received(self) -> list[Notification]:
        """As an inbox does: each has the time at which it is seen first."""
        fresh = self.notifications[self.seen :]
        self.notifications[self.seen :] = [replace(each, at=self.now) for each in fresh]
        self.seen = len(self.notifications)
        return list(self.notifications)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [action for at, action in self.later if at <= self.now]
        self.later = [(at, action) for at, action in self.later if at > self.now]
        for action in due:
            action()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.later.append((self.now + seconds, action))

    def fire(self, labels: Labels) -> None:
        self.alerts.append(labels)
        self.after(2, lambda: self.notify("firing", labels))

    def cease(self, labels: Labels) -> None:
        if labels in self.alerts:
            self.alerts.remove(labels)
        self.after(2, lambda: self.notify("resolved", labels))

    def notify(self, status: str, labels: Labels) -> None:
        self.notifications += [Notification(sink, status, labels, self.now) for sink in self.sinks]

    def fault(self, name: str, alert: str = "", group: int = 1, **options: Any) -> Fault:
        """Return a fault whose alert fires after 5 seconds and ceases 3 seconds after the mending."""
        labels = {"alertname": alert or f"{name}Alert", "instance": "app-1", "job": name}
        options.setdefault("inject", lambda: self.after(5, lambda: self.fire(labels)))
        options.setdefault("mend", lambda: self.after(3, lambda: self.cease(labels)))
        inject, mend = options.pop("inject"), options.pop("mend")

        def act(what: str, action: Callable[[], None]) -> Callable[[Any], None]:
            def acted(_site: Any) -> None:
                self.done.append(f"{what} {name}")
                assert name in self.journal.names()
                action()

            return acted

        return Fault(
            name,
            f"what {name} does",
            Expected(labels["alertname"], {"instance": "app-1"}),
            act("inject", inject),
            act("mend", mend),
            group=group,
            **options,
        )

    @property
    def journal(self) -> Journal:
        return Journal(self.path)

    def runner(self) -> Runner:
        site = cast(Any, SimpleNamespace(step=SimpleNamespace(log=Path("/log"))))
        return Runner(site, self, self, self.journal, Interrupts(self.said.append), self.said.append)


def refuse(*_: object) -> None:
    raise StepError("no way")


def interrupt() -> None:
    signal.raise_signal(signal.SIGTERM)
