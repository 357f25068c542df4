"""Questions to Loki and Tempo, asked on their own hosts: from outside nobody may connect to them."""

import base64
import json
import urllib.parse
from typing import Any

import catalogue
import remote

# Prints an HTTP answer as JSON; arguments: method, URL, headers, body.
ASK = """
import json, sys, urllib.error, urllib.request
method, url, headers, body = sys.argv[1:]
request = urllib.request.Request(url, body.encode() or None, json.loads(headers), method=method)
try:
    answer = urllib.request.urlopen(request, timeout=30)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, answer.read().decode()]))
"""


class Store:
    """The HTTP API of one daemon.

    Args:
        service: its row in the catalogue.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.host = catalogue.host_of(catalogue.fleet()["services"][service]["role"])
        self.port = catalogue.fleet()["services"][service]["port"]

    def ask(
        self,
        path: str,
        *,
        source: str | None = None,
        port: int | None = None,
        body: object = None,
        **query: Any,
    ) -> tuple[int, str]:
        """Return status and body of an answer.

        Args:
            path: of the request, with its first slash.
            source: the host that asks; default: its own.
            port: another than the catalogue's.
            body: what is sent, as JSON; then the method is POST.
            query: its parameters.
        """
        url = f"http://{self.host}.{catalogue.fleet()['zone']}:{port or self.port}{path}"
        if query:
            url += f"?{urllib.parse.urlencode(query)}"
        sent = (
            ("GET", url, "{}", "") if body is None else ("POST", url, '{"Content-Type": "application/json"}')
        )
        arguments = sent if body is None else (*sent, json.dumps(body))
        status, text = remote.python(source or self.host, ASK, *arguments)
        return status, text

    def json(self, path: str, **query: Any) -> Any:
        """Return an answer's content, which has to be a success."""
        status, text = self.ask(path, **query)
        assert status == 200, text
        return json.loads(text)

    def pid(self) -> str:
        """Return the process id of the daemon, another one after a restart."""
        return self._property("MainPID")

    def active(self) -> bool:
        """Return whether the daemon is up and, as its unit's start waits for that, ready."""
        return self._property("ActiveState") == "active"

    def _property(self, name: str) -> str:
        unit = catalogue.unit(self.service, catalogue.fleet()["services"][self.service])
        return remote.run(self.host, "systemctl", "show", f"--property={name}", "--value", unit).strip()

    def grpc(self, source: str, port: int, method: str, message: bytes) -> str:
        """Make a call by gRPC from a host, by curl, which speaks HTTP/2; return what curl says.

        A message has a byte (not compressed) and its length before it.
        Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
        """
        framed = base64.b64encode(b"\0" + len(message).to_bytes(4, "big") + message).decode()
        command = (
            "base64 --decode | curl --silent --show-error --http2-prior-knowledge --include --data-binary @- "
            "--header 'content-type: application/grpc' --header 'te: trailers' "
            f"http://{self.host}.{catalogue.fleet()['zone']}:{port}/{method}"
        )
        return remote.run(source, "bash", "-o", "pipefail", "-c", command, stdin=framed)
