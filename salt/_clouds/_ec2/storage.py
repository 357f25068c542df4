"""Volumes of a machine to be launched, and those that it had before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import machines
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
_NUMBERS = ("VolumeSize", "Iops", "Throughput")
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
        ebs = {"VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True} | root.get("Ebs", {})
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
        for one in by_device.values():
            if "Ebs" in one:
                one["Ebs"]["DeleteOnTermination"] = settings["del_all_vols_on_destroy"]
    return list(by_device.values())


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
    return plain


def kept(provider: Provider, name: str, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the volumes that an earlier machine of this name has left, by the device they belong to.

    Args:
        provider: Where.
        name: The machine's.
        settings: The machine's; only devices that it has are looked for.
    """
    wanted = [device for device, volume in volumes(settings).items() if not volume.get("volume_id")]
    if not wanted:
        return {}
    with explained(f"looking for volumes that {name} has left"):
        found = provider.pages(
            "describe_volumes",
            "Volumes",
            Filters=[
                {"Name": "tag:Name", "Values": [name]},
                {"Name": f"tag:{machines.PROVIDER_TAG}", "Values": [provider.alias]},
                {"Name": f"tag:{DEVICE_TAG}", "Values": wanted},
                {"Name": "status", "Values": ["available", "in-use"]},
            ],
        )
    newest_last = sorted(found, key=lambda volume: str(volume.get("CreateTime")))
    return {machines.tags(volume)[DEVICE_TAG]: volume for volume in newest_last}
