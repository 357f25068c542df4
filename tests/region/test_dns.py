"""Who is answered what by the DNS server."""

import types
from ipaddress import IPv4Address
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.server import DNSServer

from rehearsal.region import dns
from rehearsal.region.dns import Resolver, upstreams
from rehearsal.settings import Settings
from tests.region.local import LocalRegion

HOST, OPERATOR = "10.0.0.9", "198.51.100.10"


class Upstream:
    """The machine's resolver: knows one name, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def resolve(self, request: DNSRecord, _handler: Any) -> DNSRecord:
        name = str(request.q.qname)
        self.asked.append(name)
        reply = request.reply()
        if name == "deb.debian.org.":
            reply.add_answer(RR(name, QTYPE.A, rdata=A("192.0.2.7"), ttl=5))
        else:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve an upstream on a port of the loopback, to which all forwarding goes."""
    known = Upstream()
    server = DNSServer(known, address="127.0.0.1", port=0, logger=dns._Quiet())
    server.start_thread()
    port = server.server.server_address[1]
    send = DNSRecord.send

    def redirected(self: DNSRecord, address: str, _port: int, tcp: bool = False, timeout: float = 1) -> bytes:
        return send(self, address, port, tcp=tcp, timeout=timeout)

    monkeypatch.setattr(DNSRecord, "send", redirected)
    yield known
    server.stop()
    server.server.server_close()


@pytest.fixture
def ask(region: LocalRegion, vpc: str, upstream: Upstream) -> Any:
    """Return a function that asks the resolver as a client with a given address."""
    server = region.server
    endpoints = {"fleet.aaaaaaaaaa.eu-west-1.rds.amazonaws.com": IPv4Address("10.0.10.4")}
    resolver = Resolver(region.settings, server.instances, server.zones, ["127.0.0.1"], endpoints.get)
    route53 = region.client("route53")
    zone = route53.create_hosted_zone(
        Name="saltwatch.internal",
        CallerReference="1",
        VPC={"VPCRegion": "eu-west-1", "VPCId": vpc},
        HostedZoneConfig={"PrivateZone": True},
    )["HostedZone"]["Id"]

    def record(name: str, kind: str, value: str) -> dict[str, Any]:
        values = [{"Value": value}]
        return {"Name": name, "Type": kind, "TTL": 30, "ResourceRecords": values}

    records = [
        record("app-1.saltwatch.internal", "A", HOST),
        record("app.saltwatch.internal", "CNAME", "app-1.saltwatch.internal"),
        record("out.saltwatch.internal", "CNAME", "deb.debian.org"),
        record("*.apps.saltwatch.internal", "A", "10.0.0.77"),
        record("a.b.apps.saltwatch.internal", "A", "10.0.0.78"),
        record("txt.saltwatch.internal", "TXT", '"one" "two"'),
    ]
    changes = [{"Action": "UPSERT", "ResourceRecordSet": item} for item in records]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    def query(name: str, kind: str = "A", source: str = HOST) -> tuple[str, list[str]]:
        handler = types.SimpleNamespace(client_address=(source, 5353), protocol="udp")
        reply = resolver.resolve(DNSRecord.question(name, kind), handler)
        # Sent and read again, as a client would have it.
        parsed = DNSRecord.parse(reply.pack())
        return RCODE[parsed.header.rcode], [str(record.rdata) for record in parsed.rr]

    return query


def test_an_endpoint_leads_to_what_aws_runs_there(ask: Any) -> None:
    """Mutants: the API's address for every name of AWS's; for one that RDS never gave out, or has no more."""
    assert ask("fleet.aaaaaaaaaa.eu-west-1.rds.amazonaws.com") == ("NOERROR", ["10.0.10.4"])
    assert ask("other.aaaaaaaaaa.eu-west-1.rds.amazonaws.com") == ("NXDOMAIN", [])
    assert ask("fleet-1.eu-west-1.elb.amazonaws.com") == ("NXDOMAIN", [])
    assert ask("rds.eu-west-1.amazonaws.com")[0] == "NOERROR"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("app-1.saltwatch.internal", "A", ("NOERROR", [HOST])),
        ("APP-1.Saltwatch.Internal", "A", ("NOERROR", [HOST])),
        ("app-1.saltwatch.internal", "AAAA", ("NOERROR", [])),
        ("app.saltwatch.internal", "A", ("NOERROR", ["app-1.saltwatch.internal.", HOST])),
        ("app.saltwatch.internal", "CNAME", ("NOERROR", ["app-1.saltwatch.internal."])),
        ("out.saltwatch.internal", "A", ("NOERROR", ["deb.debian.org.", "192.0.2.7"])),
        ("no.saltwatch.internal", "A", ("NXDOMAIN", [])),
        ("saltwatch.internal", "A", ("NOERROR", [])),
        ("txt.saltwatch.internal", "TXT", ("NOERROR", ['"one","two"'])),
        ("x.apps.saltwatch.internal", "A", ("NOERROR", ["10.0.0.77"])),
        ("x.y.apps.saltwatch.internal", "A", ("NOERROR", ["10.0.0.77"])),
        ("b.apps.saltwatch.internal", "A", ("NOERROR", [])),  # there is a name below it
        ("c.b.apps.saltwatch.internal", "A", ("NXDOMAIN", [])),  # the closest name has no wildcard
    ],
)
def test_private_zones(ask: Any, upstream: Upstream, name: str, kind: str, expected: Any) -> None:
    """Mutants: NODATA and NXDOMAIN mixed up; CNAMEs not followed; wildcards beyond the closest name."""
    assert ask(name, kind) == expected
    assert all("saltwatch" not in asked for asked in upstream.asked)


