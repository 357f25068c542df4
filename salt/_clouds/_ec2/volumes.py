"""Volumes of EBS: functions and actions of salt-cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salt.exceptions import SaltCloudConfigError, SaltCloudNotFound

from . import machines, storage
from .arguments import flag, listed, mapped
from .errors import explained
from .options import each, keys
from .provider import Provider
from .schema_devices import VOLUME

DEFAULT_SIZE = 10  # GiB


def create(
    provider: Provider,
    zone: str | None = None,
    size: int | str | None = None,
    snapshot: str | None = None,
    type: str = "gp3",
    iops: int | str | None = None,
    throughput: int | str | None = None,
    encrypted: bool | str = True,
    kmskeyid: str | None = None,
    tags: Mapping[str, Any] | str | None = None,
) -> dict[str, Any]:
    """
    Create a volume, encrypted unless told otherwise.

    In ``zone`` (default: the provider's ``availability_zone``), of ``size`` (GiB; 10) or from ``snapshot``.
    Also ``type`` (gp3), ``iops``, ``throughput`` (MiB/s), ``kmskeyid``, ``tags`` (JSON).

    .. code-block:: bash

        salt-cloud -f create_volume ec2 zone=eu-west-1a size=10
    """
    zone = zone or provider.settings.get("availability_zone")
    if not zone:
        raise SaltCloudConfigError("create_volume: zone is needed")
    if size is None and snapshot is None:
        size = DEFAULT_SIZE
    wanted = {"size": size, "type": type, "iops": iops, "throughput": throughput, "kmskeyid": kmskeyid}
    body = storage.request(wanted | {"snapshot": snapshot, "encrypted": flag("encrypted", encrypted)})
    body["Size"] = body.pop("VolumeSize", None)
    given = {machines.PROVIDER_TAG: provider.alias, **mapped("tags", tags)}
    body["TagSpecifications"] = [{"ResourceType": "volume", "Tags": machines.as_tags(given)}]
    with explained("creating a volume"):
        answer = provider.client().create_volume(
            AvailabilityZone=zone, **{key: value for key, value in body.items() if value is not None}
        )
    return without_metadata(answer)


def describe(provider: Provider, volume_id: str | None = None) -> list[dict[str, Any]]:
    """
    Return all volumes, or those of ``volume_id`` (several, with commas).

    .. code-block:: bash

        salt-cloud -f describe_volumes ec2
        salt-cloud -f describe_volumes ec2 volume_id=vol-0123456789abcdef0
    """
    request = {"VolumeIds": listed(volume_id)} if volume_id else {}
    with explained("listing volumes"):
        return list(machines.plain(provider.pages("describe_volumes", "Volumes", **request)))


def show(provider: Provider, volume_id: str) -> dict[str, Any]:
    """
    Return a volume, by ``volume_id``.

    .. code-block:: bash

        salt-cloud -f show_volume ec2 volume_id=vol-0123456789abcdef0
    """
    return describe(provider, volume_id)[0]


def delete(provider: Provider, volume_id: str) -> bool:
    """
    Delete a volume, by ``volume_id``.

    .. code-block:: bash

        salt-cloud -f delete_volume ec2 volume_id=vol-0123456789abcdef0
    """
    with explained(f"deleting {volume_id}"):
        provider.client().delete_volume(VolumeId=volume_id)
    return True


def attach(provider: Provider, name: str, volume_id: str, device: str) -> dict[str, Any]:
    """
    Attach ``volume_id`` to a machine as ``device``.

    .. code-block:: bash

        salt-cloud -a attach_volume app-1 volume_id=vol-0123456789abcdef0 device=/dev/sdg
    """
    instance = machines.get(provider, name)
    with explained(f"attaching {volume_id} to {name} as {device}"):
        answer = provider.client().attach_volume(
            VolumeId=volume_id, InstanceId=instance["InstanceId"], Device=device
        )
    return without_metadata(answer)


def detach(provider: Provider, name: str | None = None, volume_id: str = "") -> dict[str, Any]:
    """
    Detach ``volume_id``.

    .. code-block:: bash

        salt-cloud -a detach_volume app-1 volume_id=vol-0123456789abcdef0
    """
    if not volume_id:
        raise SaltCloudConfigError("detach_volume: volume_id is needed")
    request = {"InstanceId": machines.get(provider, name)["InstanceId"]} if name else {}
    with explained(f"detaching {volume_id}"):
        return without_metadata(provider.client().detach_volume(VolumeId=volume_id, **request))


def create_attached(provider: Provider, name: str, volumes: Any) -> list[dict[str, Any]]:
    """
    Create volumes and attach them to a machine: ``volumes`` as a profile has them.

    .. code-block:: bash

        salt-cloud -a create_attach_volumes app-1 volumes='[{"size": 10, "device": "/dev/sdg"}]'
    """
    wanted = listed(volumes)
    found = each(keys(VOLUME))("volumes", wanted)
    if found:
        raise SaltCloudConfigError(f"create_attach_volumes: {'; '.join(found)}")
    instance = machines.get(provider, name)
    done = []
    for device, volume in storage.volumes({"volumes": wanted}).items():
        volume_id = volume.get("volume_id")
        if not volume_id:
            known = ("size", "snapshot", "type", "iops", "throughput", "encrypted", "kmskeyid")
            volume_id = create(
                provider,
                instance["Placement"]["AvailabilityZone"],
                **{key: volume[key] for key in known if key in volume},
                tags={"Name": name, storage.DEVICE_TAG: device, **(volume.get("tags") or {})},
            )["VolumeId"]
            with explained(f"waiting for {volume_id}"):
                provider.client().get_waiter("volume_available").wait(VolumeIds=[volume_id])
        done.append(attach(provider, name, volume_id, device))
    return done


def show_delete_on_destroy(
    provider: Provider, name: str, device: str | None = None, volume_id: str | None = None
) -> list[dict[str, Any]]:
    """
    Return which volumes of a machine go when it is destroyed: all, or ``device`` or ``volume_id``.

    .. code-block:: bash

        salt-cloud -a show_delvol_on_destroy app-1
    """
    return [
        {
            "device": mapping["DeviceName"],
            "volume_id": mapping["Ebs"]["VolumeId"],
            "delete_on_termination": mapping["Ebs"]["DeleteOnTermination"],
        }
        for mapping in _mappings(machines.get(provider, name), device, volume_id)
    ]


def delete_on_destroy(
    provider: Provider, name: str, device: str | None = None, volume_id: str | None = None
) -> list[dict[str, Any]]:
    """
    Let volumes go when the machine is destroyed: all, or ``device`` or ``volume_id``.

    .. code-block:: bash

        salt-cloud -a delvol_on_destroy app-1 device=/dev/sdf
    """
    return _set_delete_on_destroy(provider, name, device, volume_id, True)


def keep_on_destroy(
    provider: Provider, name: str, device: str | None = None, volume_id: str | None = None
) -> list[dict[str, Any]]:
    """
    Keep volumes when the machine is destroyed: all, or ``device`` or ``volume_id``.

    .. code-block:: bash

        salt-cloud -a keepvol_on_destroy app-1
    """
    return _set_delete_on_destroy(provider, name, device, volume_id, False)


def _set_delete_on_destroy(
    provider: Provider, name: str, device: str | None, volume_id: str | None, goes: bool
) -> list[dict[str, Any]]:
    instance = machines.get(provider, name)
    with explained(f"changing volumes of {name}"):
        provider.client().modify_instance_attribute(
            InstanceId=instance["InstanceId"],
            BlockDeviceMappings=[
                {"DeviceName": mapping["DeviceName"], "Ebs": {"DeleteOnTermination": goes}}
                for mapping in _mappings(instance, device, volume_id)
            ],
        )
    return show_delete_on_destroy(provider, name, device, volume_id)


def _mappings(instance: machines.Instance, device: str | None, volume_id: str | None) -> list[dict[str, Any]]:
    found = [
        mapping
        for mapping in instance.get("BlockDeviceMappings") or ()
        if device in (None, mapping["DeviceName"]) and volume_id in (None, mapping["Ebs"]["VolumeId"])
    ]
    if not found:
        raise SaltCloudNotFound(
            f"{machines.name(instance)} has no volume {volume_id or device or ''}".rstrip()
        )
    return found


def without_metadata(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer of boto3 without what is about the request."""
    return {key: machines.plain(value) for key, value in answer.items() if key != "ResponseMetadata"}
