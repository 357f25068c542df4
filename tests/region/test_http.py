"""The server under all of it: connections that stay, that say nothing, that break."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.region.certificates import aws_names, ensure_authority, server_context
from rehearsal.region.http import DropConnection, HttpServer, Request, Response, UnixHttpServer
from rehearsal.settings import Settings

HOST = "bucket.s3.eu-west-1.amazonaws.com"


def application(request: Request) -> Response:
    if request.path == "/drop":
        raise DropConnection
    if request.path == "/crash":
        raise RuntimeError
    return Response(200, request.body, [("X-Peer", str(request.peer))])


@pytest.fixture
def server(scratch: Settings) -> Iterator[HttpServer]:
    server = HttpServer("127.0.0.1", 0, application, server_context(scratch))
    server.start()
    yield server
    server.shutdown()
    server.server_close()


class Connection(http.client.HTTPSConnection):
    """A connection to the server that expects the certificate of an AWS name."""

    def __init__(self, server: HttpServer, scratch: Settings, name: str = HOST):
        self._trust = ssl.create_default_context(cafile=scratch.ca_certificate)
        self._name = name
        super().__init__("127.0.0.1", server.server_address[1], timeout=20)

    def connect(self) -> None:
        self.sock = self._trust.wrap_socket(
            socket.create_connection((self.host, self.port), self.timeout), server_hostname=self._name
        )


def test_one_connection_carries_many_requests(server: HttpServer, scratch: Settings) -> None:
    """Mutant: `protocol_version` HTTP/1.0, or a body left unread."""
    connection = Connection(server, scratch)
    peers = set()
    for body in (b"one", b"", b"x" * 100_000):
        connection.request("POST", "/", body)
        response = connection.getresponse()
        assert response.read() == body
        peers.add(response.headers["X-Peer"])
    connection.request(
        "PUT", "/", iter([b"chun", b"ked"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True
    )
    response = connection.getresponse()
    assert response.read() == b"chunked"
    assert {*peers, response.headers["X-Peer"]} == peers
    assert len(peers) == 1


def test_a_client_that_asks_first_is_told_to_go_on(server: HttpServer, scratch: Settings) -> None:
    """Mutant: the interim answer left in the buffer; boto3 would lose a second on every object."""
    connection = Connection(server, scratch)
    connection.connect()
    connection.sock.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    interim = connection.sock.recv(100)
    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sock.sendall(b"body")
    assert connection.sock.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_silent_client_holds_nobody_up(server: HttpServer, scratch: Settings) -> None:
    """Mutant: `do_handshake_on_connect` left True; the accepting thread waits for the silent one."""
    with socket.create_connection(server.server_address):
        connection = Connection(server, scratch)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200


def test_a_dropped_connection_has_no_answer(server: HttpServer, scratch: Settings) -> None:
    """Mutant: DropConnection handled like any other exception."""
    connection = Connection(server, scratch)
    connection.request("GET", "/drop")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()


def test_a_crash_is_an_answer_and_the_connection_goes_on(server: HttpServer, scratch: Settings) -> None:
    """Mutant: `_serve` without its last `except`."""
    connection = Connection(server, scratch)
    for path, status in (("/crash", 500), ("/", 200)):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == status


@pytest.mark.parametrize("name", aws_names("eu-west-1"))
def test_every_aws_name_is_covered_by_the_certificate(
    server: HttpServer, scratch: Settings, name: str
) -> None:
    """Mutant: a name missing from `SubjectAlternativeName`."""
    connection = Connection(server, scratch, name.replace("*", "logs"))
    connection.request("GET", "/")
    assert connection.getresponse().status == 200


def test_the_authority_vouches_for_aws_names_only(scratch: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: no `NameConstraints`: a leaked key could pose as any site to those who trust it."""
    monkeypatch.setattr("rehearsal.region.certificates.aws_names", lambda region: ["deb.debian.org"])
    server = HttpServer("127.0.0.1", 0, application, server_context(scratch))
    server.start()
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        Connection(server, scratch, "deb.debian.org").request("GET", "/")
    server.shutdown()
    server.server_close()


def test_the_authority_is_made_once_and_its_key_is_roots(scratch: Settings) -> None:
    """Mutants: a new authority at every start; a key with the certificate's mode."""
    first = ensure_authority(scratch).read_bytes()
    server_context(scratch)
    assert ensure_authority(scratch).read_bytes() == first
    modes = {path.name: path.stat().st_mode & 0o777 for path in scratch.ca_certificate.parent.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "server.pem": 0o600}


def test_the_control_socket_is_roots_and_replaces_a_dead_one(tmp_path: Path) -> None:
    """Mutants: no `unlink` (address in use); no umask."""
    path = tmp_path / "region.sock"
    for _ in range(2):
        server = UnixHttpServer(path, application)
        assert path.stat().st_mode & 0o777 == 0o600
        server.server_close()
