"""The namespaces of one rehearsal and the router between them."""

from ipaddress import IPv4Address
from pathlib import Path

from rehearsal.machine.commands import run
from rehearsal.model import World
from rehearsal.network import guard, links, security_groups, teardown, uplink
from rehearsal.network.namespaces import ensure_namespace
from rehearsal.settings import Settings

# Only inside the router's namespace. A new namespace takes over the machine's, whatever they are.
_SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.default.proxy_arp": 1,
}


class Network:
    """The namespaces router, operator and world of one rehearsal, and what connects them.

    Args:
        settings: Of the rehearsal.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.router = settings.namespace_path("router")

    def up(self) -> None:
        """Make what is missing; nothing that works is touched, so hosts that run keep their connections.

        Raises:
            CommandError: A tool failed; the message has its words.
            UplinkError: slirp4netns did not start.
        """
        self.settings.run.mkdir(parents=True, exist_ok=True, mode=0o755)
        uplink.hold_machine(self.settings)
        ensure_namespace(self.router)
        self._sysctls()
        self._router_addresses()
        self._outer("operator")
        self._outer("world")
        run(
            "nft",
            "-f",
            "-",
            namespace=self.router,
            stdin=guard.ruleset(self.settings, self._machine_addresses()),
        )
        if "table inet vpc" not in run("nft", "list", "tables", namespace=self.router):
            self.apply(World())
        uplink.ensure(self.settings)

    def down(self) -> None:
        """Remove everything of the prefix, hosts' disks and volumes too; also after any SIGKILL.

        Raises:
            CommandError, TimeoutError: Something could not be removed; a second call goes on from there.
        """
        teardown.down(self.settings)

    def apply(self, world: World) -> None:
        """Replace security groups, public addresses and the ways out, all at once."""
        text = security_groups.ruleset(self.settings.vpc, world)
        run("nft", "-f", "-", namespace=self.router, stdin=text)

    def _sysctls(self) -> None:
        values = [f"{name}={value}" for name, value in _SYSCTLS.items()]
        run("sysctl", "-qw", *values, namespace=self.router)
        if Path("/proc/sys/net/ipv6").exists():
            run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", namespace=self.router)

    def _router_addresses(self) -> None:
        settings = self.settings
        own = (
            settings.api_address,
            settings.metadata_address,
            settings.resolver_address,
            settings.vpc[2],
        )
        lines = [f"address replace {address}/32 dev lo" for address in own]
        # An address of no host is silence, as on AWS, and not a way to the Internet.
        lines.append(f"route replace blackhole {settings.vpc}")
        run("ip", "-batch", "-", namespace=self.router, stdin="\n".join(lines) + "\n")

    def _outer(self, name: str) -> None:
        """Connect the operator's machine, or a visitor's, to the router; resolv.conf included."""
        network = getattr(self.settings, name)
        router, own = network[1], network[10]
        path = self.settings.namespace_path(name)
        ensure_namespace(path)
        if name not in links.interfaces(self.router):
            run(
                *("ip", "link", "add", name, "netns", self.router.name, "type", "veth"),
                *("peer", "name", "eth0", "netns", path.name),
            )
        # No more of the network than these two addresses: the rest may be real, a mirror's say.
        lines = (
            f"address replace {router}/32 dev {name}\nlink set {name} up\nroute replace {own}/32 dev {name}\n"
        )
        run("ip", "-batch", "-", namespace=self.router, stdin=lines)
        lines = (
            f"address replace {own}/{network.prefixlen} dev eth0\n"
            f"link set eth0 up\nroute replace default via {router}\n"
        )
        run("ip", "-batch", "-", namespace=path, stdin=lines)
        etc = teardown.ETC / path.name
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "resolv.conf").write_text(f"nameserver {router}\n")

    def _machine_addresses(self) -> set[IPv4Address]:
        namespace = uplink.machine(self.settings)
        lines = run("ip", "-oneline", "-4", "address", "show", namespace=namespace).splitlines()
        return {IPv4Address(line.split()[3].partition("/")[0]) for line in lines}
