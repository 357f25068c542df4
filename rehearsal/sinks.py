"""Where notifications of tests arrive: a web server and a mail server.

In the fleet they listen at a visitor's address, outside the VPC, so that a notification takes the way that it
would take to Slack or to a mail provider. Only ports 80 and 443 are open that way (``WORLD``).
"""

import asyncio
import email
import email.policy
import json
import socket
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from rehearsal.network.namespaces import inside

WORLD = (80, 443)
# What is posted to such a path is answered with an error, or not before the sinks are closed.
REFUSING, HANGING = "/refuse", "/hang"


@dataclass(frozen=True)
class Post:
    """What was posted: the path, and the body, which was JSON."""

    path: str
    body: dict[str, Any] = field(repr=False)

    @property
    def alerts(self) -> list[tuple[str, str]]:
        """Status and name of each alert of Alertmanager's."""
        return [(alert["status"], alert["labels"]["alertname"]) for alert in self.body["alerts"]]


class Sinks:
    """Both, while the context lasts.

    Args:
        address: where they listen.
        ports: of the web server and of the mail server; 0: any.
        namespace: the network namespace in which the address is; None: this process's own.
    """

    def __init__(
        self, address: str = "127.0.0.1", ports: tuple[int, int] = (0, 0), namespace: Path | None = None
    ) -> None:
        web, mail = (_listen(address, port, namespace) for port in ports)
        self.url = f"http://{address}:{web.getsockname()[1]}"
        self.smarthost = f"{address}:{mail.getsockname()[1]}"
        self._posts: list[Post] = []
        self._mails: list[EmailMessage] = []
        self._closing = threading.Event()
        self._web = _web_server(web, self._posts, self._closing)
        self._mail = mail
        self._loop = asyncio.new_event_loop()
        self._mails_come = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Sinks":
        threading.Thread(target=self._web.serve_forever, daemon=True).start()
        self._mails_come.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._web.shutdown()
        self._web.server_close()
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._mails_come.join()  # the next one may listen at the same address

    def posts(self, path: str = "") -> list[Post]:
        """Return what was posted, to any path or to one, in order."""
        return [post for post in list(self._posts) if path in ("", post.path)]

    def mails(self) -> list[EmailMessage]:
        """Return the mails, in order."""
        return list(self._mails)

    async def _serve(self) -> asyncio.Server:
        def protocol() -> SMTP:
            return SMTP(self, hostname="sink", loop=self._loop)

        return await self._loop.create_server(protocol, sock=self._mail)

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:
        """Take a mail; aiosmtpd calls it by this name."""
        message = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
        assert isinstance(message, EmailMessage)  # noqa: S101 - the policy makes it so
        self._mails.append(message)
        return "250 OK"


def _listen(address: str, port: int, namespace: Path | None) -> socket.socket:
    if namespace is None:
        return socket.create_server((address, port))
    with inside(namespace):
        return socket.create_server((address, port))


def _web_server(listener: socket.socket, posts: list[Post], closing: threading.Event) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30  # seconds

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append(Post(self.path, json.loads(body)))
            if self.path.startswith(HANGING):
                closing.wait()
            answer = b"ok"  # as Slack says; anything else is a failure to Alertmanager
            self.send_response(503 if self.path.startswith(REFUSING) else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing of each request."""

    server = ThreadingHTTPServer(("", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.daemon_threads = True
    return server
