"""Taking over a machine that something else has launched, an Auto Scaling group for instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salt.exceptions import SaltCloudExecutionFailure

from . import machines
from .errors import explained
from .provider import Provider


def adopted(provider: Provider, name: str, settings: Mapping[str, Any]) -> machines.Instance:
    """Return the machine that ``instance_id`` names, tagged as if the driver had launched it as ``name``.

    Raises:
        SaltCloudNotFound: There is none.
        SaltCloudExecutionFailure: Another machine has the name, or this one has another.
    """
    instance = machines.get(provider, str(settings["instance_id"]))
    id_ = instance["InstanceId"]
    tags = machines.tags(instance)
    if tags.get("Name") == name and machines.PROVIDER_TAG in tags:
        return instance
    if machines.PROVIDER_TAG in tags:
        raise SaltCloudExecutionFailure(
            f"instance_id: {id_} is {machines.name(instance)} already, not {name}"
        )
    other = machines.find(provider, name)
    if other is not None and other["InstanceId"] != id_:
        raise SaltCloudExecutionFailure(
            f"instance_id: {other['InstanceId']} is named {name} already, not {id_}"
        )
    own = {
        **(settings.get("tag") or {}),
        "Name": name,
        machines.PROVIDER_TAG: provider.alias,
        machines.PROFILE_TAG: settings.get("profile"),
        machines.ZONE_TAG: settings.get("private_zone"),
        machines.BOOTSTRAP_TAG: machines.PENDING,
    }
    with explained(f"tagging {id_} as {name}"):
        provider.client().create_tags(
            Resources=[id_], Tags=machines.as_tags({key: value for key, value in own.items() if value})
        )
    return machines.get(provider, id_)
