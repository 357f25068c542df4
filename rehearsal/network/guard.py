"""What the router never lets through, whatever the security groups say: a pure function to nftables text."""

from collections.abc import Iterable
from ipaddress import IPv4Address

from rehearsal.network.links import HOSTS, OPERATOR, WORLD
from rehearsal.network.uplink import INTERFACE
from rehearsal.settings import Settings


def ruleset(settings: Settings, machine: Iterable[IPv4Address]) -> str:
    """Return the nftables commands that replace the table ``guard`` as a whole.

    Hosts reach the region's services and no other port of the router; operator and visitors reach hosts by
    public addresses only, and nothing outside; nobody reaches, through the uplink, link-local addresses
    (the machine's own metadata service), loopback, or addresses of the machine itself.

    Args:
        settings: Addresses of the region's services.
        machine: Addresses of the machine in its own namespace.
    """
    resolvers = (settings.resolver_address, settings.vpc[2])
    services = [f"{settings.metadata_address} . tcp . 80"]
    services += [f"{settings.api_address} . tcp . {port}" for port in (80, 443)]  # packages, AWS
    services += [f"{address} . {protocol} . 53" for address in resolvers for protocol in ("udp", "tcp")]
    outer = [f"{settings.api_address} . tcp . 443"]
    for network in (settings.operator, settings.world):
        outer += [f"{network[1]} . {protocol} . 53" for protocol in ("udp", "tcp")]
    never = ["127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", str(settings.uplink)]
    never += [str(address) for address in sorted(machine) if not _covered(address)]
    return f"""\
table inet guard
delete table inet guard
table inet guard {{
  chain prerouting {{
    type filter hook prerouting priority raw; policy accept;
    iifname "{OPERATOR}" ip saddr != {settings.operator[10]} drop
    iifname "{WORLD}" ip saddr != {settings.world[10]} drop
    meta nfproto ipv6 iifname != "lo" drop
  }}
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    iifname "{HOSTS}*" ip daddr . meta l4proto . th dport {{ {", ".join(services)} }} accept
    iifname {{ "{OPERATOR}", "{WORLD}" }} ip daddr . meta l4proto . th dport {{ {", ".join(outer)} }} accept
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    ip daddr {{ {", ".join(never)} }} drop
    iifname "{HOSTS}*" oifname {{ "{INTERFACE}", "{OPERATOR}", "{WORLD}" }} accept
    iifname "{HOSTS}*" oifname "{HOSTS}*" accept
    iifname {{ "{OPERATOR}", "{WORLD}" }} oifname "{HOSTS}*" ct status dnat accept
  }}
}}
"""


def _covered(address: IPv4Address) -> bool:
    """Whether ``address`` is in one of the ranges that are refused anyway (nft refuses overlaps)."""
    return address.is_loopback or address.is_link_local or address.is_multicast
