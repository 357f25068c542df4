"""The faults that a drill knows, in the order in which it makes them."""

from rehearsal.drill.fault import Fault, NotDrilled
from rehearsal.drill.faults import app, hosts, monitoring, storage

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in sorted(
        (*app.FAULTS, *hosts.FAULTS, *storage.FAULTS, *monitoring.FAULTS), key=lambda each: each.group
    )
}
OF_THE_MACHINE = hosts.OF_THE_MACHINE
NOT_DRILLED: dict[str, NotDrilled] = {each.name: each for each in hosts.NOT_DRILLED}
