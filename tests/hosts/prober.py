"""Run on a host with nothing but Python: listen where nobody listens, or try to connect everywhere.

`test_ports.py` sends this file over ssh. ``listen`` opens every socket it is given that is still free, prints
which, and stays until its input ends, so that it goes with whoever started it. ``probe`` tries all targets at
once and prints what became of each.
"""

import asyncio
import errno
import json
import sys

# ruff: noqa: T201 - its output is its answer

# A ping of Alertmanager's gossip (hashicorp/memberlist: message type 0, then msgpack of SeqNo and Node): a
# member answers it, and so does the echo of `listen`, so one probe serves both.
PING = b"\x00\x82\xa5SeqNo\x01\xa4Node\xa0"
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


async def probe(targets):
    """Try every (address, port, protocol) at once; print the outcomes in their order."""
    ways = {"tcp": tcp, "udp": udp}
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
