"""The port matrix: every flow of the catalogue connects, and nothing else does, on the real fleet.

On each host a listener is put on every port of the catalogue where nothing listens, so that an open port
shows as open; what the security groups stop has to time out. A refused connection is a failure too: the
packet arrived. A service that answers nobody whom it does not know makes way for a listener. Pings are tried
like connections; the kernels answer them.
"""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import catalogue
import pytest
import remote

from rehearsal.inventory import Host

pytestmark = pytest.mark.region
PROBER = Path(__file__).with_name("prober.py").read_text()
# Those of the catalogue; and a timestamp request, which kernels answer and no rule allows.
SOCKETS = [*catalogue.sockets(), (13, "icmp")]
OUTSIDE = {"world": "world", "admins": "operator"}  # the catalogue's word and the namespace of somebody there

Flow = tuple[str, str, int, str]  # client, server, port (of icmp: type), protocol


@pytest.fixture(scope="module")
def silent() -> Iterator[None]:
    """What is silent to strangers stopped, for as long as the tests here take."""
    units = [
        (host, catalogue.unit(name, row))
        for host in catalogue.hosts()
        for name, row in catalogue.services(host).items()
        if name in catalogue.SILENT
    ]
    try:
        for host, unit in units:
            remote.run(host, "systemctl", "stop", unit)
        yield
    finally:
        for host, unit in units:
            remote.run(host, "systemctl", "start", unit)


@pytest.fixture(scope="module")
def listeners(silent: None, instances: dict[str, Host]) -> Iterator[dict[str, set[tuple[int, str]]]]:
    """On each host, what is listened on for the test alone."""
    started = {
        host: subprocess.Popen(
            remote.ssh(
                host,
                *("python3", "-c", PROBER, "listen", instances[host].private_ip),
                json.dumps(SOCKETS),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for host in catalogue.hosts()
    }
    try:
        yield {
            host: {(port, protocol) for port, protocol in json.loads(process.stdout.readline())}
            for host, process in started.items()
            if process.stdout
        }
    finally:
        for process in started.values():
            process.communicate()


@pytest.fixture(scope="module")
def outcomes(instances: dict[str, Host], listeners: object) -> dict[Flow, str]:
    """What became of every connection from everywhere to everywhere."""
    inside = [
        (host, (instances[host].private_ip, port, protocol))
        for host in catalogue.hosts()
        for port, protocol in SOCKETS
    ]
    outside = [
        (host, (instance.public_ip, port, protocol))
        for host, instance in instances.items()
        if instance.public_ip
        for port, protocol in SOCKETS
    ]
    sources = [*((host, inside) for host in catalogue.hosts()), *((name, outside) for name in OUTSIDE)]
    with ThreadPoolExecutor(len(sources)) as pool:
        answers = list(pool.map(lambda source: _probe(*source), sources))
    return {
        (source, server, port, protocol): outcome
        for (source, targets), answer in zip(sources, answers, strict=True)
        for (server, (_, port, protocol)), outcome in zip(targets, answer, strict=True)
    }


def _probe(source: str, targets: list[tuple[str, tuple[str, int, str]]]) -> list[str]:
    if source in OUTSIDE:
        command = remote.in_namespace(OUTSIDE[source], ["python3", "-c", PROBER, "probe"])
    else:
        command = remote.ssh(source, "python3", "-c", PROBER, "probe")
    stdin = json.dumps([target for _, target in targets])
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def _allowed() -> set[Flow]:
    flows = catalogue.functions().flows(catalogue.fleet())
    return {(flow["client"], flow["server"], flow["port"], flow["protocol"]) for flow in flows}


def test_every_port_of_every_host_answers_on_the_host_itself(outcomes: dict[Flow, str]) -> None:
    """Without this, a port that nobody listens on would pass for one that is closed.

    Mutant: a listener left out.
    """
    wrong = {flow: outcome for flow, outcome in outcomes.items() if flow[0] == flow[1] and outcome != "open"}
    assert not wrong


def test_allowed_flows_connect(outcomes: dict[Flow, str]) -> None:
    """Mutant: a rule revoked from a security group."""
    allowed = _allowed()
    assert allowed <= outcomes.keys(), "the catalogue allows what was not tried"
    assert not {flow: outcomes[flow] for flow in allowed if outcomes[flow] != "open"}


def test_everything_else_times_out(outcomes: dict[Flow, str]) -> None:
    """Mutants: a rule added by hand; `reject` in place of `drop`; all of ICMP where a rule has one type."""
    closed = {flow: outcome for flow, outcome in outcomes.items() if flow[0] != flow[1]}
    wrong = {
        flow: outcome for flow, outcome in closed.items() if flow not in _allowed() and outcome != "timeout"
    }
    assert not wrong


def test_the_blackbox_exporter_s_hosts_ping_every_other_and_nobody_else_does(
    outcomes: dict[Flow, str],
) -> None:
    """The same by itself, whatever the catalogue says.

    Mutants: a rule for pings from `<fleet>-base` added by hand; that from the exporters revoked.
    """
    probers = set(catalogue.functions().hosts("blackbox_exporter", catalogue.fleet()))
    pings = {flow[:2] for flow, outcome in outcomes.items() if flow[2:] == (8, "icmp") and outcome == "open"}
    others = {(client, server) for client, server in pings if client != server}
    assert others == {(c, s) for c in probers for s in catalogue.hosts() if c != s}


def test_the_matrix_is_whole(outcomes: dict[Flow, str], instances: dict[str, Host]) -> None:
    """Mutant: a host missing from the sources or from the targets."""
    hosts, sockets = len(catalogue.hosts()), len(SOCKETS)
    public = sum(1 for instance in instances.values() if instance.public_ip)
    assert set(instances) == set(catalogue.hosts())
    assert len(outcomes) == (hosts * hosts + len(OUTSIDE) * public) * sockets


def test_available_services_listen_themselves(listeners: dict[str, set[tuple[int, str]]]) -> None:
    """The listeners of the test take only what the catalogue leaves.

    Mutant: a service stopped, or bound to the loopback address.
    """
    missing = {
        (host, name)
        for host in catalogue.hosts()
        for name, row in catalogue.services(host).items()
        if name not in catalogue.SILENT and (row["port"], row.get("protocol", "tcp")) in listeners[host]
    }
    assert not missing
