"""Names, paths and addresses of one rehearsal. Everything it makes carries its prefix."""

import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """Where one rehearsal keeps what it makes.

    A second prefix (environment variable ``SALTWATCH_PREFIX``) gives a second, independent region on
    the same machine: tests use that.
    """

    prefix: str = "saltwatch"
    root: Path = Path("/")  # below which state, run and logs are; tests have their own
    checkout: Path = CHECKOUT
    account: str = "123456789012"
    region: str = "eu-west-1"
    vpc: IPv4Network = IPv4Network("10.0.0.0/16")

    # Addresses inside the router namespace; nothing of them exists in the machine's own namespace.
    api_address: IPv4Address = IPv4Address("198.18.255.1")  # every *.amazonaws.com
    metadata_address: IPv4Address = IPv4Address("169.254.169.254")
    resolver_address: IPv4Address = IPv4Address("169.254.169.253")
    uplink: IPv4Network = IPv4Network("198.18.0.0/24")  # slirp4netns
    operator: IPv4Network = IPv4Network("198.51.100.0/24")  # .1 the router, .10 the operator
    world: IPv4Network = IPv4Network("203.0.113.0/24")  # .1 the router, .10 some visitor
    # Where the region serves packages, a name that no other resolver knows.
    packages_name: str = "packages.rehearsal.internal"
    # First of the loopback ports of the machine on which URLs open.
    forward_base: int = 18080

    @property
    def state(self) -> Path:
        """What must survive a restart: snapshots, volumes, hosts' disks, the CA, the operator's home."""
        return self.root / "var/lib" / self.prefix

    @property
    def run(self) -> Path:
        """What may go with a reboot: sockets, pids, locks."""
        return self.root / "run" / self.prefix

    @property
    def cache(self) -> Path:
        """Images and packages by content; shared by all prefixes, kept by ``down``."""
        return Path("/var/cache/saltwatch")

    @property
    def control_socket(self) -> Path:
        """Unix socket of the region's own (not AWS's) interface."""
        return self.run / "region.sock"

    @property
    def ca_certificate(self) -> Path:
        """The rehearsal's certificate authority, which hosts and operator trust."""
        return self.state / "ca" / "ca.pem"

    @property
    def operator_home(self) -> Path:
        """HOME of the operator's commands, so that no credentials of the machine are ever read."""
        return self.state / "operator"

    @property
    def logs(self) -> Path:
        """One log file a step, of its last run; kept by ``down``."""
        return self.root / "var/log" / self.prefix

    def namespace(self, name: str) -> str:
        """Return the network namespace of ``name`` (router, operator, world or an instance id)."""
        return f"{self.prefix}-{name}"

    def namespace_path(self, name: str) -> Path:
        """Return where ``ip netns`` keeps that namespace."""
        return Path("/run/netns") / self.namespace(name)


def load() -> Settings:
    """Return the settings of this process, prefix from ``SALTWATCH_PREFIX`` if set."""
    prefix = os.environ.get("SALTWATCH_PREFIX", Settings.prefix)
    if not prefix.isalnum() or len(prefix) > 12:
        raise SystemExit(f"SALTWATCH_PREFIX={prefix!r}: expected at most 12 letters and digits")
    offset = 0 if prefix == Settings.prefix else 100 + sum(prefix.encode()) % 400
    return Settings(prefix=prefix, forward_base=Settings.forward_base + offset)
