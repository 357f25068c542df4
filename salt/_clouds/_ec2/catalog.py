"""What a region offers: locations, images, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salt.exceptions import SaltCloudConfigError

from . import machines, options, plan, prices
from .arguments import listed
from .errors import explained
from .machines import plain
from .network import as_list
from .provider import Provider


def locations(provider: Provider) -> dict[str, Any]:
    """Return the regions that the account can use, by name."""
    with explained("listing the regions"):
        regions = provider.client().describe_regions()["Regions"]
    return {one["RegionName"]: {"name": one["RegionName"], "endpoint": one["Endpoint"]} for one in regions}


def images(provider: Provider, owner: str | None = None, name: str | None = None) -> dict[str, Any]:
    """Return the images of an owner by id.

    Args:
        provider: Where.
        owner: Account id, ``self``, ``amazon``, ``aws-marketplace`` or ``all``; default the
            provider's ``owner``, else ``self``.
        name: Pattern of their names.
    """
    owners = as_list(owner or provider.settings.get("owner") or "self")
    filters = [{"Name": "name", "Values": [name]}] if name else []
    named = {} if "all" in owners else {"Owners": owners}
    with explained(f"listing the images of {', '.join(owners)}"):
        found = provider.pages("describe_images", "Images", **named, Filters=filters)
    return {one["ImageId"]: plain(one) | {"name": one.get("Name"), "id": one["ImageId"]} for one in found}


def sizes(provider: Provider) -> dict[str, Any]:
    """Return the region's instance types by name, with cores, memory (MiB) and architectures."""
    with explained("listing the instance types"):
        found = provider.pages("describe_instance_types", "InstanceTypes")
    return {
        one["InstanceType"]: {
            "id": one["InstanceType"],
            "cores": one.get("VCpuInfo", {}).get("DefaultVCpus"),
            "ram": one.get("MemoryInfo", {}).get("SizeInMiB"),
            "architectures": one.get("ProcessorInfo", {}).get("SupportedArchitectures", []),
        }
        for one in found
    }


def availability_zones(provider: Provider) -> dict[str, str]:
    """
    Return the zones of the region and their states.

    .. code-block:: bash

        salt-cloud -f list_availability_zones ec2
    """
    with explained("listing the zones"):
        found = provider.client().describe_availability_zones()["AvailabilityZones"]
    return {one["ZoneName"]: one["State"] for one in found}


def show_image(provider: Provider, image: str) -> dict[str, Any]:
    """
    Return an image, by id.

    .. code-block:: bash

        salt-cloud -f show_image ec2 image=ami-0123456789abcdef0
    """
    with explained(f"looking for image {image}"):
        found = provider.pages("describe_images", "Images", ImageIds=[image])
    return dict(plain(found[0]))


def register_image(
    provider: Provider,
    ami_name: str,
    snapshot_id: str | None = None,
    block_device_mapping: Any = None,
    root_device_name: str = "/dev/xvda",
    architecture: str = "x86_64",
    virtualization_type: str = "hvm",
    description: str = "",
    boot_mode: str | None = None,
    volume_type: str = "gp3",
) -> dict[str, Any]:
    """
    Make an image ``ami_name`` of ``snapshot_id``, or of a whole ``block_device_mapping`` (JSON).

    It asks for IMDSv2 and enhanced networking, as images should.

    .. code-block:: bash

        salt-cloud -f register_image ec2 ami_name=app-2 snapshot_id=snap-0123456789abcdef0
    """
    mapping = listed(block_device_mapping)
    if not mapping and not snapshot_id:
        raise SaltCloudConfigError("register_image: snapshot_id or block_device_mapping is needed")
    mapping = mapping or [
        {"DeviceName": root_device_name, "Ebs": {"SnapshotId": snapshot_id, "VolumeType": volume_type}}
    ]
    given = {machines.PROVIDER_TAG: provider.alias}
    with explained(f"registering image {ami_name}"):
        answer = provider.client().register_image(
            Name=ami_name,
            Description=description,
            Architecture=architecture,
            RootDeviceName=root_device_name,
            VirtualizationType=virtualization_type,
            BlockDeviceMappings=mapping,
            EnaSupport=True,
            ImdsSupport="v2.0",
            TagSpecifications=[{"ResourceType": "image", "Tags": machines.as_tags(given)}],
            **({"BootMode": boot_mode} if boot_mode else {}),
        )
    return {"ImageId": answer["ImageId"]}


def show_pricing(provider: Provider, profile: str) -> dict[str, Any]:
    """
    Return what a machine of ``profile`` costs a month on demand, by the driver's price table.

    .. code-block:: bash

        salt-cloud -f show_pricing ec2 profile=app
    """
    settings = plan.settings_of(provider, "machine", profile, {})
    cost = plan.cost(provider, settings, plan.volumes(provider, settings))
    if cost.monthly is None:
        known: Mapping[str, float] = prices.HOURLY.get(provider.region, {})
        raise SaltCloudConfigError(
            f"show_pricing: no price is known of {', '.join(cost.unknown)}"
            f"{options.nearest(settings['size'], known)}; give it in the provider's `prices`"
        )
    return {"monthly": cost.monthly, "currency": prices.CURRENCY, "prices_as_of": prices.AS_OF}
