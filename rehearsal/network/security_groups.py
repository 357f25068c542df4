"""Security groups, public addresses and ways out of the VPC: a pure function from `World` to nftables text.

Where a packet is looked at decides which addresses a rule sees. Egress rules are applied before a
destination is translated and ingress rules after a source is, so that both see what AWS shows them: an
instance that calls another by its public address comes from its own public address there, and no group
matches it. Looking before routing also covers the router's own addresses (the AWS endpoints) with the same
chain.

Flows are tracked: the answer to a permitted packet is permitted, and an open connection outlives the rule
that admitted it ("Security group connection tracking", EC2 user guide). On AWS that is not so for flows
that rules for all ports and addresses, in both directions, left untracked.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses

from rehearsal.model import Instance, Outside, Rule, SecurityGroup, World
from rehearsal.network.links import HOSTS, OPERATOR, WORLD, link
from rehearsal.network.uplink import INTERFACE

_ANYWHERE = IPv4Network("0.0.0.0/0")
_ALL_PORTS = (-1, -1)


def ruleset(vpc: IPv4Network, world: World) -> str:
    """Return the nftables commands that replace the table ``vpc`` as a whole, in one transaction.

    Args:
        vpc: Addresses that are inside.
        world: Instances and groups. Stopped instances get no packet.

    Raises:
        ValueError: A rule has an unknown protocol or impossible ports; group and rule are named.
    """
    instances = [instance for instance in world.instances if instance.running]
    known = {group.id for group in world.groups}
    inside = collapse_addresses([vpc, *(instance.subnet for instance in instances)])
    sources = {
        i.private_ip: i.nat_address if i.outside is Outside.NAT else i.public_ip for i in _outside(instances)
    }
    public = {i.public_ip: i.private_ip for i in _outside(instances) if i.outside is Outside.PUBLIC}
    lines = [
        "table inet vpc",
        "delete table inet vpc",
        "table inet vpc {",
        *_named("set inside { type ipv4_addr; flags interval", (str(network) for network in inside)),
        *_named(
            "set bound { type ifname . ipv4_addr", (f'"{link(i.id)}" . {i.private_ip}' for i in instances)
        ),
        *_named("set outside { type ipv4_addr", (str(address) for address in sources)),
        *_named("map public { type ipv4_addr : ipv4_addr", (f"{a} : {b}" for a, b in public.items())),
        *_named("map source { type ipv4_addr : ipv4_addr", (f"{a} : {b}" for a, b in sources.items())),
    ]
    for group in world.groups:
        members = (str(i.private_ip) for i in instances if group.id in i.groups)
        lines += _named(f"set {group.id} {{ type ipv4_addr", members)
    for group in world.groups:
        lines += _chain(f"in-{group.id}", _permissions(group, "saddr", group.ingress, known))
        lines += _chain(f"out-{group.id}", _permissions(group, "daddr", group.egress, known))
    for instance in instances:
        groups = [group for group in instance.groups if group in known]
        lines += _chain(f"in-{instance.id}", (f"jump in-{group}" for group in groups))
        lines += _chain(f"out-{instance.id}", (f"jump out-{group}" for group in groups))
    for direction in ("in", "out"):
        verdicts = (f"{i.private_ip} : jump {direction}-{i.id}" for i in instances)
        lines += _named(f"map {direction} {{ type ipv4_addr : verdict", verdicts)
    return "\n".join([*lines, _BASE, "}", ""])


_BASE = f"""\
  chain egress {{
    type filter hook prerouting priority mangle; policy accept;
    iifname != "{HOSTS}*" accept
    iifname . ip saddr != @bound drop
    ct state established,related accept
    ct state invalid drop
    # The region's own resolver and metadata service, which no security group sees on AWS either.
    ip daddr @inside fib daddr type local accept
    ip daddr 169.254.0.0/16 accept
    ip daddr != @inside ip saddr != @outside drop
    ip saddr vmap @out
    drop
  }}
  chain ingress {{
    type filter hook postrouting priority 110; policy accept;
    oifname != "{HOSTS}*" accept
    ct state established,related accept
    # The rehearsal's own forwarded ports.
    fib saddr type local accept
    ip daddr vmap @in
    drop
  }}
  chain destination {{
    type nat hook prerouting priority dstnat; policy accept;
    dnat ip to ip daddr map @public
  }}
  chain source {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "{INTERFACE}" masquerade
    ip saddr @inside oifname {{ "{OPERATOR}", "{WORLD}" }} snat ip to ip saddr map @source
    ip saddr @inside ct status dnat snat ip to ip saddr map @source
  }}"""


def _outside(instances: Iterable[Instance]) -> Iterator[Instance]:
    """Yield the instances that have a way out: a route to a gateway, and an address to leave with."""
    for instance in instances:
        if instance.outside is Outside.PUBLIC and instance.public_ip:
            yield instance
        if instance.outside is Outside.NAT and instance.nat_address:
            yield instance


def _named(head: str, elements: Iterable[str]) -> list[str]:
    """Return a named set or map; ``head`` is all before its elements."""
    listed = ", ".join(elements)
    return [f"  {head}; " + (f"elements = {{ {listed} }} }}" if listed else "}")]


def _chain(name: str, statements: Iterable[str]) -> list[str]:
    return [f"  chain {name} {{", *(f"    {statement}" for statement in statements), "  }"]


def _permissions(group: SecurityGroup, side: str, rules: Iterable[Rule], known: set[str]) -> Iterator[str]:
    for rule in rules:
        try:
            match = _match(rule)
        except ValueError as error:
            raise ValueError(f"security group {group.id} ({group.name}): {error}") from error
        for cidr in rule.cidrs:
            yield " ".join(filter(None, ["" if cidr == _ANYWHERE else f"ip {side} {cidr}", match, "accept"]))
        for peer in rule.groups:
            if peer in known:
                yield " ".join(filter(None, [f"ip {side} @{peer}", match, "accept"]))


def _match(rule: Rule) -> str:
    """Return what a rule asks of a packet beside its peer, of IpPermission's names and numbers (EC2 API)."""
    protocol = {"6": "tcp", "17": "udp", "1": "icmp"}.get(rule.protocol, rule.protocol)
    if protocol == "-1":
        return ""
    if protocol == "icmp":
        return _icmp(*(rule.ports or _ALL_PORTS))
    if protocol in ("tcp", "udp"):
        first, last = (0, 65535) if rule.ports in (None, _ALL_PORTS) else rule.ports
        if not 0 <= first <= last <= 65535:
            raise ValueError(f"ports {first}-{last}: expected 0 <= first <= last <= 65535")
        return f"{protocol} dport {first}" if first == last else f"{protocol} dport {first}-{last}"
    if protocol.isdecimal() and int(protocol) < 256:
        return f"meta l4proto {protocol}"
    raise ValueError(f"protocol {rule.protocol!r}: expected tcp, udp, icmp, a number below 256, or -1")


def _icmp(kind: int, code: int) -> str:
    if not (-1 <= kind <= 255 and -1 <= code <= 255):
        raise ValueError(f"ICMP type {kind}, code {code}: expected -1 (all) to 255")
    if kind == -1:
        return "meta l4proto icmp"
    return f"icmp type {kind}" + ("" if code == -1 else f" icmp code {code}")
