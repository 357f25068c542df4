"""Images: by id, by name pattern, by parameter of Systems Manager."""

from __future__ import annotations

from typing import Any

from salt.exceptions import SaltCloudConfigError, SaltCloudNotFound

from .errors import explained
from .machines import plain
from .provider import Provider

# Seconds for which the members of a map share an answer.
SHARED_FOR = 300


def resolve(provider: Provider, wanted: str, owner: str | list[str] | None) -> dict[str, Any]:
    """Return the image that a profile's ``image`` means, as DescribeImages has it.

    Args:
        provider: Where.
        wanted: An image id, ``ssm:`` and the path of a parameter that holds one, or a pattern (``*``, ``?``)
            of names, which means the newest available image.
        owner: Whose image a pattern may mean: account ids, ``self``, ``amazon``. Anybody can publish an image
            of any name, so a pattern needs one.

    Raises:
        SaltCloudNotFound: There is no such image, or it is not available.
        SaltCloudConfigError: A pattern without an owner.
    """
    owners = [str(one) for one in (owner if isinstance(owner, list) else [owner] if owner else [])]
    key = f"image-{wanted}-{'-'.join(owners)}"
    image: dict[str, Any] = provider.state.once(
        key, SHARED_FOR, lambda: plain(_resolve(provider, wanted, owners))
    )
    return image


def _resolve(provider: Provider, wanted: str, owners: list[str]) -> dict[str, Any]:
    if wanted.startswith("ssm:"):
        with explained(f"reading parameter {wanted[4:]} for the image"):
            parameter = provider.client("ssm").get_parameter(Name=wanted[4:])
        wanted = parameter["Parameter"]["Value"]
    if wanted.startswith("ami-"):
        with explained(f"looking for image {wanted}"):
            found = provider.pages("describe_images", "Images", ImageIds=[wanted])
    else:
        if not owners:
            raise SaltCloudConfigError(
                f"image: {wanted} is a pattern of names; set `owner` to the account that may have made it"
            )
        with explained(f"looking for images named {wanted}"):
            found = provider.pages(
                "describe_images", "Images", Owners=owners, Filters=[{"Name": "name", "Values": [wanted]}]
            )
    available = [image for image in found if image.get("State", "available") == "available"]
    if not available:
        of = f" of {', '.join(owners)}" if owners else ""
        raise SaltCloudNotFound(f"no available image {wanted}{of} in {provider.region}")
    return max(available, key=lambda image: (str(image.get("CreationDate")), image["ImageId"]))
