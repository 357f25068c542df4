"""``python -m tests.region.wired``: a region whose hosts are namespaces on the real network and nothing more.

It takes a tenth of a second to make one, so tests of the API, DNS and metadata have what matters to them: an
instance's address, from which the kernel lets it speak.
"""

import sys

from rehearsal.model import Instance, World
from rehearsal.network import Network, links
from rehearsal.network.namespaces import remove_namespace
from rehearsal.region.server import run
from rehearsal.settings import Settings, load


class Wires:
    """Connects running instances; has no hosts to boot."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.network = Network(settings)
        self.connected: dict[str, Instance] = {}
        self.reboots: list[str] = []

    def reconcile(self, world: World) -> None:
        running = {item.id: item for item in world.instances if item.running}
        for instance_id in self.connected.keys() - running.keys():
            links.disconnect(self.settings, instance_id)
            remove_namespace(self.settings.namespace_path(instance_id))
        for instance_id in running.keys() - self.connected.keys():
            links.connect(self.settings, running[instance_id])
        self.connected = running
        self.network.apply(world)

    def reboot(self, instance_id: str) -> None:
        self.reboots.append(instance_id)

    def console(self, instance_id: str) -> bytes:
        return f"console of {instance_id}\n".encode()

    def stopped_by_itself(self) -> list[str]:
        return []

    def status(self) -> list[dict[str, object]]:
        return [
            {
                "id": item.id,
                "name": item.name,
                "private_ip": str(item.private_ip),
                "public_ip": str(item.public_ip) if item.public_ip else None,
                "state": "running",
                "boot_seconds": None,
                "memory_bytes": 0,
            }
            for item in self.connected.values()
        ]

    def shutdown_all(self) -> None:
        self.reconcile(World())


if __name__ == "__main__":
    settings = load()
    sys.exit(run(settings, Wires(settings)))
