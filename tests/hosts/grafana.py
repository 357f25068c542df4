"""Grafana's HTTP API, asked on its own host as its administrator."""

import json
import time
from typing import Any

import catalogue
import remote

# Reads method, URL, user, password or the name of its file, and body as JSON; prints status and body as JSON.
ASK = """
import base64, json, pathlib, urllib.error, urllib.request
method, url, user, password, file, body = json.loads({told!r})
request = urllib.request.Request(url, method=method, headers={{"Content-Type": "application/json"}})
if user:
    password = password or pathlib.Path(file).read_text()
    basic = base64.b64encode(f"{{user}}:{{password}}".encode()).decode()
    request.add_header("Authorization", f"Basic {{basic}}")
if body is not None:
    request.data = json.dumps(body).encode()
try:
    answer = urllib.request.urlopen(request, timeout=60)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.read().decode()]))
"""
PASSWORD_FILE = "/etc/grafana/admin-password"


class Grafana:
    """One Grafana."""

    def __init__(self) -> None:
        self.host = catalogue.host_of("grafana")
        self.port = catalogue.fleet()["services"]["grafana"]["port"]

    def ask(
        self, method: str, path: str, body: object = None, *, user: str = "admin", password: str = ""
    ) -> tuple[int, Any]:
        """Return status and content of an answer.

        Args:
            method: of the request.
            path: of the request, with its first slash.
            body: what is sent, as JSON.
            user: who asks; empty: nobody.
            password: of that user; empty: the one that pillar has, which stays on the host.
        """
        url = f"http://127.0.0.1:{self.port}{path}"
        told = json.dumps([method, url, user, password, PASSWORD_FILE, body])
        status, text = remote.python(self.host, ASK.format(told=told), timeout=90)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def get(self, path: str) -> Any:
        """Return what is at a path; it has to be there."""
        status, content = self.ask("GET", path)
        assert status == 200, f"{path}: {status} {content}"
        return content

    def query(self, target: dict[str, Any], source: dict[str, str]) -> int:
        """Return how many values a query of a panel has in the last 15 minutes.

        Args:
            target: the panel's, its variables filled in.
            source: uid and type of its data source.
        """
        now = int(time.time() * 1000)
        asked = {**target, "datasource": source, "intervalMs": 15000, "maxDataPoints": 500}
        body = {"queries": [asked], "from": str(now - 900_000), "to": str(now)}
        status, content = self.ask("POST", "/api/ds/query", body)
        assert status == 200, f"{target}: {status} {content}"
        frames = content["results"][target["refId"]].get("frames", [])
        return sum(len(frame["data"]["values"][0]) for frame in frames if frame["data"]["values"])
