"""Instances by address, as DescribeInstances tells, read again only when EC2's state has changed."""

import threading
from collections.abc import Callable
from typing import Any

from rehearsal.region.world import instances


class Instances:
    """A cache over DescribeInstances: a booting host reads its metadata a hundred times."""

    def __init__(self, ec2: Any, generation: Callable[[], int]):
        """Read with ``ec2``, a boto3 client, whenever ``generation`` returns another number than before."""
        self._ec2 = ec2
        self._generation = generation
        self._lock = threading.Lock()
        self._read = -1
        self._by_address: dict[str, dict[str, Any]] = {}

    def by_address(self, address: str) -> dict[str, Any] | None:
        """Return the description of the instance with this private address."""
        return self._current().get(address)

    def by_public_address(self, address: str) -> dict[str, Any] | None:
        """Return the description of the instance with this public address."""
        return next(
            (item for item in self._current().values() if item.get("PublicIpAddress") == address), None
        )

    def by_name(self, name: str) -> dict[str, Any] | None:
        """Return the description of the running instance whose Name tag this is."""
        for item in self._current().values():
            tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
            if tags.get("Name") == name and item["State"]["Name"] == "running":
                return item
        return None

    def _current(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            generation = self._generation()
            if generation != self._read:
                self._by_address = {
                    item["PrivateIpAddress"]: item
                    for item in instances(self._ec2)
                    if "PrivateIpAddress" in item
                }
                self._read = generation
            return self._by_address
