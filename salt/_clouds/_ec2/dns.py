"""A machine's name in a private zone of Route 53: written at launch, removed when it is destroyed."""

from __future__ import annotations

from typing import Any

from salt.exceptions import SaltCloudNotFound

from . import machines
from .errors import explained, ignored
from .provider import Provider

# Seconds: how long a resolver may keep an address. A machine that is replaced gets another one.
TTL = 30
SHARED_FOR = 300


def zone_id(provider: Provider, zone: str) -> str:
    """Return the id of a private hosted zone.

    Raises:
        SaltCloudNotFound: There is none of this name.
    """

    def listing() -> list[str]:
        with explained(f"looking for private zone {zone}"):
            answer = provider.client("route53").list_hosted_zones_by_name(DNSName=zone)
        return [
            one["Id"].rpartition("/")[2]
            for one in answer["HostedZones"]
            if one["Name"] == f"{zone.rstrip('.')}." and one.get("Config", {}).get("PrivateZone")
        ]

    ids = provider.state.once(f"zone-{zone}", SHARED_FOR, listing)
    if not ids:
        raise SaltCloudNotFound(f"private_zone: there is no private hosted zone {zone}")
    return str(ids[0])


def publish(provider: Provider, instance: machines.Instance) -> None:
    """Give a machine its name in the zone that its tags say, if they say one."""
    zone = machines.tags(instance).get(machines.ZONE_TAG)
    if zone:
        name = machines.name(instance)
        with explained(f"writing {name}.{zone}"):
            _change(provider, zone, "UPSERT", _record(name, zone, instance["PrivateIpAddress"], TTL))


def withdraw(provider: Provider, instance: machines.Instance) -> None:
    """Remove a machine's name from its zone, unless it belongs to another machine by now."""
    zone = machines.tags(instance).get(machines.ZONE_TAG)
    if not zone:
        return
    name = machines.name(instance)
    with explained(f"removing {name}.{zone}"):
        answer = provider.client("route53").list_resource_record_sets(
            HostedZoneId=zone_id(provider, zone),
            StartRecordName=f"{name}.{zone}",
            StartRecordType="A",
            MaxItems="1",
        )
        for record in answer["ResourceRecordSets"]:
            values = [one["Value"] for one in record.get("ResourceRecords", ())]
            own = record["Name"] == f"{name}.{zone.rstrip('.')}." and record["Type"] == "A"
            if own and values == [instance.get("PrivateIpAddress")]:
                with ignored("InvalidChangeBatch"):  # it is gone: the answer to a first try was lost
                    _change(provider, zone, "DELETE", record)


def records(provider: Provider, zone: str) -> list[dict[str, Any]]:
    """Return all records of a private zone."""
    with explained(f"listing the records of {zone}"):
        pages = provider.client("route53").get_paginator("list_resource_record_sets")
        return [
            record
            for page in pages.paginate(HostedZoneId=zone_id(provider, zone))
            for record in page["ResourceRecordSets"]
        ]


def _record(name: str, zone: str, address: str, ttl: int) -> dict[str, Any]:
    return {"Name": f"{name}.{zone}", "Type": "A", "TTL": ttl, "ResourceRecords": [{"Value": address}]}


def _change(provider: Provider, zone: str, action: str, record: dict[str, Any]) -> None:
    provider.client("route53").change_resource_record_sets(
        HostedZoneId=zone_id(provider, zone),
        ChangeBatch={"Comment": "salt-cloud", "Changes": [{"Action": action, "ResourceRecordSet": record}]},
    )
