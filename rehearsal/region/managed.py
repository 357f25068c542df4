"""The hosts on which AWS runs databases and load balancers: an interface in the VPC each, as on AWS.

Interfaces are made and removed here after what RDS and ELB have, so that their addresses are nobody
else's and who removes a network finds it in use.
"""

import logging
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from rehearsal.image.managed import IMAGE
from rehearsal.region import balancers, databases
from rehearsal.region.certificates import issue
from rehearsal.region.services import Service
from rehearsal.settings import Settings

log = logging.getLogger(__name__)

_PREFIXES = ("RDSNetworkInterface ", "ELB ")
Host = tuple[dict[str, Any], Service]


class Managed:
    """Those of the account.

    Args:
        settings: of the rehearsal.
        client: returns a boto3 client of a service.
        generation: returns something new whenever what is described may have changed.
    """

    def __init__(
        self, settings: Settings, client: Callable[[str], Any], generation: Callable[[], object]
    ) -> None:
        self._settings = settings
        self._client = client
        self._ec2 = client("ec2")
        self._generation = generation
        self._read_at: object = None
        self._hosts: list[Host] = []
        self._addresses: dict[str, IPv4Address] = {}

    def address(self, endpoint: str) -> IPv4Address | None:
        """Return the address to which the name of an endpoint leads."""
        return self._addresses.get(endpoint)

    def hosts(self) -> list[Host]:
        """Return each host, described as EC2 does an instance, and its service; called by one thread."""
        generation = self._generation()
        if generation != self._read_at:
            used = databases.used() or balancers.used()
            self._hosts = list(self._settle(list(self._services()))) if used else []
            self._addresses = {
                service.endpoint.lower(): IPv4Address(
                    host["PublicIpAddress"] if service.public else host["PrivateIpAddress"]
                )
                for host, service in self._hosts
            }
            self._read_at = generation
        return self._hosts

    def _services(self) -> Iterator[Service]:
        account, region = self._settings.account, self._settings.region
        if databases.used():
            yield from databases.services(account, region, lambda: self._client("rds"), self._issued)
        if balancers.used():
            yield from balancers.services(account, region, lambda: self._client("elbv2"), self._ec2)

    def _settle(self, wanted: list[Service]) -> Iterator[Host]:
        """Have exactly one interface for each service."""
        found = {
            item["Description"]: item
            for page in self._ec2.get_paginator("describe_network_interfaces").paginate()
            for item in page["NetworkInterfaces"]
            if item.get("Description", "").startswith(_PREFIXES)
        }
        for description in found.keys() - {service.interface for service in wanted}:
            self._ec2.delete_network_interface(NetworkInterfaceId=found[description]["NetworkInterfaceId"])
            log.info("%s is gone", description)
        for service in wanted:
            item = found.get(service.interface) or self._interface(service)
            groups = sorted(each["GroupId"] for each in item["Groups"])
            if groups != list(service.groups):
                self._ec2.modify_network_interface_attribute(
                    NetworkInterfaceId=item["NetworkInterfaceId"], Groups=list(service.groups)
                )
            yield self._described(item, service), service

    def _interface(self, service: Service) -> dict[str, Any]:
        answer = self._ec2.create_network_interface(
            SubnetId=service.subnet, Groups=list(service.groups), Description=service.interface
        )
        made: dict[str, Any] = answer["NetworkInterface"]
        log.info("%s has %s", service.interface, made["PrivateIpAddress"])
        return made

    def _described(self, item: dict[str, Any], service: Service) -> dict[str, Any]:
        described = {
            "InstanceId": item["NetworkInterfaceId"],
            "Tags": [{"Key": "Name", "Value": f"{service.kind}:{service.name}"}],
            "State": {"Name": "running"},
            "ImageId": IMAGE,
            "PrivateIpAddress": item["PrivateIpAddress"],
            "SubnetId": item["SubnetId"],
            "VpcId": item["VpcId"],
            "SecurityGroups": [{"GroupId": group} for group in service.groups],
        }
        if service.public:
            described["PublicIpAddress"] = self._public_address(item["NetworkInterfaceId"])
        return described

    def _public_address(self, interface_id: str) -> str:
        """Return the interface's public address, which is AWS's and no Elastic IP of the account."""
        # Not before the engine, which says where moto finds its images.
        from moto.ec2.models import ec2_backends

        from rehearsal.region import addresses

        backend: Any = ec2_backends[self._settings.account][self._settings.region]
        interface = backend.enis[interface_id]
        if not interface.public_ip:
            interface.public_ip = addresses.next_public()
        return str(interface.public_ip)

    def _issued(self, endpoint: str) -> str:
        """Return key and certificate of an endpoint, made at first sight."""
        path: Path = self._settings.state / "ca" / "endpoints" / f"{endpoint}.pem"
        if not path.exists():
            issue(self._settings, path, [endpoint])
        return path.read_text()
