"""Starting, stopping and rebooting a machine: actions of salt-cloud."""

from __future__ import annotations

from typing import Any

from . import machines
from .errors import explained
from .lifecycle import Announce
from .provider import Provider


def start(provider: Provider, name: str, announce: Announce) -> dict[str, Any]:
    """
    Start a stopped machine.

    .. code-block:: bash

        salt-cloud -a start app-1
    """
    instance = machines.get(provider, name)
    announce("starting instance", instance_id=instance["InstanceId"])
    return _changed(provider, instance, "start_instances", "StartingInstances")


def stop(provider: Provider, name: str, announce: Announce) -> dict[str, Any]:
    """
    Stop a machine.

    .. code-block:: bash

        salt-cloud -a stop app-1
    """
    instance = machines.get(provider, name)
    announce("stopping instance", instance_id=instance["InstanceId"])
    return _changed(provider, instance, "stop_instances", "StoppingInstances")


def reboot(provider: Provider, name: str, announce: Announce) -> dict[str, Any]:
    """
    Reboot a machine.

    .. code-block:: bash

        salt-cloud -a reboot app-1
    """
    instance = machines.get(provider, name)
    announce("rebooting instance", instance_id=instance["InstanceId"])
    return _changed(provider, instance, "reboot_instances", None)


def _changed(
    provider: Provider, instance: machines.Instance, operation: str, key: str | None
) -> dict[str, Any]:
    """Change the state of a machine.

    Args:
        provider: Where.
        instance: The machine.
        operation: boto3's, as in ``start_instances``.
        key: Where its answer has the change of state; None: it has none.
    """
    with explained(f"{operation.partition('_')[0]} {machines.name(instance)}"):
        answer = getattr(provider.client(), operation)(InstanceIds=[instance["InstanceId"]])
    if key is None:
        return {"id": instance["InstanceId"], "state": instance["State"]["Name"]}
    change = answer[key][0]
    return {
        "id": instance["InstanceId"],
        "prev": change["PreviousState"]["Name"],
        "state": change["CurrentState"]["Name"],
    }
