"""The application as its visitors reach it: by the public address of a host, from outside the VPC."""

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Website:
    """An address that answers HTTP.

    Args:
        address: of the host, public.
        name: for the Host header.
    """

    def __init__(self, address: str, name: str = "tasks.example") -> None:
        self.address = address
        self.name = name

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Make a request; ``body`` is sent as JSON unless it is bytes."""
        sent = {"Host": self.name, **(headers or {})}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def raw(self, content: bytes) -> bytes:
        """Send bytes that no client would; return the start of what comes back."""
        with socket.create_connection((self.address, 80), 30) as connection:
            connection.sendall(content)
            return connection.recv(4096)
