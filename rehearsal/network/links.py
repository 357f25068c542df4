"""Interfaces between the router's namespace and the others; none is ever seen in the machine's own."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from rehearsal.machine.commands import CommandError, run
from rehearsal.model import Instance
from rehearsal.network.namespaces import ensure_namespace
from rehearsal.settings import Settings

HOSTS = "h-"  # the router's interfaces towards hosts begin with it
OPERATOR = "operator"
WORLD = "world"
_MTU = 9001  # of a VPC: "Network maximum transmission unit", EC2 user guide


def link(instance_id: str) -> str:
    """Return the router's interface towards a host; Linux allows names of 15 characters."""
    return f"{HOSTS}{instance_id[-13:]}"


def gateway(subnet: IPv4Network) -> IPv4Address:
    """Return the address of a subnet's router, which AWS puts first."""
    return subnet[1]


def connect(settings: Settings, instance: Instance) -> None:
    """Give a host its namespace, with eth0 on its private address and the subnet's router as gateway.

    Hosts of one subnet reach each other through the router too (it answers ARP for all of them), so
    that security groups hold between neighbours.
    """
    router, own = settings.namespace_path("router"), settings.namespace_path(instance.id)
    name, address, via = link(instance.id), instance.private_ip, gateway(instance.subnet)
    disconnect(settings, instance.id)
    ensure_namespace(own)
    run(
        *("ip", "link", "add", name, "netns", router.name, "mtu", str(_MTU), "type", "veth"),
        *("peer", "name", "eth0", "netns", own.name, "mtu", str(_MTU)),
    )
    towards = (
        # Answer at once: the delay is meant for several proxies on one wire.
        f"ntable change name arp_cache dev {name} proxy_delay 0",
        f"link set {name} up",
        f"address replace {via}/32 dev lo",
        f"route replace {address}/32 dev {name}",
    )
    run("ip", "-batch", "-", namespace=router, stdin="\n".join(towards) + "\n")
    inside = (
        f"address add {address}/{instance.subnet.prefixlen} broadcast + dev eth0",
        "link set eth0 up",
        f"route add default via {via}",
    )
    run("ip", "-batch", "-", namespace=own, stdin="\n".join(inside) + "\n")


def disconnect(settings: Settings, instance_id: str) -> None:
    """Cut a host off at once. Its namespace stays until its processes are gone."""
    name, router = link(instance_id), settings.namespace_path("router")
    if name in interfaces(router):
        try:
            run("ip", "link", "delete", name, namespace=router)
        except CommandError:
            if name in interfaces(router):
                raise  # and did not just go together with the host's namespace


def interfaces(namespace: Path) -> set[str]:
    """Return the names of a namespace's interfaces."""
    lines = run("ip", "-oneline", "link", "show", namespace=namespace).splitlines()
    return {line.split(": ")[1].partition("@")[0] for line in lines}
