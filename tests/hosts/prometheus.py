"""Questions to the fleet's Prometheus, asked on its own host: from outside nobody may connect to it."""

import json
import time
import urllib.parse
from typing import Any

import catalogue
import remote

# Of another test it may have a restart, or a moment at another port.
_PATIENT_CURL = (
    *("curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "30"),
    *("--retry", "40", "--retry-connrefused", "--retry-delay", "1", "--retry-max-time", "25"),
)


class Prometheus:
    """The HTTP API of one Prometheus, or of what answers as one.

    Args:
        host: minion id of the host on which it is asked.
        service: row of the catalogue.
        on: minion id of its own host, where that is another.
        prefix: of its paths.
    """

    def __init__(
        self, host: str, service: str = "prometheus", on: str | None = None, prefix: str = ""
    ) -> None:
        fleet = catalogue.fleet()
        self.host = host
        self.url = f"http://{on or host}.{fleet['zone']}:{fleet['services'][service]['port']}{prefix}"

    def get(self, path: str, **parameters: str) -> Any:
        """Return ``data`` of an answer of ``/api/v1/PATH``; wait for it where nobody listens."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        answer = json.loads(remote.run(self.host, *_PATIENT_CURL, url))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the value of each series of an instant query."""
        data = self.get("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def value(self, expression: str) -> float | None:
        """Return the value of a query of at most one series."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def samples(self, name: str, instance: str) -> dict[int, float]:
        """Return the last samples of a metric of a host: value by milliseconds since the epoch."""
        found = self.get("query", query=f'{name}{{instance="{instance}"}}[10m]')["result"]
        assert len(found) <= 1, found
        return {
            round(float(moment) * 1000): float(value)
            for series in found
            for moment, value in series["values"]
        }

    def labels(self, name: str, instance: str) -> dict[str, str]:
        """Return the labels of a metric of a host, of which there has to be one series."""
        ((labels, _),) = self.query(f'{name}{{instance="{instance}"}}')
        return labels

    def exemplars(self, query: str, since: float) -> set[str]:
        """Return the trace ids to which series lead since a moment (seconds since the epoch)."""
        series = self.get("query_exemplars", query=query, start=f"{since:.3f}", end=f"{time.time():.3f}")
        return {each["labels"]["trace_id"] for one in series for each in one["exemplars"]}
