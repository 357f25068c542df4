"""Administrators' tunnel: who has a key in pillar comes in, reaches what administrators may, and no more."""

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import catalogue
import pytest
import remote
import yaml
from tunnel import Peer

from rehearsal.inventory import Host

pytestmark = [pytest.mark.drift, pytest.mark.region]
CONTROL = "salt-1"
PILLAR = "/srv/saltwatch/pillar/local/local/master.sls"
OWN = "10.99.0.1"  # the control node's in the tunnel: salt/wireguard/defaults.yaml
DOOR = (OWN, catalogue.fleet()["services"]["ssh"]["port"], "tcp")
ADDRESSES = {"ann": "10.99.0.2", "bob": "10.99.0.3"}
# Answered by the region, and by AWS, to whoever asks from the VPC: the role's credentials, and the API.
METADATA, API = ("169.254.169.254", 80, "tcp"), ("198.18.255.1", 443, "tcp")


Peers = dict[str, dict[str, str]]


def _apply() -> dict[str, Any]:
    """Apply the formula; return its results by state id, or by `error` why none was applied."""
    answer = remote.salt(CONTROL, "state.apply", "wireguard")[CONTROL]
    if not isinstance(answer, dict):
        return {"error": str(answer)}
    return {state["__id__"]: state for state in answer.values()}


def _entry(name: str, peer: Peer) -> Peers:
    return {name: {"public_key": peer.public_key, "address": ADDRESSES[name]}}


@pytest.fixture(scope="module")
def pillar() -> Iterator[Callable[[Peers], None]]:
    """Return a function that gives the control node's pillar these peers; afterwards it is as before."""
    before = remote.run(CONTROL, "cat", PILLAR)

    def write(peers: Peers) -> None:
        content = yaml.safe_load(before)
        content["wireguard"]["peers"] = peers
        remote.run(CONTROL, "tee", PILLAR, stdin=yaml.safe_dump(content))

    try:
        yield write
    finally:
        remote.run(CONTROL, "tee", PILLAR, stdin=before)
        _apply()


def _configuration(name: str, instances: dict[str, Host]) -> str:
    """Return what the control node tells an administrator to use."""
    address = instances[CONTROL].public_ip
    assert address, "the control node has no public address"
    answer = remote.run(CONTROL, "salt-call", "--out=json", "wireguard.client", name, address)
    told: str = json.loads(answer)["local"]
    return told


@pytest.fixture(scope="module")
def peers(instances: dict[str, Host], pillar: Callable[[Peers], None]) -> Iterator[dict[str, Peer]]:
    """Two administrators in pillar, connected."""
    with Peer("ann") as ann, Peer("bob") as bob:
        pillar(_entry("ann", ann) | _entry("bob", bob))
        states = _apply()
        assert "error" not in states, states
        assert not {key: state["comment"] for key, state in states.items() if not state["result"]}
        for name, peer in (("ann", ann), ("bob", bob)):
            peer.connect(_configuration(name, instances))
        yield {"ann": ann, "bob": bob}


def test_administrators_get_in(peers: dict[str, Peer]) -> None:
    """Mutants: the port not in the security group; the public key printed that of another host."""
    assert {name: peer.probe([DOOR]) for name, peer in peers.items()} == {"ann": ["open"], "bob": ["open"]}


def test_private_names_are_found(peers: dict[str, Peer], instances: dict[str, Host]) -> None:
    """Mutants: the chain `resolver`, or `source`, left out of wg0.nft."""
    zone = catalogue.fleet()["zone"]
    ann = peers["ann"]
    found = {host: ann.run("getent", "ahostsv4", f"{host}.{zone}").split()[0] for host in instances}
    assert found == {host: instance.private_ip for host, instance in instances.items()}
    addresses = [ip_address(address) for address in (*found.values(), OWN)]
    assert all(any(address in network for network in ann.networks) for address in addresses)


def test_administrators_reach_what_they_may_and_nothing_else(
    peers: dict[str, Peer], instances: dict[str, Host]
) -> None:
    """What is dropped has to time out: a refusal would mean that the packet arrived.

    Mutants: `policy drop` of the chain forward left out, and with it the control node's role for everybody in
    the tunnel; `drop` at the end of the chain input left out, and with it the master's ports.
    """
    places = {OWN: CONTROL, **{instance.private_ip: host for host, instance in instances.items()}}
    targets = [(address, *socket) for address in places for socket in [*catalogue.sockets(), (53, "tcp")]]
    targets += [METADATA, API]
    answers = peers["ann"].probe(targets)
    reached = {target: answer for target, answer in zip(targets, answers, strict=True) if answer != "timeout"}
    rows = catalogue.fleet()["services"]
    expected = {(address, rows["ssh"]["port"], "tcp") for address in places} | {(OWN, 53, "tcp")}
    expected |= {(own, rows["ping"]["port"], "icmp") for own in (OWN, instances[CONTROL].private_ip)}
    expected |= {
        (instances[flow["server"]].private_ip, flow["port"], "tcp")
        for flow in catalogue.functions().flows(catalogue.fleet())
        if flow["client"] == CONTROL and flow["service"] in ("grafana", "alertmanager")
    }
    assert reached == dict.fromkeys(expected, "open")


