"""The application as its visitors reach it: by the public address of a host, from outside the VPC."""

import http.client
import json
import socket
import ssl
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


class _Secure(http.client.HTTPSConnection):
    """A connection to an address that has to prove another name."""

    def __init__(self, address: str, name: str, context: ssl.SSLContext) -> None:
        super().__init__(name, timeout=30, context=context)
        self.address, self.tls = address, context

    def connect(self) -> None:
        connection = socket.create_connection((self.address, self.port), 30)
        self.sock = self.tls.wrap_socket(connection, server_hostname=self.host)


class Website:
    """An address that answers HTTP, or HTTPS.

    Args:
        address: of the host, public.
        name: for the Host header, and what a certificate has to be for.
        tls: whom to trust; None: HTTP.
    """

    def __init__(self, address: str, name: str = "tasks.example", tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.name = name
        self.tls = tls

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Make a request; ``body`` is sent as JSON unless it is bytes."""
        sent = {"Host": self.name, **(headers or {})}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = self._connection()
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.tls:
            return _Secure(self.address, self.name, self.tls)
        return http.client.HTTPConnection(self.address, timeout=30)

    def raw(self, content: bytes) -> bytes:
        """Send bytes that no client would, by HTTP; return the start of what comes back."""
        with socket.create_connection((self.address, 80), 30) as connection:
            connection.sendall(content)
            return connection.recv(4096)
