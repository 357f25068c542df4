"""What gets through the router and what does not, tried with sockets in namespaces."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from rehearsal.machine import checks
from rehearsal.machine.commands import run
from rehearsal.model import Instance, Outside, Rule, SecurityGroup, World
from rehearsal.network import Network, uplink

from .sides import ARRIVES, Side
from .worlds import NAT, SUBNET, instance

pytestmark = pytest.mark.root

Wire = Callable[[World], None]
Find = Callable[[Instance | str], Side]
ANYWHERE = (IPv4Network("0.0.0.0/0"),)
ALL = (Rule("-1", None, ANYWHERE),)
OPERATOR, VISITOR = "198.51.100.10", "203.0.113.10"

CLIENT = SecurityGroup("sg-client", "client", (), ALL)
SERVER = SecurityGroup("sg-server", "server", (Rule("tcp", (80, 82), (), ("sg-client",)),), ALL)
OPEN = SecurityGroup("sg-open", "open", ALL, ALL)
MUTE = SecurityGroup("sg-mute", "mute", ALL, ())


def test_neighbours_reach_each_other_as_groups_say(wired: Wire, side: Find) -> None:
    """Mutants: no verdict map for ingress; the port range one too long; members of a group left out."""
    a, b, c = instance(11, "sg-client"), instance(12, "sg-server"), instance(13, "sg-open")
    wired(World((a, b, c), (CLIENT, SERVER, OPEN)))
    for port in (79, 80, 82, 83):
        side(b).serve(port)
    assert side(a).seen_as(b.private_ip, 80) == str(a.private_ip)
    assert side(a).seen_as(b.private_ip, 82) == str(a.private_ip)
    assert side(a).dropped(b.private_ip, 83)
    assert side(a).dropped(b.private_ip, 79)
    assert side(c).dropped(b.private_ip, 80)
    assert side(b).dropped(a.private_ip, 80)


def test_rules_of_other_protocols(wired: Wire, side: Find) -> None:
    """Mutant: read udp as tcp, or icmp as everything."""
    rules = (Rule("udp", (53, 53), ANYWHERE), Rule("icmp", (8, -1), ANYWHERE))
    a, b = instance(11, "sg-open"), instance(12, "sg-u")
    wired(World((a, b), (OPEN, SecurityGroup("sg-u", "u", rules, ()))))
    side(b).serve_udp(53)
    side(b).serve_udp(54)
    side(b).serve(53)
    assert side(a).answered_udp(b.private_ip, 53)
    assert not side(a).answered_udp(b.private_ip, 54)
    assert side(a).dropped(b.private_ip, 53)
    assert side(a).pings(b.private_ip)
    assert not side(b).pings(a.private_ip)


def test_egress_is_filtered_too(wired: Wire, side: Find) -> None:
    """Mutant: no verdict map for egress."""
    peer = Rule("tcp", (80, 80), (IPv4Network("10.0.10.12/32"),))
    a, b = instance(11, "sg-80"), instance(12, "sg-open")
    wired(World((a, b), (OPEN, SecurityGroup("sg-80", "80", (), (peer,)))))
    side(b).serve(80)
    side(b).serve(81)
    assert side(a).seen_as(b.private_ip, 80) == str(a.private_ip)
    assert side(a).dropped(b.private_ip, 81)


def test_revoking_a_rule_spares_open_connections(wired: Wire, side: Find) -> None:
    """Mutants: groups applied at start only; no tracking of connections."""
    a, b = instance(11, "sg-client"), instance(12, "sg-server")
    # No egress: what it answers it may answer for the sake of the connection.
    wired(World((a, b), (CLIENT, replace(SERVER, egress=()))))
    side(b).serve(80)
    connection = side(a).connect(b.private_ip, 80)
    greeting = connection.recv(100)
    wired(World((a, b), (CLIENT, replace(SERVER, ingress=(), egress=()))))
    assert side(a).dropped(b.private_ip, 80)
    connection.sendall(b"still here")
    assert greeting and connection.recv(100) == b"still here"


def test_the_public_address_is_the_only_way_in(wired: Wire, side: Find) -> None:
    """Mutants: forward to private addresses; show the host the router's address instead of the peer's."""
    http = Rule("tcp", (80, 80), ANYWHERE)
    ssh = Rule("tcp", (22, 22), (IPv4Network("198.51.100.0/24"),))
    a = instance(11, "sg-pub", public="54.214.1.1", outside=Outside.PUBLIC)
    b = instance(12, "sg-open", public="54.214.1.2", outside=Outside.NONE)
    wired(World((a, b), (OPEN, SecurityGroup("sg-pub", "pub", (http, ssh), ALL))))
    for port in (22, 80):
        side(a).serve(port)
    side(b).serve(80)
    assert side("world").seen_as("54.214.1.1", 80) == VISITOR
    assert side("operator").seen_as("54.214.1.1", 22) == OPERATOR
    assert side("world").dropped("54.214.1.1", 22)
    assert side("operator").dropped(a.private_ip, 22)
    assert side("world").dropped("54.214.1.2", 80)  # its subnet has no route to a gateway


def test_an_instance_outside_its_vpc_has_its_public_address(wired: Wire, side: Find) -> None:
    """Mutants: no source translation; translate also inside the VPC; match groups before translation."""
    a = instance(11, "sg-client", public="54.214.1.1", outside=Outside.PUBLIC)
    b = instance(12, "sg-client")
    c = instance(13, "sg-by", public="54.214.1.3", outside=Outside.PUBLIC)
    by = (Rule("tcp", (80, 80), (), ("sg-client",)), Rule("tcp", (81, 81), (IPv4Network(f"{NAT}/32"),)))
    wired(World((a, b, c), (CLIENT, SecurityGroup("sg-by", "by", by, ALL))))
    for port in (80, 81):
        side(c).serve(port)
    side("world").serve(80)
    assert side(a).seen_as(VISITOR, 80) == "54.214.1.1"
    assert side(b).seen_as(VISITOR, 80) == str(NAT)
    assert side(b).seen_as(c.private_ip, 80) == str(b.private_ip)
    # By its public address the peer is outside: no group matches, the NAT gateway's address does.
    assert side(b).dropped("54.214.1.3", 80)
    assert side(b).seen_as("54.214.1.3", 81) == str(NAT)


def test_without_a_route_there_is_no_outside(network: Network, wired: Wire, side: Find) -> None:
    """Mutant: leave out the set of those that have a way out."""
    a, b = instance(11, "sg-open", outside=Outside.NONE), instance(12, "sg-open")
    wired(World((a, b), (OPEN,)))
    side("world").serve(80)
    side("router").serve(443, network.settings.api_address)
    assert side(b).seen_as(VISITOR, 80) == str(NAT)
    assert side(a).dropped(VISITOR, 80)
    assert side(a).dropped(network.settings.api_address, 443)


def test_services_of_the_region(network: Network, wired: Wire, side: Find) -> None:
    """Mutants: metadata behind egress rules; the API not behind them; all ports of the router open."""
    settings = network.settings
    a, b = instance(11, "sg-mute"), instance(12, "sg-https")
    web = SecurityGroup(
        "sg-https", "https", (), tuple(Rule("tcp", (port, port), ANYWHERE) for port in (80, 443))
    )
    wired(World((a, b), (MUTE, web)))
    router = side("router")
    api, metadata = settings.api_address, settings.metadata_address
    for address, port in ((api, 443), (api, 80), (metadata, 80), ("0.0.0.0", 8080)):
        router.serve(port, address)
    router.serve_udp(53, settings.vpc[2])
    router.serve_udp(53, settings.resolver_address)
    assert side(a).seen_as(settings.metadata_address, 80) == str(a.private_ip)
    assert side(a).answered_udp(settings.vpc[2], 53)
    assert side(a).answered_udp(settings.resolver_address, 53)
    assert side(a).dropped(settings.api_address, 443)
    assert side(b).seen_as(settings.api_address, 443) == str(b.private_ip)
    assert side(b).seen_as(settings.api_address, 80) == str(b.private_ip), "packages"
    assert side("operator").dropped(settings.api_address, 80)
    assert side("operator").seen_as(settings.api_address, 443) == OPERATOR
    for address in (settings.metadata_address, settings.vpc[2], SUBNET[1]):
        assert side(b).dropped(address, 8080)
    assert side("operator").dropped(settings.metadata_address, 80)
    assert side("operator").dropped(settings.api_address, 8080)


def test_a_host_cannot_take_another_address(wired: Wire, side: Find, network: Network) -> None:
    """Mutant: leave out the set that binds addresses to interfaces."""
    a, b = instance(11, "sg-open"), instance(12, "sg-server")
    c = instance(13, "sg-client")
    wired(World((a, b, c), (OPEN, SERVER, CLIENT)))
    side(b).serve(80)
    own = network.settings.namespace_path(a.id)
    run("ip", "address", "add", f"{c.private_ip}/32", "dev", "lo", namespace=own)
    # Have the answers find their way, as an attacker would wish, so that only the filter stands in it.
    router = network.settings.namespace_path("router")
    run("ip", "route", "replace", f"{c.private_ip}/32", "dev", f"h-{a.id[-13:]}", namespace=router)
    assert side(a).dropped(b.private_ip, 80, source=c.private_ip)


def test_nothing_of_the_machine_is_reached(wired: Wire, side: Find, network: Network) -> None:
    """Mutants: leave out the addresses of the machine; let the uplink forward to its loopback."""
    a = instance(11, "sg-open", public="54.214.1.1", outside=Outside.PUBLIC)
    wired(World((a,), (OPEN,)))
    side("machine").serve(8099)
    line = run("ip", "-oneline", "-4", "address", "show", "up", "scope", "global").splitlines()[0]
    own = line.split()[3].partition("/")[0]
    assert side("router").seen_as(own, 8099)  # so the uplink would take one there
    assert side(a).dropped(own, 8099)
    assert side(a).dropped(network.settings.uplink[2], 8099)
    with pytest.raises(OSError):
        side("router").connect(network.settings.uplink[2], 8099)
    assert side(a).dropped("169.254.170.2", 80)


def test_an_address_of_no_host_is_silent(wired: Wire, side: Find) -> None:
    """Mutant: no blackhole route, so that it is looked for through the uplink."""
    a = instance(11, "sg-open")
    wired(World((a,), (OPEN,)))
    assert side(a).dropped("10.0.77.7", 80)


def test_operator_and_visitors_have_the_region_only(wired: Wire, side: Find, network: Network) -> None:
    """A public address that was given back must not lead to whoever has it in the world.

    Mutant: forward the operator through the uplink.
    """
    wired(World())
    for name in ("operator", "world"):
        assert not side(name).answered_udp(uplink.nameserver(network.settings), 53, _QUERY)
        assert side(name).dropped("54.214.1.1", 443)


_QUERY = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01"


def test_the_uplink_comes_back(side: Find, network: Network) -> None:
    """Mutant: `ensure` looks at a recorded pid."""
    server = uplink.nameserver(network.settings)
    assert side("router").answered_udp(server, 53, _QUERY)
    for pid in uplink.group(network.settings).pids():
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + ARRIVES
    while uplink.group(network.settings).pids() and time.monotonic() < deadline:
        time.sleep(0.01)
    uplink.ensure(network.settings)
    assert side("router").answered_udp(server, 53, _QUERY)


def test_up_again_disturbs_nothing(wired: Wire, side: Find, network: Network) -> None:
    """Mutant: `up` makes the namespaces, or the groups, anew."""
    a, b = instance(11, "sg-client"), instance(12, "sg-server")
    wired(World((a, b), (CLIENT, SERVER)))
    side(b).serve(80)
    connection = side(a).connect(b.private_ip, 80)
    connection.recv(100)
    network.up()
    connection.sendall(b"still here")
    assert connection.recv(100) == b"still here"
    assert side(a).seen_as(b.private_ip, 80) == str(a.private_ip)


def test_names_resolve_at_the_region(network: Network) -> None:
    """Mutant: no files in /etc/netns."""
    for name, server in (("operator", "198.51.100.1"), ("world", "203.0.113.1")):
        namespace = network.settings.namespace(name)
        shown = run("ip", "netns", "exec", namespace, "cat", "/etc/resolv.conf")
        assert shown == f"nameserver {server}\n"


def test_an_impossible_world_leaves_the_groups_alone(wired: Wire, side: Find, network: Network) -> None:
    """Mutant: clear the table before reading the rules."""
    a, b = instance(11, "sg-client"), instance(12, "sg-server")
    wired(World((a, b), (CLIENT, SERVER)))
    side(b).serve(80)
    bad = SecurityGroup("sg-bad", "bad", (Rule("ftp", (1, 1), ANYWHERE),), ())
    with pytest.raises(ValueError, match="sg-bad"):
        network.apply(World((a, b), (CLIENT, bad)))
    assert side(a).seen_as(b.private_ip, 80) == str(a.private_ip)


def test_this_machine_has_what_it_takes(network: Network) -> None:
    """Mutant: call a feature by a wrong name: it is then said to be missing."""
    assert checks.problems(network.settings) == []


def test_what_is_missing_is_named(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: look for no command."""
    monkeypatch.setenv("PATH", "")
    assert "command slirp4netns is missing: install the package slirp4netns" in checks.problems(
        network.settings
    )


def test_a_stranger_of_our_name_is_told(network: Network, tmp_path: Path) -> None:
    """Mutant: `problems` does not compare names with the run directory."""
    stranger = replace(network.settings, prefix=f"{network.settings.prefix}x")
    run("ip", "netns", "add", f"{stranger.prefix}-router")
    try:
        found = checks.problems(stranger)
    finally:
        run("ip", "netns", "delete", f"{stranger.prefix}-router")
    assert len(found) == 1 and f"/run/netns/{stranger.prefix}-router is in the way" in found[0]