def test_a_key_that_pillar_does_not_know_is_not_answered(
    peers: dict[str, Peer], instances: dict[str, Host]
) -> None:
    """With ann's settings, and her address, but another key.

    Mutant: the stranger's key in pillar.
    """
    with Peer("eve") as eve:
        eve.connect(_configuration("ann", instances))
        assert eve.probe([DOOR]) == ["timeout"]
    assert peers["ann"].probe([DOOR]) == ["open"]


def test_a_broken_peer_leaves_the_tunnel_as_it_is(
    peers: dict[str, Peer], pillar: Callable[[Peers], None]
) -> None:
    """The schema refuses a key that is none, the formula two peers with one address.

    Mutants: the pattern of `public_key` left out of the schema; the comparison left out of wireguard.peers.
    """
    good = _entry("ann", peers["ann"]) | _entry("bob", peers["bob"])
    pillar(good | {"eve": {"public_key": "A" * 41 + "?A=", "address": "10.99.0.4"}})
    assert "wireguard:peers:eve:public_key: expected the public key" in _apply()["error"]
    pillar(good | {"eve": {"public_key": "B" * 42 + "A=", "address": ADDRESSES["ann"]}})
    config = _apply()["wireguard-config"]
    assert config["result"] is False
    assert "wireguard:peers:eve:address: expected one of its own, got that of ann" in config["comment"]
    pillar(good)
    assert peers["ann"].probe([DOOR]) == ["open"]


def test_the_check_asks_wireguard_itself() -> None:
    """Before a file is put in place, and beside the interface that runs.

    Mutants: `wg setconf` left out of the script; its interface left behind.
    """
    program = (
        "import json, subprocess, tempfile\n"
        "found = []\n"
        "for text in ('', '[Peer]\\nPublicKey = nonsense\\n'):\n"
        "    with tempfile.NamedTemporaryFile('w', suffix='.conf') as file:\n"
        "        file.write(open('/etc/wireguard/wg0.conf').read() + text)\n"
        "        file.flush()\n"
        "        check = ['/usr/local/lib/saltwatch/wireguard-check', 'userspace', file.name]\n"
        "        done = subprocess.run(check, capture_output=True, text=True)\n"
        "        found.append((done.returncode == 0, 'correct length or format' in done.stderr))\n"
        "links = subprocess.run(['ip', '-br', 'link'], capture_output=True, text=True).stdout\n"
        "print(json.dumps([found, 'wgcheck' in links]))\n"
    )
    assert remote.python(CONTROL, program) == [[[True, False], [False, True]], False]


def test_the_private_key_is_in_its_file_only(peers: dict[str, Peer]) -> None:
    """Mutants: the key printed by the state that makes it, or written into wg0.conf."""
    program = (
        "import glob, json, os\n"
        "path = '/etc/wireguard/private.key'\n"
        "key, found = open(path, 'rb').read().strip(), []\n"
        "assert len(key) == 44\n"
        "roots = ('/etc', '/var/log', '/var/cache/salt', '/run/wireguard', '/srv/saltwatch')\n"
        "files = [os.path.join(d, n) for root in roots for d, _, names in os.walk(root) for n in names]\n"
        "for name in files + glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):\n"
        "    try:\n"
        "        if (os.path.isfile(name) and key in open(name, 'rb').read()):\n"
        "            found.append((name, oct(os.stat(name).st_mode & 0o777)))\n"
        "    except OSError:\n"
        "        pass\n"
        "print(json.dumps(found))\n"
    )
    assert remote.python(CONTROL, program) == [["/etc/wireguard/private.key", "0o600"]]


def test_a_removed_peer_is_refused_and_the_others_stay(
    peers: dict[str, Peer], pillar: Callable[[Peers], None]
) -> None:
    """Last of the tests here: bob is gone afterwards.

    Mutants: `wg addconf` in place of `wg syncconf`; a restart in place of the reload.
    """
    service = ("systemctl", "show", "--property=InvocationID,MainPID", "wireguard.service")
    before = remote.run(CONTROL, *service)
    assert peers["bob"].probe([DOOR]) == ["open"]
    pillar(_entry("ann", peers["ann"]))
    assert _apply()["wireguard-config"]["changes"]
    assert peers["bob"].probe([DOOR]) == ["timeout"]
    assert peers["ann"].probe([DOOR]) == ["open"]
    assert remote.run(CONTROL, *service) == before
