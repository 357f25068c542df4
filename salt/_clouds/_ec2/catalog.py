"""What a region offers: locations, images, sizes."""

from __future__ import annotations

from typing import Any

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
        owner: Account id, ``self`` or ``amazon``; default the provider's ``owner``, else ``self``.
        name: Pattern of their names.
    """
    owners = as_list(owner or provider.settings.get("owner") or "self")
    filters = [{"Name": "name", "Values": [name]}] if name else []
    with explained(f"listing the images of {', '.join(owners)}"):
        found = provider.pages("describe_images", "Images", Owners=owners, Filters=filters)
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