def test_private_zones_are_for_their_vpc_alone_and_leak_nowhere(ask: Any, upstream: Upstream) -> None:
    """Mutants: `serves` always true; what is not served forwarded."""
    assert ask("app-1.saltwatch.internal", source=OPERATOR) == ("NXDOMAIN", [])
    assert ask("app-1.saltwatch.internal", source="10.1.0.9") == ("NXDOMAIN", [])
    assert upstream.asked == []


@pytest.mark.parametrize("source", [HOST, OPERATOR, "203.0.113.10"])
def test_aws_is_here_and_is_never_asked_for_elsewhere(ask: Any, upstream: Upstream, source: str) -> None:
    """Mutant: AWS_SUFFIXES without one of its names."""
    for name in (
        "ec2.eu-west-1.amazonaws.com",
        "bucket.s3.eu-west-1.amazonaws.com",
        "aidevops.eu-west-1.api.aws",
    ):
        assert ask(name, source=source) == ("NOERROR", ["198.18.255.1"])
        assert ask(name, "AAAA", source=source) == ("NOERROR", [])
    assert upstream.asked == []


def test_names_of_hosts(ask: Any, ec2: Any, subnet: str, launch: Any, upstream: Upstream) -> None:
    """Mutant: the public name answered alike inside and outside the VPC."""
    interface = {
        "DeviceIndex": 0,
        "SubnetId": subnet,
        "PrivateIpAddress": HOST,
        "AssociatePublicIpAddress": True,
    }
    public = launch(NetworkInterfaces=[interface])["PublicIpAddress"]
    name = f"ec2-{public.replace('.', '-')}.eu-west-1.compute.amazonaws.com"
    assert ask(name) == ("NOERROR", [HOST])
    assert ask(name, source=OPERATOR) == ("NOERROR", [public])
    assert ask("ec2-192-0-2-1.eu-west-1.compute.amazonaws.com") == ("NXDOMAIN", [])
    private = "ip-10-0-0-9.eu-west-1.compute.internal"
    assert ask(private) == ("NOERROR", [HOST])
    assert ask("9.0.0.10.in-addr.arpa", "PTR") == ("NOERROR", [private + "."])
    assert ask("ip-192-0-2-1.eu-west-1.compute.internal") == ("NXDOMAIN", [])
    assert upstream.asked == []


def test_the_rest_is_asked_of_the_machines_resolvers(ask: Any, upstream: Upstream) -> None:
    """Mutant: the upstream's answer code not passed on."""
    assert ask("deb.debian.org") == ("NOERROR", ["192.0.2.7"])
    assert ask("no.example.com") == ("NXDOMAIN", [])
    assert ask("7.2.0.192.in-addr.arpa", "PTR") == ("NXDOMAIN", [])
    assert upstream.asked == ["deb.debian.org.", "no.example.com.", "7.2.0.192.in-addr.arpa."]


def test_a_dead_resolver_is_a_failure_and_not_a_missing_name(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: the loop's end answering NXDOMAIN."""

    def dead(*_arguments: Any, **_options: Any) -> bytes:
        raise TimeoutError

    monkeypatch.setattr(DNSRecord, "send", dead)
    assert ask("deb.debian.org") == ("SERVFAIL", [])


def test_a_loop_of_cnames_ends(ask: Any, region: LocalRegion) -> None:
    """Mutant: `LONGEST_CHAIN` not kept."""
    route53 = region.client("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    names = ("a.saltwatch.internal", "b.saltwatch.internal")
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": one,
                "Type": "CNAME",
                "TTL": 30,
                "ResourceRecords": [{"Value": other}],
            },
        }
        for one, other in (names, names[::-1])
    ]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    assert ask(names[0])[0] == "SERVFAIL"


def test_resolvers_on_the_machines_loopback_are_reached_through_the_uplink(
    scratch: Settings, tmp_path: Any
) -> None:
    """Mutant: 127.0.0.53 asked: in the router's namespace nobody listens there."""
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text(
        "# comment\nsearch a\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.53\n"
    )
    assert upstreams(scratch, resolv_conf) == ["192.0.2.53", "198.18.0.3"]
