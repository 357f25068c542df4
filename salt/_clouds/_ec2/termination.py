"""The end of a machine, and of everything that was made for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from salt.exceptions import SaltCloudException

from . import addresses, dns, launch, leaks, machines, minions, spot, ssm, this_machine
from .errors import explained
from .provider import Provider

log = logging.getLogger(__name__)

# What is to be removed once a machine is terminated, written down before: one entry a machine.
_ENTRY = "terminating-"


def destroy(provider: Provider, name: str, announce: Callable[..., None]) -> dict[str, Any]:
    """Terminate a machine and remove what was made for it. Its ``volumes`` stay.

    Args:
        provider: Where.
        name: The machine's name or id.
        announce: Fires an event.

    Returns:
        The change of state, what of the machine stays (``stays``), and with the provider's last machine what
        is left of the fleet (``leaks``, see `leaks.find`).

    Raises:
        SaltCloudNotFound: There is none.
        SaltCloudExecutionFailure: It is protected, or the machine this runs on.
    """
    instance = machines.get(provider, name)
    announce("destroying instance", "destroying", instance_id=instance["InstanceId"])
    change = terminate(provider, instance, for_good=True) | _left(provider, instance)
    announce("destroyed instance", "destroyed", instance_id=instance["InstanceId"])
    return change


def _left(provider: Provider, instance: machines.Instance) -> dict[str, Any]:
    """Return what stays of a destroyed machine and, if it was the last one, of the fleet."""
    left: dict[str, Any] = {"stays": leaks.outliving(instance)}
    try:
        if not machines.alive(provider):
            left["leaks"] = leaks.find(provider)
    except SaltCloudException as error:  # it is destroyed all the same
        log.warning("%s: what is left is not known: %s", machines.name(instance), error)
    return {key: value for key, value in left.items() if value}


def terminate(provider: Provider, instance: machines.Instance, *, for_good: bool = False) -> dict[str, Any]:
    """Terminate an instance and remove what was made for it: addresses, spot request, DNS record.

    Args:
        provider: Where.
        instance: As EC2 describes it.
        for_good: No other machine takes its place: the master here forgets its minion too.
    """
    id_ = instance["InstanceId"]
    this_machine.refuse(id_)
    rest = machines.plain(
        {"instance": instance, "addresses": addresses.allocated(provider, instance), "for_good": for_good}
    )
    spot.cancel(provider, instance)
    # Of a terminated machine nobody finds these any more: an interrupted run leaves word for the next.
    provider.state.write(f"{_ENTRY}{id_}", rest)
    try:
        with explained(f"destroying {machines.name(instance)} ({id_})"):
            answer = provider.client().terminate_instances(InstanceIds=[id_])
    except Exception:
        provider.state.remove(f"{_ENTRY}{id_}")
        raise
    _remove(provider, rest)
    change = answer["TerminatingInstances"][0]
    return {"id": id_, "prev": change["PreviousState"]["Name"], "now": change["CurrentState"]["Name"]}


def finish(provider: Provider, alive: Iterable[machines.Instance]) -> None:
    """Remove what interrupted runs have left of machines that they had terminated.

    Args:
        provider: Whose.
        alive: The machines there are.
    """
    ids = {instance["InstanceId"] for instance in alive}
    names = {machines.name(instance) for instance in alive}
    for entry in provider.state.names(_ENTRY):
        rest = provider.state.read(entry)
        if entry.removeprefix(_ENTRY) in ids or not rest:
            provider.state.remove(entry)  # it was killed before it had terminated anything
            continue
        log.warning("%s: removing what it had: its destruction was interrupted", entry.removeprefix(_ENTRY))
        # A machine that has the name by now has the key of that name.
        rest["for_good"] = rest["for_good"] and machines.name(rest["instance"]) not in names
        _remove(provider, rest)


def _remove(provider: Provider, rest: dict[str, Any]) -> None:
    instance = rest["instance"]
    name = machines.name(instance)
    addresses.release(provider, rest["addresses"])
    ssm.dissolve(provider, instance)
    dns.withdraw(provider, instance)
    launch.forget(provider, name)
    if rest["for_good"]:
        minions.forget(provider, name)
    provider.state.remove(f"{_ENTRY}{instance['InstanceId']}")
