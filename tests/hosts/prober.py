"""Run on a host with nothing but Python: listen where nobody listens, or try to connect everywhere.

`test_ports.py` sends this file over ssh. ``listen`` opens every socket it is given that is still free, prints
which, and stays until its input ends, so that it goes with whoever started it. ``probe`` tries all targets at
once and prints what became of each.
"""

import asyncio
import errno
import json
import os
import socket
import struct
import sys

# ruff: noqa: T201 - its output is its answer

# A ping of Alertmanager's gossip (hashicorp/memberlist: message type 0, then msgpack of SeqNo and Node): a
# member answers it, and so does the echo of `listen`, so one probe serves both.
PING = b"\x00\x82\xa5SeqNo\x01\xa4Node\xa0"
ANSWERS = {8: 0, 13: 14}  # types of ICMP and those of their answers
LENGTHS = {8: 8, 13: 20}  # bytes of a message
TIMEOUT = 6.0  # seconds: a SYN is sent again after 1 and 3


class Echo(asyncio.DatagramProtocol):
    """Answers each datagram with itself."""

    def connection_made(self, transport):
        """Keep the transport."""
        self.transport = transport

    def datagram_received(self, data, address):
        """Answer."""
        self.transport.sendto(data, address)


class Asked(asyncio.DatagramProtocol):
    """Notes the first sign of life, or of refusal."""

    def __init__(self):
        self.outcome = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, address):
        """Somebody listens."""
        if not self.outcome.done():
            self.outcome.set_result("open")

    def error_received(self, error):
        """An ICMP error came back."""
        if not self.outcome.done():
            self.outcome.set_result(name(error))


def name(error):
    """Return what an error means for the matrix."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "refused" if error.errno == errno.ECONNREFUSED else errno.errorcode.get(error.errno, str(error))


async def listen(address, sockets):
    """Listen on each free socket of ``address``; return those opened, in order."""
    loop = asyncio.get_running_loop()
    opened = []
    for port, protocol in sockets:
        if protocol == "icmp":  # the kernel listens
            continue
        try:
            if protocol == "tcp":
                server = await asyncio.start_server(lambda _, writer: writer.close(), address, port)
            else:
                server, _ = await loop.create_datagram_endpoint(Echo, local_addr=(address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            opened.append((server, (port, protocol)))
    print(json.dumps([where for _, where in opened]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


async def tcp(address, port):
    """Try to connect; return what became of it."""
    try:
        async with asyncio.timeout(TIMEOUT):
            _, writer = await asyncio.open_connection(address, port)
    except OSError as error:
        return name(error)
    writer.close()
    return "open"


async def udp(address, port):
    """Ask three times for an answer; return what became of it."""
    loop = asyncio.get_running_loop()
    try:
        transport, asked = await loop.create_datagram_endpoint(Asked, remote_addr=(address, port))
    except OSError as error:
        return name(error)
    try:
        for _ in range(3):
            transport.sendto(PING)
            done, _ = await asyncio.wait([asked.outcome], timeout=TIMEOUT / 3)
            if done:
                return asked.outcome.result()
        return "timeout"
    finally:
        transport.close()


async def icmp(address, kind):
    """Ask three times for an echo (8) or a timestamp (13); return what became of it.

    The socket is a raw one, for which its owner needs CAP_NET_RAW, and connected, so that it is told of ICMP
    errors. Source of the message: RFC 792.
    """
    loop = asyncio.get_running_loop()
    ours = os.urandom(2)  # its identifier; every raw socket of the host gets every echo
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as connection:
        connection.setblocking(False)
        try:
            connection.connect((address, 0))
            for sequence in range(3):
                rest = ours + struct.pack("!H", sequence) + bytes(LENGTHS[kind] - 8)
                await loop.sock_sendall(connection, struct.pack("!BBH", kind, 0, checksum(kind, rest)) + rest)
                if await answered(connection, ANSWERS[kind], ours):
                    return "open"
        except OSError as error:
            return name(error)
    return "timeout"


def checksum(kind, rest):
    """Return the checksum of a message of this type, code 0, with ``rest`` after the checksum."""
    total = (kind << 8) + sum(word for (word,) in struct.iter_unpack("!H", rest))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


async def answered(connection, kind, ours):
    """Wait for a message of this type with our identifier; return whether it came."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(TIMEOUT / 3):
            while True:
                packet = await loop.sock_recv(connection, 1500)
                message = packet[(packet[0] & 15) * 4 :]  # after the header of IP, whose length is in words
                if message[0] == kind and message[4:6] == ours:
                    return True
    except TimeoutError:
        return False


async def probe(targets):
    """Try every (address, port, protocol) at once; print the outcomes in their order."""
    ways = {"tcp": tcp, "udp": udp, "icmp": icmp}
    outcomes = await asyncio.gather(*(ways[protocol](address, port) for address, port, protocol in targets))
    print(json.dumps(outcomes))


def main():
    """Do what the arguments say."""
    if sys.argv[1] == "listen":
        asyncio.run(listen(sys.argv[2], json.loads(sys.argv[3])))
    else:
        asyncio.run(probe(json.loads(sys.stdin.read())))


if __name__ == "__main__":
    main()
