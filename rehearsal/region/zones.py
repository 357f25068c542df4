"""Route 53's private hosted zones, read again only when Route 53's or EC2's state has changed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any

Records = dict[tuple[str, str], tuple[int, list[str]]]  # (name, type) → seconds to live, values


def _name(text: str) -> str:
    return text.replace("\\052", "*").lower().rstrip(".")


@dataclass(frozen=True)
class Zone:
    """A private zone: its name without the final dot, who may ask, and its records by name and type."""

    name: str
    networks: tuple[IPv4Network, ...]
    records: Records = field(default_factory=dict)

    def serves(self, source: IPv4Address) -> bool:
        """Return whether ``source`` is in a VPC that the zone is associated with."""
        return any(source in network for network in self.networks)

    def holds(self, name: str) -> bool:
        """Return whether ``name`` is in the zone."""
        return name == self.name or name.endswith("." + self.name)

    def owner(self, name: str) -> str | None:
        """Return the name whose records answer for ``name``: itself or a wildcard (RFC 4592), or None.

        A name with names below it exists, with no records of its own, and so no wildcard covers it.
        """
        owners = {owner for owner, _ in self.records}
        if any(owner == name or owner.endswith("." + name) for owner in owners):
            return name
        parent = name.partition(".")[2]
        while self.holds(parent):
            if f"*.{parent}" in owners:
                return f"*.{parent}"
            if any(owner == parent or owner.endswith("." + parent) for owner in owners):
                return None  # the closest encloser has no wildcard
            parent = parent.partition(".")[2]
        return None


class Zones:
    """The private zones of the account."""

    def __init__(self, route53: Any, ec2: Any, generation: Callable[[], object]):
        """Read with boto3 clients, again when ``generation`` returns something new."""
        self._route53, self._ec2 = route53, ec2
        self._generation = generation
        self._lock = threading.Lock()
        self._read_at: object = None
        self._zones: list[Zone] = []

    def current(self) -> list[Zone]:
        """Return the zones, those of the longest names first."""
        with self._lock:
            generation = self._generation()
            if generation != self._read_at:
                self._zones = sorted(self._read(), key=lambda zone: -len(zone.name))
                self._read_at = generation
            return self._zones

    def _read(self) -> list[Zone]:
        networks = {vpc["VpcId"]: IPv4Network(vpc["CidrBlock"]) for vpc in self._ec2.describe_vpcs()["Vpcs"]}
        zones = []
        for page in self._route53.get_paginator("list_hosted_zones").paginate():
            for item in page["HostedZones"]:
                if not item.get("Config", {}).get("PrivateZone"):
                    continue
                associated = self._route53.get_hosted_zone(Id=item["Id"]).get("VPCs", [])
                served = tuple(networks[vpc["VPCId"]] for vpc in associated if vpc["VPCId"] in networks)
                zones.append(Zone(_name(item["Name"]), served, self._records(item["Id"])))
        return zones

    def _records(self, zone_id: str) -> Records:
        records: Records = {}
        pages = self._route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        for page in pages:
            for item in page["ResourceRecordSets"]:
                values = [value["Value"] for value in item.get("ResourceRecords", [])]
                records[_name(item["Name"]), item["Type"]] = (item.get("TTL", 60), values)
        return records
