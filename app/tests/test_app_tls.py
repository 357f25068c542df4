"""Whom the application takes for its database; a server that it then works with is in tests/hosts."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from saltwatch_app.database import Database
from saltwatch_app.factory import create_app
from saltwatch_app.settings import Settings
from sqlalchemy.exc import OperationalError

# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html
_CAPABILITIES = 0x200 | 0x8000 | 0x80000  # PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
_TLS = 0x800  # one more
_DENIED = b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied"
_REQUEST = b"\x20\0\0\1"  # how a client's asking for TLS begins: 32 bytes, too few to name a user


def _packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def _greeting(capabilities: int) -> bytes:
    return (
        b"\x0a8.4.0\0"
        + struct.pack("<I", 1)
        + b"saltsalt\0"
        + struct.pack("<HBHHB", capabilities & 0xFFFF, 45, 2, capabilities >> 16, 21)
        + bytes(10)
        + b"saltsaltsalt\0mysql_native_password\0"
    )


def authority(path: Path) -> Callable[[str], Path]:
    """Write an authority's certificate; return a function that writes key and certificate of a host."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)

    def called(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def certificate(of: Any, name: str, extension: x509.ExtensionType) -> bytes:
        validity = (now - timedelta(1), now + timedelta(1))
        builder = x509.CertificateBuilder(
            called(path.stem), called(name), of.public_key(), x509.random_serial_number(), *validity
        ).add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    path.write_bytes(certificate(key, path.stem, x509.BasicConstraints(ca=True, path_length=None)))

    def issue(host: str) -> Path:
        own = ec.generate_private_key(ec.SECP256R1())
        private = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        place = path.with_name(f"{path.stem}-{host}.pem")
        place.write_bytes(private + certificate(own, host, names))
        return place

    return issue


class Server:
    """The database's side of a login: offers TLS, writes down what it is told, admits nobody."""

    def __init__(self, certificate: Path) -> None:
        self.capabilities = _CAPABILITIES | _TLS
        self.plain = b""
        self.by_tls = b""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:  # closed
                return
            with client:
                client.sendall(_packet(0, _greeting(self.capabilities)))
                try:
                    self.plain += client.recv(len(_REQUEST) + 32, socket.MSG_WAITALL)
                    with self._context.wrap_socket(client, server_side=True) as wrapped:
                        self.by_tls += wrapped.recv(1 << 16)
                        wrapped.sendall(_packet(3, _DENIED))
                except OSError:  # the client went away
                    continue

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The server of a certificate for `localhost`, whose authority is ca.pem; other.pem is another one's."""
    authority(tmp_path / "other.pem")
    server = Server(authority(tmp_path / "ca.pem")("localhost"))
    yield server
    server.close()


def application(server: Server, ca: Path, host: str = "localhost") -> Flask:
    """Return an application of this database."""
    url = f"mysql+pymysql://somebody@{host}:{server.port}/app"
    return create_app(Settings.from_environ({"APP_DATABASE_URL": url, "APP_DATABASE_CA": str(ca)}))


def ready(server: Server, ca: Path, host: str = "localhost") -> tuple[int, dict[str, Any]]:
    """Return what /health/ready says of the database when it is asked a second time."""
    client = application(server, ca, host).test_client()
    client.get("/health/ready")
    answer = client.get("/health/ready")
    assert answer.json
    return answer.status_code, answer.json["checks"]["database"]


def test_server_that_is_trusted_is_logged_in_to(server: Server, tmp_path: Path) -> None:
    """Without this the others could not fail. Mutant: the authority's path not given to the driver."""
    status, check = ready(server, tmp_path / "ca.pem")
    assert (status, check["reason"]) == (503, "OperationalError")
    assert b"somebody" in server.by_tls
    assert server.plain.startswith(_REQUEST)


@pytest.mark.parametrize(
    ("ca", "host", "why"),
    [
        ("other.pem", "localhost", "unable to get local issuer certificate"),
        ("ca.pem", "127.0.0.1", "IP address mismatch"),
    ],
)
def test_server_that_is_not_is_told_nothing(
    server: Server, tmp_path: Path, ca: str, host: str, why: str
) -> None:
    """Mutants: ssl_verify_identity left out, so that any certificate does; a reason with the host's name;

    a certificate taken for silence when it is asked again, so that it stays "not tried".
    """
    status, check = ready(server, tmp_path / ca, host)
    assert status == 503
    assert check["reason"] == f"the server's certificate is not trusted: {why}"
    assert server.by_tls == b""
    assert server.plain.startswith(_REQUEST)


def test_server_that_offers_no_tls_is_told_nothing(server: Server, tmp_path: Path) -> None:
    """As when somebody on the way takes the offer out. Mutant: the authorities not given to the driver."""
    server.capabilities &= ~_TLS
    database: Database = application(server, tmp_path / "ca.pem").extensions["database"]
    with pytest.raises(OperationalError, match="SSL is required but the server doesn't support it"):
        database.ping()
    with socket.create_connection(("127.0.0.1", server.port), 30) as second:
        assert second.recv(1)  # so it is done with the first
    assert server.plain == b""


@pytest.mark.parametrize("content", [None, ""])
def test_authorities_that_are_gone_for_a_while_are_an_outage(
    server: Server, tmp_path: Path, content: str | None
) -> None:
    """As while their file is replaced: missing, or empty yet. Mutant: the file's error let through."""
    ca = tmp_path / "ca.pem"
    client = application(server, ca).test_client()
    kept = ca.read_text()
    ca.unlink()
    if content is not None:
        ca.write_text(content)
    for _ in range(2):
        answer = client.get("/api/tasks")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json["detail"] == "the database does not answer; try again"
        assert client.get("/health/ready").json["checks"]["database"]["reason"] == "OperationalError"
    assert server.plain == b""
    ca.write_text(kept)
    until = time.monotonic() + 30
    while b"somebody" not in server.by_tls and time.monotonic() < until:
        client.get("/api/tasks")
    assert b"somebody" in server.by_tls
