"""What a fleet's tags still own: resources that nobody uses, and that cost or mislead."""

from __future__ import annotations

from pathlib import Path

from . import dns, machines, storage
from .errors import explained
from .provider import Provider


def find(provider: Provider, tag: str | None = None, value: str | None = None) -> dict[str, list[str]]:
    """
    Return what the provider's tag (or ``tag`` and ``value``) still owns, by kind.

    ``instances`` are the machines that are there. ``volumes`` are attached to nothing; nor are
    ``kept_volumes``, which are attached again when their machine is back. ``interfaces`` and ``addresses``
    are used by nothing, ``snapshots`` and ``images`` are paid for until they are deleted. ``untagged`` is
    what those machines refer to that would outlive them and that no tag would find. ``records`` are names in
    the private zone, and ``minion_keys`` accepted keys, of machines that are not there.
    """
    key, wanted = tag or machines.PROVIDER_TAG, value if tag else provider.alias
    filters = (
        [{"Name": f"tag:{key}", "Values": [wanted]}] if wanted else [{"Name": "tag-key", "Values": [key]}]
    )
    alive = machines.alive(provider, filters)
    with explained("looking for what is left"):
        volumes = provider.pages("describe_volumes", "Volumes", Filters=filters)
        interfaces = provider.pages("describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        snapshots = provider.pages("describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=filters)
        images = provider.pages("describe_images", "Images", Owners=["self"], Filters=filters)
        addresses = provider.client().describe_addresses(Filters=filters)["Addresses"]
    unused = [volume for volume in volumes if volume["State"] == "available"]
    kept = [volume for volume in unused if storage.DEVICE_TAG in machines.tags(volume)]
    tagged = {volume["VolumeId"] for volume in volumes} | {one["NetworkInterfaceId"] for one in interfaces}
    present = _everyone(provider) if _needs_everyone(provider) else []
    found = {
        "instances": [instance["InstanceId"] for instance in alive],
        "volumes": [volume["VolumeId"] for volume in unused if volume not in kept],
        "kept_volumes": [volume["VolumeId"] for volume in kept],
        "interfaces": [one["NetworkInterfaceId"] for one in interfaces if one["Status"] == "available"],
        "addresses": [one["PublicIp"] for one in addresses if "AssociationId" not in one],
        "snapshots": [one["SnapshotId"] for one in snapshots],
        "images": [one["ImageId"] for one in images],
        "untagged": [one for instance in alive for one in outliving(instance) if one not in tagged],
        "records": _records(provider, present),
        "minion_keys": _minion_keys(provider, present),
    }
    return {kind: sorted(ids) for kind, ids in found.items() if ids}


def outliving(instance: machines.Instance) -> list[str]:
    """Return the ids of the volumes and interfaces of a machine that stay when it is terminated."""
    volumes = [
        mapping["Ebs"]["VolumeId"]
        for mapping in instance.get("BlockDeviceMappings") or ()
        if "Ebs" in mapping and not mapping["Ebs"].get("DeleteOnTermination", True)
    ]
    interfaces = [
        one["NetworkInterfaceId"]
        for one in instance.get("NetworkInterfaces") or ()
        if not one.get("Attachment", {}).get("DeleteOnTermination", True)
    ]
    return volumes + interfaces


def _everyone(provider: Provider) -> list[machines.Instance]:
    """Return every machine there is, whoever launched it: a name or a key of another's is no leak."""
    conditions = [{"Name": "instance-state-name", "Values": list(machines.ALIVE)}]
    with explained("listing the machines"):
        found = provider.pages("describe_instances", "Reservations", Filters=conditions)
    return [instance for reservation in found for instance in reservation["Instances"]]


def _needs_everyone(provider: Provider) -> bool:
    return bool(provider.settings.get("private_zone")) or _is_master(provider)


def _is_master(provider: Provider) -> bool:
    return Path(provider.opts["pki_dir"], "master.pem").is_file()


def _records(provider: Provider, present: list[machines.Instance]) -> list[str]:
    """Return the host names of the provider's private zone whose address no machine has."""
    zone = provider.settings.get("private_zone")
    if not zone:
        return []
    own = {instance.get("PrivateIpAddress") for instance in present}
    return [
        record["Name"].rstrip(".")
        for record in dns.records(provider, zone)
        if record["Type"] == "A" and not own & {one["Value"] for one in record.get("ResourceRecords", ())}
    ]


def _minion_keys(provider: Provider, present: list[machines.Instance]) -> list[str]:
    """Return the accepted keys of a master here that are of no machine there is."""
    accepted = Path(provider.opts["pki_dir"], "minions")
    if not _is_master(provider) or not accepted.is_dir():
        return []
    names = {machines.name(instance) for instance in present}
    return [path.name for path in accepted.iterdir() if path.name not in names]
