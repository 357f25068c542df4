"""Client of the region's own interface."""

import json
import socket
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from rehearsal.settings import Settings

TIMEOUT = 90.0  # seconds; longer than the longest wait on the other side


class RegionError(Exception):
    """The region refused a request; its message says why."""


class _Connection(HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("region", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Region:
    """The region of one rehearsal. Every method but `answers` raises OSError if it does not run."""

    def __init__(self, settings: Settings):
        self._path = settings.control_socket

    def _ask(self, method: str, path: str, value: object = None) -> Any:
        connection = _Connection(self._path)
        try:
            body = None if value is None else json.dumps(value)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise RegionError(answer["error"])
        return answer

    def answers(self) -> bool:
        """Return whether the region runs and is ready."""
        try:
            return bool(self.status()["ready"])
        except OSError:
            return False

    def status(self) -> dict[str, Any]:
        """Return ``ready``, ``hosts`` as the hypervisor describes them, and the region's ``memory_bytes``."""
        return self._ask("GET", "/status")

    def faults(self) -> list[dict[str, Any]]:
        """Return the fault rules in force with the number of calls ``seen`` and of ``hits``."""
        return self._ask("GET", "/faults")

    def set_faults(self, *rules: dict[str, Any]) -> None:
        """Put these rules (see `rehearsal.region.faults.Rule`) in force instead of those before.

        Raises:
            RegionError: a rule is malformed.
        """
        self._ask("PUT", "/faults", list(rules))

    def settle(self) -> bool:
        """Wait until the hosts are as the API says; return False if that took too long."""
        return self._ask("POST", "/settle")["settled"]

    def shutdown(self) -> None:
        """Have the region's process end; hosts keep running."""
        self._ask("POST", "/shutdown")

    def terminate_all(self) -> list[str]:
        """Terminate every instance and wait until the hosts are gone.

        Returns:
            The ids of the instances.

        Raises:
            RegionError: hosts were left after a minute.
        """
        answer = self._ask("POST", "/terminate-all")
        if not answer["settled"]:
            raise RegionError("hosts of terminated instances still run after a minute")
        return answer["terminated"]
