"""Sockets inside other network namespaces, to see what gets from one to another."""

import contextlib
import socket
import threading
from ipaddress import IPv4Address
from pathlib import Path

from rehearsal.network.namespaces import inside

# For what shall arrive, generous; for what shall not, as long as it takes a busy machine to deliver.
ARRIVES = 5.0
STAYS_AWAY = 0.6

Address = IPv4Address | str


class Side:
    """One namespace, as a place to listen at and to connect from."""

    def __init__(self, namespace: Path):
        self.namespace = namespace
        self._sockets: list[socket.socket] = []

    def open(self, kind: int = socket.SOCK_STREAM, proto: int = 0) -> socket.socket:
        with inside(self.namespace):
            made = socket.socket(socket.AF_INET, kind, proto)
        self._sockets.append(made)
        return made

    def serve(self, port: int, address: Address = "0.0.0.0") -> None:
        """Answer connections with the address they come from, as seen here; then echo."""
        listener = self.open()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen()

        def answer(connection: socket.socket, peer: str) -> None:
            with connection:
                connection.sendall(f"{peer}\n".encode())
                while data := connection.recv(100):
                    connection.sendall(data)

        def accept() -> None:
            while True:
                try:
                    connection, (peer, _) = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection, peer), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def serve_udp(self, port: int, address: Address = "0.0.0.0") -> None:
        """Answer datagrams with the address they come from."""
        bound = self.open(socket.SOCK_DGRAM)
        bound.bind((str(address), port))

        def answer() -> None:
            while True:
                try:
                    _, peer = bound.recvfrom(100)
                except OSError:
                    return
                if peer is None:  # shut down
                    return
                bound.sendto(peer[0].encode(), peer)

        threading.Thread(target=answer, daemon=True).start()

    def connect(self, address: Address, port: int, source: Address | None = None) -> socket.socket:
        """Return a connection; OSError as usual, after ARRIVES seconds at most."""
        made = self.open()
        made.settimeout(ARRIVES)
        if source:
            made.bind((str(source), 0))
        made.connect((str(address), port))
        return made

    def seen_as(self, address: Address, port: int, source: Address | None = None) -> str:
        """Connect, and return from which address the server sees that."""
        with self.connect(address, port, source) as connection:
            return connection.makefile().readline().strip()

    def dropped(self, address: Address, port: int, source: Address | None = None) -> bool:
        """Return whether a connection gets no answer at all; a refusal is an answer."""
        made = self.open()
        made.settimeout(STAYS_AWAY)
        if source:
            made.bind((str(source), 0))
        try:
            made.connect((str(address), port))
        except TimeoutError:
            return True
        except ConnectionRefusedError:
            return False
        return False

    def answered_udp(self, address: Address, port: int, data: bytes = b"?") -> bool:
        """Return whether a datagram is answered."""
        made = self.open(socket.SOCK_DGRAM)
        made.settimeout(STAYS_AWAY)
        made.sendto(data, (str(address), port))
        try:
            return bool(made.recv(500))
        except (TimeoutError, ConnectionRefusedError):
            return False

    def pings(self, address: Address) -> bool:
        """Return whether an ICMP echo request is answered."""
        made = self.open(socket.SOCK_RAW, socket.IPPROTO_ICMP)
        made.settimeout(STAYS_AWAY)
        # Type 8, code 0, checksum, identifier 7, sequence 1.
        made.sendto(b"\x08\x00\xf7\xf7\x00\x07\x00\x01", (str(address), 0))
        try:
            while True:
                if made.recv(200)[20:21] == b"\x00":
                    return True
        except TimeoutError:
            return False

    def close(self) -> None:
        for made in self._sockets:
            with contextlib.suppress(OSError):  # not connected
                made.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits at it, unlike close
            made.close()
