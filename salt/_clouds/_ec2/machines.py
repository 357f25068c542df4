"""The machines there are, and which of them are this provider's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from salt.exceptions import SaltCloudExecutionFailure, SaltCloudNotFound

from .errors import explained
from .provider import Provider

Instance = dict[str, Any]

# Tags of the driver's own. EC2 allows no "/" in keys that instance metadata shows.
PROVIDER_TAG = "salt-cloud:provider"
PROFILE_TAG = "salt-cloud:profile"
ZONE_TAG = "salt-cloud:zone"  # the private zone that has its name
SPOT_TAG = "salt-cloud:spot"  # type of the spot request that launched it
SSM_TAG = "salt-cloud:ssm"  # associations that were made for it
BOOTSTRAP_TAG = "salt-cloud:bootstrap"
PENDING = "pending"  # or interrupted
FAILED = "failed"
COMPLETE = "complete"

ALIVE = ("pending", "running", "stopping", "stopped")


def tags(resource: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of anything that EC2 describes."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags") or ()}


def as_tags(given: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return tags as EC2 takes them."""
    return [{"Key": str(key), "Value": "" if value is None else str(value)} for key, value in given.items()]


def name_tag(resource: Mapping[str, Any]) -> str:
    """Return the Name tag of anything that EC2 describes, empty if it has none."""
    return tags(resource).get("Name", "")


def name(instance: Instance) -> str:
    """Return a machine's name: its Name tag, or its id."""
    return name_tag(instance) or str(instance["InstanceId"])


def is_half_built(instance: Instance) -> bool:
    """Tell whether a machine was launched to be bootstrapped and never was to the end."""
    return tags(instance).get(BOOTSTRAP_TAG) in (PENDING, FAILED)


def is_failed(instance: Instance) -> bool:
    """Tell whether a machine's bootstrap was given up, as opposed to interrupted."""
    return tags(instance).get(BOOTSTRAP_TAG) == FAILED


def alive(provider: Provider, filters: Iterable[Mapping[str, Any]] = ()) -> list[Instance]:
    """Return the instances of this provider that are neither terminated nor being terminated.

    Args:
        provider: Whose.
        filters: More conditions, as DescribeInstances takes them.
    """
    conditions = [{"Name": "instance-state-name", "Values": list(ALIVE)}, *filters]
    with explained("listing the machines"):
        reservations = provider.pages("describe_instances", "Reservations", Filters=conditions)
    return [
        instance
        for reservation in reservations
        for instance in reservation["Instances"]
        if is_owned(provider, instance)
    ]


def is_owned(provider: Provider, instance: Instance) -> bool:
    """Tell whether a machine is this provider's, and not another's of the same account.

    A machine that no driver tagged is of the first (by name) of the providers that see it.
    """
    rivals = sorted(
        alias
        for alias, drivers in provider.opts.get("providers", {}).items()
        for settings in drivers.values()
        if settings.get("driver", "ec2").endswith("ec2") and _account(settings) == _account(provider.settings)
    )
    owner = tags(instance).get(PROVIDER_TAG)
    if owner in rivals:
        return owner == provider.alias
    return not rivals or rivals[0] == provider.alias


def _account(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(settings.get(key) for key in ("id", "role_arn", "location", "endpoint", "endpoint_url"))


def by_name(instances: Iterable[Instance]) -> dict[str, Instance]:
    """Return machines by name; of several with one name the oldest has it, the others go by their ids."""
    named: dict[str, Instance] = {}
    for instance in sorted(instances, key=lambda one: (str(one.get("LaunchTime")), one["InstanceId"])):
        key = name(instance)
        named[instance["InstanceId"] if key in named else key] = instance
    return named


def find(provider: Provider, wanted: str) -> Instance | None:
    """Return the one living machine of this name or id, or None.

    Raises:
        SaltCloudExecutionFailure: Several machines have the name, or they could not be listed.
    """
    by_id = wanted.startswith("i-") and wanted[2:].isalnum()
    found = alive(provider, [{"Name": "instance-id" if by_id else "tag:Name", "Values": [wanted]}])
    if not found and by_id:
        found = alive(provider, [{"Name": "tag:Name", "Values": [wanted]}])
    return only(found, wanted)


def only(found: list[Instance], wanted: str) -> Instance | None:
    """Return the one machine of the list, None if it is empty.

    Raises:
        SaltCloudExecutionFailure: There are several.
    """
    if len(found) > 1:
        ids = ", ".join(sorted(instance["InstanceId"] for instance in found))
        raise SaltCloudExecutionFailure(
            f"{len(found)} machines are named {wanted}: {ids}. Name the one you mean by its id."
        )
    return found[0] if found else None


def get(provider: Provider, wanted: str) -> Instance:
    """Return the one living machine of this name or id.

    Raises:
        SaltCloudNotFound: There is none.
        SaltCloudExecutionFailure: Several have the name, or they could not be listed.
    """
    instance = find(provider, wanted)
    if instance is None:
        raise SaltCloudNotFound(f"no machine {wanted} in {provider.region} (provider {provider.alias})")
    return instance


def node(instance: Instance) -> dict[str, Any]:
    """Return a machine as salt-cloud's ``list_nodes`` wants it."""
    interfaces = instance.get("NetworkInterfaces") or ()
    private = [
        address["PrivateIpAddress"]
        for interface in interfaces
        for address in interface.get("PrivateIpAddresses") or ()
        if address.get("PrivateIpAddress")
    ]
    public = [
        address["Association"]["PublicIp"]
        for interface in interfaces
        for address in interface.get("PrivateIpAddresses") or ()
        if address.get("Association", {}).get("PublicIp")
    ]
    return {
        "id": instance["InstanceId"],
        "name": name(instance),
        "image": instance.get("ImageId"),
        "size": instance.get("InstanceType"),
        "state": instance["State"]["Name"],
        "private_ips": _first(instance.get("PrivateIpAddress"), private),
        "public_ips": _first(instance.get("PublicIpAddress"), public),
    }


def _first(main: str | None, others: list[str]) -> list[str]:
    return list(dict.fromkeys([*([main] if main else []), *others]))


def full(provider: Provider, instance: Instance) -> dict[str, Any]:
    """Return everything about a machine: salt-cloud's keys, and EC2's own as the API's XML names them.

    Those are the names that ``query.selection`` of older configurations has: ``instanceId``,
    ``privateIpAddress``, ``tagSet``...
    """
    shape = provider.client().meta.service_model.shape_for("Instance")
    translated = {
        shape.members[key].serialization.get("name", key): value
        for key, value in instance.items()
        if key in shape.members
    }
    return plain(translated) | node(instance) | {"tags": tags(instance)}


def plain(value: Any) -> Any:
    """Return a value of boto3's as JSON could have it: dates as ISO 8601."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
