"""An administrator's side of the tunnel: a network namespace that has no other way anywhere.

The packets between it and the control node leave from the operator's namespace, where these tests run:
wireguard-go keeps its sockets in the namespace in which it was started, its interface may be in another.
"""

import configparser
import json
import os
import subprocess
import time
from collections.abc import Sequence
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from types import TracebackType
from typing import Self

from remote import PREFIX

PROBER = Path(__file__).with_name("prober.py").read_text()


class Peer:
    """One administrator's machine, for as long as it is entered.

    Args:
        name: of the machine; unlike those of others that are entered.
    """

    def __init__(self, name: str) -> None:
        self.namespace = f"{PREFIX}-{name}"
        self._interface = f"wg{os.getpid() % 10**6}{name[-4:]}"
        self._resolver = Path("/etc/netns") / self.namespace / "resolv.conf"
        self._private_key = _command(["wg", "genkey"])
        self.public_key = _command(["wg", "pubkey"], self._private_key)
        self.networks: list[IPv4Network] = []

    def __enter__(self) -> Self:
        _command(["ip", "netns", "add", self.namespace])
        # Without the tests it ends.
        command = ["setpriv", "--pdeathsig", "KILL", "wireguard-go", "--foreground", self._interface]
        self._daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        socket = Path(f"/run/wireguard/{self._interface}.sock")
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert self._daemon.poll() is None and time.monotonic() < deadline, "wireguard-go does not start"
            time.sleep(0.1)
        _command(["ip", "link", "set", self._interface, "netns", self.namespace])
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._daemon.kill()
        self._daemon.wait()
        Path(f"/run/wireguard/{self._interface}.sock").unlink(missing_ok=True)
        _command(["ip", "netns", "delete", self.namespace])
        self._resolver.unlink(missing_ok=True)
        if self._resolver.parent.exists():
            self._resolver.parent.rmdir()

    def connect(self, configuration: str) -> None:
        """Take a configuration file of wg-quick(8), as this host's administrator would.

        But everything is sent into the tunnel, not only what the file says: whatever the other side lets
        through counts. ``networks`` is what the file says.
        """
        parsed = configparser.ConfigParser()
        parsed.read_string(configuration)
        own, server = parsed["Interface"], parsed["Peer"]
        self.networks = [ip_network(word.strip()) for word in server["AllowedIPs"].split(",")]
        settings = (
            f"[Interface]\nPrivateKey = {self._private_key}\n[Peer]\nPublicKey = {server['PublicKey']}\n"
            f"Endpoint = {server['Endpoint']}\nAllowedIPs = 0.0.0.0/0\nPersistentKeepalive = 5\n"
        )
        _command(["wg", "setconf", self._interface, "/dev/stdin"], settings)
        self.run("ip", "address", "add", own["Address"], "dev", self._interface)
        self.run("ip", "link", "set", self._interface, "mtu", own["MTU"], "up")
        self.run("ip", "route", "add", "default", "dev", self._interface)
        resolver, zone = (word.strip() for word in own["DNS"].split(","))
        self._resolver.parent.mkdir(parents=True, exist_ok=True)
        self._resolver.write_text(f"nameserver {resolver}\nsearch {zone}\n")

    def run(self, *argv: str, stdin: str = "", timeout: float = 60) -> str:
        """Run a command on this machine and return what it prints.

        Raises:
            AssertionError: it failed.
        """
        return _command(["ip", "netns", "exec", self.namespace, *argv], stdin, timeout)

    def probe(self, targets: Sequence[tuple[str, int, str]]) -> list[str]:
        """Return what becomes of a connection to each (address, port, protocol): `open`, `timeout` or so."""
        told = self.run("python3", "-c", PROBER, "probe", stdin=json.dumps(targets), timeout=120)
        outcomes: list[str] = json.loads(told)
        return outcomes


def _command(argv: Sequence[str], stdin: str = "", timeout: float = 60) -> str:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout.strip()
