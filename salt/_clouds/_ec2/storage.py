"""Volumes of a machine to be launched, and those that it had before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from salt.exceptions import SaltCloudConfigError

from . import machines
from .arguments import flag
from .errors import explained
from .provider import Provider

Settings = Mapping[str, Any]

# The device a kept volume is attached as, written on it so that a new machine of that name finds it.
DEVICE_TAG = "salt-cloud:device"

_EBS = {
    "size": ("VolumeSize", int),
    "type": ("VolumeType", str),
    "iops": ("Iops", int),
    "throughput": ("Throughput", int),
    "encrypted": ("Encrypted", bool),
    "kmskeyid": ("KmsKeyId", str),
    "snapshot": ("SnapshotId", str),
    "delete_on_termination": ("DeleteOnTermination", bool),
}
# Seconds for which the members of a map share an answer.
SHARED_FOR = 30
_NUMBERS = ("VolumeSize", "Iops", "Throughput")
_FLAGS = ("Encrypted", "DeleteOnTermination")
# Devices after the root's, in the order in which volumes that name none get them.
_DEVICES = [f"/dev/sd{letter}" for letter in "fghijklmnop"]


def mappings(settings: Settings, image: Mapping[str, Any], attached: Iterable[str]) -> list[dict[str, Any]]:
    """Return a machine's block devices as RunInstances takes them.

    Args:
        settings: The machine's.
        image: Its image, for the root device.
        attached: Devices whose volume exists already and is attached later.
    """
    by_device = {
        one["DeviceName"]: one for one in map(_undotted, settings.get("block_device_mappings") or ())
    }
    root_name = image.get("RootDeviceName")
    if root_name:
        root = by_device.setdefault(root_name, {"DeviceName": root_name})
        ebs = {"VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
        ebs |= _size_of_root(image, root_name) | root.get("Ebs", {})
        if settings.get("del_root_vol_on_destroy") is not None:
            ebs["DeleteOnTermination"] = settings["del_root_vol_on_destroy"]
        root["Ebs"] = ebs | request(settings.get("root_volume") or {})
    for device, volume in volumes(settings).items():
        if device not in attached and not volume.get("volume_id"):
            ebs = {"DeleteOnTermination": False, "VolumeType": "gp3"} | request(volume)
            if "SnapshotId" not in ebs:
                ebs.setdefault("Encrypted", True)
            by_device[device] = {"DeviceName": device, "Ebs": ebs}
    if settings.get("del_all_vols_on_destroy") is not None:
        for device, one in by_device.items():
            if "Ebs" in one and (device != root_name or settings.get("del_root_vol_on_destroy") is None):
                one["Ebs"]["DeleteOnTermination"] = settings["del_all_vols_on_destroy"]
    return [{key: value for key, value in one.items() if key != "tag"} for one in by_device.values()]


def own_tags(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the tags that single volumes of a machine get, by device."""
    mapped = {
        one["DeviceName"]: one["tag"] for one in settings.get("block_device_mappings") or () if one.get("tag")
    }
    return mapped | {
        device: {DEVICE_TAG: device} | (volume.get("tags") or {})
        for device, volume in volumes(settings).items()
    }


def _size_of_root(image: Mapping[str, Any], root_name: str) -> dict[str, int]:
    for mapping in image.get("BlockDeviceMappings") or ():
        if mapping.get("DeviceName") == root_name and "VolumeSize" in mapping.get("Ebs", {}):
            return {"VolumeSize": int(mapping["Ebs"]["VolumeSize"])}
    return {}


def volumes(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return a machine's ``volumes`` by device; those that name none get the next free one from /dev/sdf."""
    wanted = [dict(one) for one in settings.get("volumes") or ()]
    taken = {one["device"] for one in wanted if one.get("device")}
    free = (device for device in _DEVICES if device not in taken)
    return {one.get("device") or next(free): one for one in wanted}


def request(volume: Settings) -> dict[str, Any]:
    """Return a volume of ours as the ``Ebs`` that RunInstances takes."""
    return {
        _EBS[key][0]: _EBS[key][1](value)
        for key, value in volume.items()
        if key in _EBS and value is not None
    }


def _undotted(given: Settings) -> dict[str, Any]:
    """Return a mapping as the API has it: ``Ebs.VolumeSize: 20`` becomes ``Ebs: {VolumeSize: 20}``."""
    plain: dict[str, Any] = {}
    for key, value in given.items():
        outer, _, inner = key.partition(".")
        if inner:
            plain.setdefault(outer, {})[inner] = value
        else:
            plain[key] = dict(value) if isinstance(value, Mapping) else value
    for key in _NUMBERS:
        if key in plain.get("Ebs", {}):
            plain["Ebs"][key] = int(plain["Ebs"][key])
    for key in _FLAGS:
        if key in plain.get("Ebs", {}):
            plain["Ebs"][key] = flag(key, plain["Ebs"][key])
    return plain


def existing(provider: Provider, name: str, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the volumes that exist already and are to be attached to a machine, by device.

    Those are the ones that its ``volumes`` name by ``volume_id``, and the ones that an earlier machine of its
    name has left (its data outlives a rebuild).
    """
    wanted = volumes(settings)
    named = {device: volume["volume_id"] for device, volume in wanted.items() if volume.get("volume_id")}
    found = _by_id(provider, named) if named else {}
    own = [device for device in wanted if device not in named]
    return (_left_by(provider, name, own) if own else {}) | found


def _by_id(provider: Provider, named: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    with explained(f"looking for volumes {', '.join(named.values())}"):
        found = provider.pages("describe_volumes", "Volumes", VolumeIds=list(named.values()))
    by_id = {volume["VolumeId"]: volume for volume in found}
    return {device: by_id[volume_id] for device, volume_id in named.items()}


def _left_by(provider: Provider, name: str, devices: list[str]) -> dict[str, dict[str, Any]]:
    def listing() -> Any:
        filters = [
            {"Name": f"tag:{machines.PROVIDER_TAG}", "Values": [provider.alias]},
            {"Name": "tag-key", "Values": [DEVICE_TAG]},
        ]
        with explained("looking for volumes that earlier machines have left"):
            return machines.plain(provider.pages("describe_volumes", "Volumes", Filters=filters))

    # One listing for all members of a map, and not one of each.
    found = [
        volume
        for volume in provider.state.once("volumes", SHARED_FOR, listing)
        if machines.name_tag(volume) == name
        and volume["State"] in ("available", "in-use")
        and machines.tags(volume)[DEVICE_TAG] in devices
    ]
    newest_last = sorted(found, key=lambda volume: str(volume.get("CreateTime")))
    return {machines.tags(volume)[DEVICE_TAG]: volume for volume in newest_last}


def check_zone(attached: Mapping[str, Settings], zone: str | None) -> None:
    """Refuse a launch in another zone than the volumes that are to be attached to it are in.

    Raises:
        SaltCloudConfigError: They are in another zone; says which.
    """
    for device, volume in attached.items():
        if zone and volume["AvailabilityZone"] != zone:
            raise SaltCloudConfigError(
                f"{volume['VolumeId']} ({device}) is in {volume['AvailabilityZone']}, the machine would be in"
                f" {zone}: give it a subnet there, or remove the volume"
            )
