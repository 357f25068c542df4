"""A region in the tests' own process: moto and all that is above it, with a recorder as its hypervisor."""

import dataclasses
from email.message import Message
from typing import Any

from moto.core.base_backend import BackendDict
from moto.s3.models import s3_backends

from rehearsal.model import World
from rehearsal.region import aws
from rehearsal.region.calls import Call
from rehearsal.region.http import Request, Response
from rehearsal.region.server import RegionServer
from rehearsal.settings import Settings

DEBIAN = "ami-0d13a1b2c3d4e5f60"
DEBIAN_ARM = "ami-0d13a6b7c8d9e0f61"
OPERATOR = ("198.51.100.10", 40000)


class Recorder:
    """Writes down what the region asks of its hypervisor."""

    def __init__(self) -> None:
        self.worlds: list[World] = []
        self.reboots: list[str] = []
        self.consoles: dict[str, bytes] = {}
        self.stopped: list[str] = []

    def reconcile(self, world: World) -> None:
        self.worlds.append(world)

    def reboot(self, instance_id: str) -> None:
        self.reboots.append(instance_id)

    def console(self, instance_id: str) -> bytes:
        return self.consoles.get(instance_id, b"")

    def stopped_by_itself(self) -> list[str]:
        running = {item.id for item in self.worlds[-1].instances if item.running} if self.worlds else set()
        return [instance_id for instance_id in self.stopped if instance_id in running]

    def status(self) -> list[dict[str, Any]]:
        return []


class LocalRegion:
    """A region without sockets, over a recorder; `restart` loses the memory and keeps the disk."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.hypervisor = Recorder()
        self.server = RegionServer(settings, self.hypervisor, [])

    def client(self, service: str) -> Any:
        """Return a boto3 client whose requests go the whole way, faults included."""

        def perform(_call: Call, request: Request) -> Response:
            return self.server.api(dataclasses.replace(request, peer=OPERATOR))

        return aws.client(service, self.settings.region, perform)

    def restart(self) -> None:
        self.close()
        self.server = RegionServer(self.settings, self.hypervisor, [])

    def close(self) -> None:
        self.server.engine.close()
        BackendDict.reset()
        s3_backends.bucket_accounts.clear()


def request(method: str, target: str, peer: str = "127.0.0.1", **headers: str) -> Request:
    """Return a request; underscores in names of headers stand for dashes."""
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Request(method, target, message, b"", (peer, 40000))
