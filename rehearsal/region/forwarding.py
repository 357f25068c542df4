"""Relays from the machine's loopback to hosts, over listening sockets that the starter handed down.

The listeners belong to the machine's network namespace; this process is in the router's, so what it connects
to are the fleet's addresses.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

CHUNK = 64 * 1024  # bytes
CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Forward:
    """A listening socket, by its descriptor here, and the host (its Name tag) and port it leads to."""

    descriptor: int
    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.descriptor}:{self.name}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Forward":
        """Return the forward that ``FD:NAME:PORT`` describes.

        Raises:
            ValueError: it is of another form.
        """
        descriptor, _, rest = text.partition(":")
        name, _, port = rest.rpartition(":")
        if not (descriptor.isdecimal() and name and port.isdecimal()):
            raise ValueError(f"forward {text!r}: expected FD:NAME:PORT")
        return cls(int(descriptor), name, int(port))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str | None, port: int
) -> None:
    with contextlib.closing(writer):
        if address is None:
            return  # no such host: a closed connection says so
        try:
            connecting = asyncio.open_connection(address, port)
            there_reader, there_writer = await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            log.info("forward to %s:%s: %s", address, port, error or "no answer")
            return
        with contextlib.closing(there_writer):
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))


async def _serve(forwards: list[Forward], address_of: Callable[[str], str | None]) -> None:
    servers = []
    for forward in forwards:

        async def accept(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, forward: Forward = forward
        ) -> None:
            address = await asyncio.to_thread(address_of, forward.name)
            await _relay(reader, writer, address, forward.port)

        listener = socket.socket(fileno=forward.descriptor)
        servers.append(await asyncio.start_server(accept, sock=listener))
    await asyncio.gather(*(server.serve_forever() for server in servers))


def start(forwards: list[Forward], address_of: Callable[[str], str | None]) -> None:
    """Relay in a thread of its own; ``address_of`` returns a host's address by its name, None for none."""
    if forwards:
        threading.Thread(
            target=asyncio.run, args=(_serve(forwards, address_of),), name="forwards", daemon=True
        ).start()
