"""The text that security groups become; what it does to packets is in test_network.py."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from rehearsal.model import Outside, Rule, SecurityGroup, World
from rehearsal.network.security_groups import ruleset

from .worlds import instance

VPC = IPv4Network("10.0.0.0/16")
ANYWHERE = (IPv4Network("0.0.0.0/0"),)


def text(*rules: Rule, **changes: object) -> str:
    group = SecurityGroup("sg-1", "web", rules, ())
    host = replace(instance(11, "sg-1", public="54.214.1.1"), **changes)
    return ruleset(VPC, World((host,), (group,)))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # Mutant: leave the ports out of the match.
        (Rule("tcp", (443, 443), ANYWHERE), "    tcp dport 443 accept"),
        (Rule("udp", (1, 9), (IPv4Network("10.1.0.0/16"),)), "    ip saddr 10.1.0.0/16 udp dport 1-9 accept"),
        (Rule("6", (22, 22), (), ("sg-1",)), "    ip saddr @sg-1 tcp dport 22 accept"),
        # Mutant: take the protocol -1 for a number.
        (Rule("-1", None, ANYWHERE), "    accept"),
        # Mutant: write icmp's type as a port.
        (Rule("icmp", (8, -1), ANYWHERE), "    icmp type 8 accept"),
        (Rule("icmp", (3, 4), ANYWHERE), "    icmp type 3 icmp code 4 accept"),
        (Rule("icmp", None, ANYWHERE), "    meta l4proto icmp accept"),
        (Rule("50", None, ANYWHERE), "    meta l4proto 50 accept"),
        (Rule("tcp", None, ANYWHERE), "    tcp dport 0-65535 accept"),
    ],
)
def test_a_rule_is_one_line_per_peer(rule: Rule, expected: str) -> None:
    chain = text(rule).partition("chain in-sg-1 {\n")[2].partition("\n  }")[0]
    assert chain == expected


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("http", (80, 80), ANYWHERE), "protocol 'http': expected tcp"),
        (Rule("tcp; drop", (80, 80), ANYWHERE), "protocol 'tcp; drop'"),
        (Rule("tcp", (90, 80), ANYWHERE), "ports 90-80"),
        (Rule("icmp", (300, 0), ANYWHERE), "ICMP type 300"),
    ],
)
def test_an_impossible_rule_is_refused_by_name(rule: Rule, words: str) -> None:
    """Mutant: pass an unknown protocol on to nft."""
    with pytest.raises(ValueError, match="security group sg-1 \\(web\\)") as caught:
        text(rule)
    assert words in str(caught.value)


def test_a_group_that_does_not_exist_grants_nothing() -> None:
    """Mutant: refer to the peer's set without asking whether there is one (nft then refuses everything)."""
    assert "sg-9" not in text(Rule("tcp", (1, 2), (), ("sg-9",)), groups=("sg-1", "sg-9"))


def test_a_stopped_instance_has_no_place() -> None:
    """Mutant: do not look at ``running``."""
    assert "10.0.10.11" in text()
    assert "10.0.10.11" not in text(running=False)


def test_only_a_route_makes_an_address_public() -> None:
    """Mutant: map a public address whatever the subnet's routes say."""
    assert "54.214.1.1 : 10.0.10.11" in text(outside=Outside.PUBLIC)
    assert "54.214.1.1" not in text(outside=Outside.NONE, nat_address=None)
    assert "54.214.1.1" not in text(outside=Outside.NAT)


def test_nobody_leaves_without_an_address() -> None:
    """Mutant: take a route without an address for a way out."""
    assert "set outside { type ipv4_addr; }" in text(outside=Outside.PUBLIC, public_ip=None)
    assert "set outside { type ipv4_addr; }" in text(outside=Outside.NAT, nat_address=None)
