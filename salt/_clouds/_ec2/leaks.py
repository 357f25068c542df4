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
    are used by nothing. ``records`` are names in the private zone, and ``minion_keys`` accepted keys, of
    machines that are not there.

    .. code-block:: bash

        salt-cloud -f leaks ec2
        salt-cloud -f leaks ec2 tag=Fleet value=saltwatch
    """
    key, wanted = tag or machines.PROVIDER_TAG, value if tag else provider.alias
    filters = (
        [{"Name": f"tag:{key}", "Values": [wanted]}] if wanted else [{"Name": "tag-key", "Values": [key]}]
    )
    alive = machines.alive(provider, filters)
    with explained("looking for what is left"):
        volumes = provider.pages("describe_volumes", "Volumes", Filters=filters)
        interfaces = provider.pages("describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        addresses = provider.client().describe_addresses(Filters=filters)["Addresses"]
    unused = [volume for volume in volumes if volume["State"] == "available"]
    kept = [volume for volume in unused if storage.DEVICE_TAG in machines.tags(volume)]
    found = {
        "instances": [instance["InstanceId"] for instance in alive],
        "volumes": [volume["VolumeId"] for volume in unused if volume not in kept],
        "kept_volumes": [volume["VolumeId"] for volume in kept],
        "interfaces": [one["NetworkInterfaceId"] for one in interfaces if one["Status"] == "available"],
        "addresses": [one["PublicIp"] for one in addresses if "AssociationId" not in one],
        "records": _records(provider, alive),
        "minion_keys": _minion_keys(provider, alive),
    }
    return {kind: sorted(ids) for kind, ids in found.items() if ids}


def _records(provider: Provider, alive: list[machines.Instance]) -> list[str]:
    """Return the host names of the provider's private zone whose address no machine has."""
    zone = provider.settings.get("private_zone")
    if not zone:
        return []
    own = {instance.get("PrivateIpAddress") for instance in alive}
    return [
        record["Name"].rstrip(".")
        for record in dns.records(provider, zone)
        if record["Type"] == "A" and not own & {one["Value"] for one in record.get("ResourceRecords", ())}
    ]


def _minion_keys(provider: Provider, alive: list[machines.Instance]) -> list[str]:
    """Return the accepted keys of a master here that are of no machine there is."""
    pki = Path(provider.opts["pki_dir"])
    if not (pki / "master.pem").is_file():
        return []
    names = {machines.name(instance) for instance in alive}
    return [path.name for path in (pki / "minions").iterdir() if path.name not in names]
