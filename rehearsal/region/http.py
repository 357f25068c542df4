"""A small threaded HTTP/1.1 server with keep-alive, over TLS, TCP or a unix socket.

The development servers of the WSGI world close each connection after one request (werkzeug) or do the TLS
handshake in the thread that accepts (werkzeug, cheroot), so that one silent client stops all others.
"""

import contextlib
import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseServer, TCPServer, ThreadingMixIn, UnixStreamServer
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

IDLE_SECONDS = 300  # how long a connection may wait for its next request
LARGEST_BODY = 1 << 30  # bytes; bodies are held in memory


class DropConnection(Exception):
    """Raised by an application to close the connection without an answer."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, its body read. ``peer`` is the client's address and port, None on a unix socket."""

    method: str
    target: str  # path and query, as sent
    headers: Message
    body: bytes = b""
    peer: tuple[str, int] | None = None

    @property
    def path(self) -> str:
        """Return the path, still percent-encoded, without the query."""
        return urlsplit("//host" + self.target).path if self.target.startswith("/") else self.target

    @property
    def query(self) -> str:
        """Return what follows the question mark, or the empty string."""
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Response:
    """One HTTP answer. Headers are pairs, since some repeat."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


Application = Callable[[Request], Response]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    server: "_Server"

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= LARGEST_BODY:
            raise ValueError(f"body of {length} bytes: expected at most {LARGEST_BODY}")
        body = self.rfile.read(length)
        if len(body) != length:
            raise ConnectionError(f"the client sent {len(body)} of {length} bytes")
        return body

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := int(self.rfile.readline(64).split(b";")[0], 16):
            if len(body) + size > LARGEST_BODY:
                raise ValueError(f"chunked body: expected at most {LARGEST_BODY} bytes")
            body += self.rfile.read(size)
            self.rfile.readline(8)
        while self.rfile.readline(65536).strip():
            pass  # trailers
        return bytes(body)

    def _serve(self) -> None:
        peer = self.client_address if isinstance(self.client_address, tuple) else None
        try:
            body = self._body()
        except ValueError as error:
            self.close_connection = True
            self.send_error(400, explain=str(error))
            return
        request = Request(self.command, self.path, self.headers, body, peer and (peer[0], peer[1]))
        try:
            response = self.server.application(request)
        except DropConnection:
            self.close_connection = True
            return
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = Response(500, b"internal error\n")
        self._answer(response)

    def _answer(self, response: Response) -> None:
        self.send_response(response.status)
        names = set()
        for name, value in response.headers:
            names.add(name.lower())
            self.send_header(name, value)
        if "content-length" not in names and response.status not in (204, 304):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = _serve

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()  # botocore waits a second for it before it sends the body all the same
        return True

    def version_string(self) -> str:
        return self.server.name

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


class _Server(ThreadingMixIn, BaseServer):
    daemon_threads = True
    block_on_close = False
    application: Application
    name: str

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that went away or did not trust the certificate is its own business.
        log.debug("connection from %s", client_address, exc_info=True)

    def start(self) -> None:
        """Serve in a thread of its own until `shutdown`."""
        threading.Thread(target=self.serve_forever, name=self.name, daemon=True).start()


class HttpServer(_Server, TCPServer):
    """Serve ``application`` on ``address`` and ``port``, over TLS when given a ``context``.

    Raises:
        OSError: the address cannot be bound.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        address: str,
        port: int,
        application: Application,
        context: ssl.SSLContext | None = None,
        name: str = "AmazonEC2",
    ):
        self.application = application
        self.name = name
        self._context = context
        super().__init__((address, port), _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection; its handshake happens at the first read, in the connection's own thread."""
        connection, peer = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context:
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, peer


class UnixHttpServer(_Server, UnixStreamServer):
    """Serve ``application`` on a unix socket that only root may open, replacing a dead one."""

    request_queue_size = 16

    def __init__(self, path: Path, application: Application):
        self.application = application
        self.name = "saltwatch-region"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _Handler)
        finally:
            os.umask(before)
