"""The formula wireguard before it runs. tests/hosts/test_wireguard.py goes through the tunnel."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compiled import Minion
from loader import load
from overrides import overridden
from salt.exceptions import CommandExecutionError

module = load("_modules/wireguard.py")
KEYS = ["A" * 42 + "A=", "B" * 42 + "A="]


def _wireguard(**peers: dict[str, str]) -> dict[str, Any]:
    return {"address": "10.99.0.1/24", "peers": peers}


def test_peers_are_in_the_order_of_their_names() -> None:
    """So that the file does not change with the pillar's order. Mutant: the peers as pillar has them."""
    bob, ann = ({"public_key": KEYS[n], "address": f"10.99.0.{n + 2}"} for n in (0, 1))
    assert list(module.peers(_wireguard(bob=bob, ann=ann))) == ["ann", "bob"]


@pytest.mark.parametrize("address", ["10.99.1.2", "10.99.0.1", "10.99.0.0", "10.99.0.255"])
def test_an_address_that_cannot_be_a_peer_s_is_refused(address: str) -> None:
    """Mutants: the network not looked at; the host's own address, or the network's ends, permitted."""
    with pytest.raises(
        CommandExecutionError, match=r"wireguard:peers:ann:address: expected .*10\.99\.0\.0/24"
    ):
        module.peers(_wireguard(ann={"public_key": KEYS[0], "address": address}))


@pytest.mark.parametrize("shared", ["address", "public_key"])
def test_what_two_peers_share_is_refused(shared: str) -> None:
    """WireGuard would give it to the later one without a word. Mutant: addresses compared only."""
    ann, bob = ({"public_key": KEYS[n], "address": f"10.99.0.{n + 2}"} for n in (0, 1))
    bob[shared] = ann[shared]
    with pytest.raises(CommandExecutionError, match=f"peers:bob:{shared}: .* got that of ann"):
        module.peers(_wireguard(ann=ann, bob=bob))


def test_a_client_that_pillar_does_not_know_is_told_who_there_is() -> None:
    """Mutant: a configuration for anybody."""
    salt = {"slsutil.renderer": lambda _: _wireguard(), "slsutil.merge": lambda a, b: {**a, **b}}
    peer = {"public_key": KEYS[0], "address": "10.99.0.2"}
    loaded = load("_modules/wireguard.py", __salt__=salt, __pillar__={"wireguard": {"peers": {"ann": peer}}})
    with pytest.raises(CommandExecutionError, match="no peer 'eve'; there are: ann"):
        loaded.client("eve", "198.51.100.20")


def test_ports_are_the_catalogue_s(minion: Callable[..., Minion]) -> None:
    """Mutants: a port typed in a template; another one in ``reach``."""
    host = minion("salt-1")
    services = host.pillar["fleet"]["services"]
    conf, rules = host.files["/etc/wireguard/wg0.conf"], host.files["/etc/wireguard/wg0.nft"]
    assert f"ListenPort = {services['wireguard']['port']}\n" in conf
    reach = {str(services[name]["port"]) for name in ("ssh", "grafana", "alertmanager")}
    (forwarded,) = re.findall(r"ip daddr \{ 10\.0\.0\.0/16 \} tcp dport \{ ([\d, ]+) \} accept", rules)
    assert set(forwarded.split(", ")) == reach


def test_peers_leave_with_an_address_that_may_reach_grafana(minion: Callable[..., Minion]) -> None:
    """The control node's, which the security groups see. Mutant: ``master`` no client of Grafana."""
    services = minion("salt-1").pillar["fleet"]["services"]
    assert "master" in services["grafana"]["clients"] and "master" in services["ssh"]["clients"]


@pytest.mark.parametrize("implementation", ["kernel", "userspace"])
def test_the_implementation_is_pillar_s(
    implementation: str, local_pillar: Path, artifacts: Path, tmp_path: Path
) -> None:
    """Mutants: wireguard-go installed whatever pillar says; the check made with the other one."""
    pillar = {"wireguard": {"implementation": implementation}}
    host = overridden("salt-1", pillar, tmp_path, local_pillar, artifacts)
    (packages,) = (chunk["pkgs"] for chunk in host.chunks if chunk["__id__"] == "wireguard-packages")
    userspace = implementation == "userspace"
    assert ("wireguard-go" in packages) is userspace
    unit = host.files["/etc/systemd/system/wireguard.service"]
    assert ("ExecStart=/usr/bin/wireguard-go wg0\n" in unit) is userspace
    assert ("ExecStart=/usr/sbin/ip link add wg0 type wireguard\n" in unit) is not userspace
    (config,) = (chunk for chunk in host.chunks if chunk["__id__"] == "wireguard-config")
    assert config["check_cmd"] == f"/usr/local/lib/saltwatch/wireguard-check {implementation}"
