"""What a fault is: how it is made and mended, and what alerting has to say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rehearsal.drill.site import Site

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Expected:
    """An alert that may fire: its name, and those of its labels that have to be so."""

    alert: str
    labels: Labels = field(default_factory=dict)

    def matches(self, labels: Labels) -> bool:
        """Return whether an alert with these labels is one of it."""
        wanted = {"alertname": self.alert, **self.labels}
        return all(labels.get(name) == value for name, value in wanted.items())

    def __str__(self) -> str:
        told = ", ".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.alert}{{{told}}}" if told else self.alert


@dataclass(frozen=True)
class Fault:
    """One fault.

    Args:
        name: Of the fault, as `./rehearse drill NAME` takes it.
        title: What is done to which host, for people.
        expected: The alert that has to fire, be delivered and resolve.
        inject: Makes it. May fail half-way: it is mended then too.
        mend: Undoes it. Knows all by itself and does no harm where nothing is to be undone, since it may be
            another process than the one that made the fault.
        group: Faults of one group are made side by side; groups follow each other in the order of numbers.
        consequences: Other alerts that the fault brings along, of which it does not matter whether they come.
        inhibited: Alerts of which one at least fires too, and of which nobody must be notified meanwhile.
        hold: Seconds for which the fault stays after its alert is delivered, for these to come.
        needs: A service of the catalogue without which its alert cannot fire.
        patience: Seconds that the alert may take to be delivered, and after the mending to be resolved.
    """

    name: str
    title: str
    expected: Expected
    inject: Callable[[Site], None]
    mend: Callable[[Site], None]
    group: int
    consequences: tuple[Expected, ...] = ()
    inhibited: tuple[Expected, ...] = ()
    hold: float = 0.0
    needs: str | None = None
    patience: float = 120.0

    def allows(self, labels: Labels) -> bool:
        """Return whether an alert may fire because of it."""
        return any(each.matches(labels) for each in (self.expected, *self.consequences, *self.inhibited))

    def silences(self, labels: Labels) -> bool:
        """Return whether Alertmanager has to keep an alert to itself because of it."""
        heard = (self.expected, *self.consequences)
        return not any(each.matches(labels) for each in heard) and any(
            each.matches(labels) for each in self.inhibited
        )


@dataclass(frozen=True)
class NotDrilled:
    """A fault that cannot be made here for one host alone, so that only promtool tests its alert."""

    name: str
    alert: str
    reason: str
