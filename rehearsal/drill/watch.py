"""Which alerts fire, as Prometheus and Alertmanager tell it themselves."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.fleet import Fleet
from rehearsal.network.namespaces import inside
from rehearsal.settings import Settings

TIMEOUT = 5.0  # seconds


class Watch:
    """The HTTP APIs of the fleet's first Prometheus and first Alertmanager.

    They are asked from the router, as the ports that ./rehearse forwards are, so that no security group and
    no host that a fault has stopped stands in the way.

    Args:
        settings: Of this rehearsal.
        fleet: For the ports.
        addresses: Private address by minion id.
    """

    def __init__(self, settings: Settings, fleet: Fleet, addresses: Mapping[str, str]) -> None:
        self._router = settings.namespace_path("router")
        self._servers = {}
        for role in ("prometheus", "alertmanager"):
            host = next(host for host in fleet.hosts if role in fleet.roles(host))
            self._servers[role] = (addresses[host], fleet.port(role))

    def firing(self) -> list[dict[str, str]]:
        """Return the labels of each alert that fires, whether Alertmanager tells anybody or not.

        A server that does not answer knows of none: that it is gone is for its own alert to say.
        """
        rules = self._ask("prometheus", "/api/v1/alerts", {"data": {"alerts": []}})["data"]["alerts"]
        known = self._ask("alertmanager", "/api/v2/alerts", [])
        found = [alert["labels"] for alert in rules if alert["state"] == "firing"]
        return [*found, *(alert["labels"] for alert in known if alert["labels"] not in found)]

    def durations(self) -> dict[str, float]:
        """Return the seconds of `for` of each alert of which Prometheus has a rule."""
        groups = self._ask("prometheus", "/api/v1/rules?type=alert", {"data": {"groups": []}})["data"][
            "groups"
        ]
        return {rule["name"]: rule["duration"] for group in groups for rule in group["rules"]}

    def _ask(self, server: str, path: str, otherwise: Any) -> Any:
        address, port = self._servers[server]
        connection = _From(self._router, address, port)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status == 200 else otherwise
        except (OSError, http.client.HTTPException, ValueError):
            return otherwise
        finally:
            connection.close()


class _From(http.client.HTTPConnection):
    """A connection made in another network namespace."""

    def __init__(self, namespace: Path, address: str, port: int) -> None:
        super().__init__(address, port, timeout=TIMEOUT)
        self._namespace = namespace

    def connect(self) -> None:
        with inside(self._namespace):
            self.sock = socket.create_connection((self.host, self.port), TIMEOUT)
