"""The Amazon-provided DNS server: AWS, hosts, private zones; the rest is asked of the machine's resolvers."""

import logging
import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dnslib import AAAA, CNAME, MX, NS, PTR, QTYPE, RCODE, RR, SOA, SRV, TXT, A, DNSRecord
from dnslib.server import BaseResolver, DNSServer

from rehearsal.region.instances import Instances
from rehearsal.region.zones import Zone, Zones
from rehearsal.settings import Settings

log = logging.getLogger(__name__)

AWS_SUFFIXES = ("amazonaws.com", "api.aws")
TTL = 60  # seconds, of what is made up here
UPSTREAM_SECONDS = 3.0
LONGEST_CHAIN = 8  # of CNAMEs
_PRIVATE = re.compile(r"ip-(\d+)-(\d+)-(\d+)-(\d+)")
_PUBLIC = re.compile(r"ec2-(\d+)-(\d+)-(\d+)-(\d+)")


def upstreams(settings: Settings, resolv_conf: Path = Path("/etc/resolv.conf")) -> list[str]:
    """Return the addresses of the machine's resolvers as the router namespace reaches them.

    A resolver on the machine's loopback is not reachable from here; slirp4netns forwards to it from its own
    DNS address, the third of the uplink.
    """
    lines = (line.split() for line in resolv_conf.read_text().splitlines())
    found = [columns[1] for columns in lines if columns[:1] == ["nameserver"] and len(columns) > 1]
    slirp = str(settings.uplink[3])
    reachable = [address for address in found if ":" not in address and not address.startswith("127.")]
    return list(dict.fromkeys([*reachable, slirp]))


def _rdata(kind: str, value: str) -> Any:
    words = value.split()
    if kind == "MX":
        return MX(words[1], int(words[0]))
    if kind == "SRV":
        return SRV(int(words[0]), int(words[1]), int(words[2]), words[3])
    if kind == "TXT":
        return TXT([part.encode() for part in re.findall(r'"([^"]*)"', value) or [value]])
    return {"A": A, "AAAA": AAAA, "CNAME": CNAME, "NS": NS, "PTR": PTR}[kind](value)


class Resolver(BaseResolver):
    """Answers one query, by who asks and for what."""

    def __init__(
        self,
        settings: Settings,
        instances: Instances,
        zones: Zones,
        forward_to: Sequence[str],
        managed: Callable[[str], IPv4Address | None],
    ):
        """Answer for ``instances`` and ``zones``, and forward the rest to the addresses ``forward_to``.

        ``managed`` returns the address of an endpoint that RDS or ELB gave out.
        """
        self._settings = settings
        self._instances = instances
        self._zones = zones
        self._forward_to = forward_to
        self._managed = managed
        self._endpoints = (f".{settings.region}.rds.amazonaws.com", f".{settings.region}.elb.amazonaws.com")
        self._internal = f"{settings.region}.compute.internal"
        self._public = f"{settings.region}.compute.amazonaws.com"

    def resolve(self, request: DNSRecord, handler: Any) -> DNSRecord:
        """Return the answer to ``request``; ``handler`` knows the client's address and protocol."""
        try:
            return self._answer(request, IPv4Address(handler.client_address[0]), handler.protocol == "tcp")
        except Exception:
            log.exception("query %s", request.q)
            return self._empty(request, RCODE.SERVFAIL)

    def _answer(self, request: DNSRecord, source: IPv4Address, tcp: bool) -> DNSRecord:
        reply = request.reply(ra=1, aa=0)
        name, kind = str(request.q.qname).lower().rstrip("."), QTYPE[request.q.qtype]
        for _ in range(LONGEST_CHAIN):
            local = self._local(name, kind, source)
            if local is None:
                return self._forward(request, reply, name, tcp)
            records, exists, zone = local
            reply.add_answer(*records)
            if not records:
                reply.header.rcode = RCODE.NOERROR if exists or reply.rr else RCODE.NXDOMAIN
                reply.add_auth(self._soa(zone))
                return reply
            if kind == "CNAME" or QTYPE[records[-1].rtype] != "CNAME":
                return reply
            name = str(records[-1].rdata.label).lower().rstrip(".")
        return self._empty(request, RCODE.SERVFAIL)

    def _local(self, name: str, kind: str, source: IPv4Address) -> tuple[list[RR], bool, str] | None:
        """Return the records of a name of ours, whether it exists, and its zone; None for others' names."""
        for zone in self._zones.current():
            if zone.holds(name):
                if zone.serves(source):
                    return self._zoned(zone, name, kind)
                return [], False, zone.name  # private zones do not exist for anybody else, nor leak upstream
        if name.endswith("." + self._internal) or name == self._internal:
            return self._address(name, kind, self._host(name), self._internal)
        if name.endswith(".in-addr.arpa"):
            return self._reverse(name, kind)
        if name == self._settings.packages_name:
            return self._address(name, kind, self._settings.api_address, name)
        for suffix in AWS_SUFFIXES:
            if name == suffix or name.endswith("." + suffix):
                return self._address(name, kind, self._aws(name, source), suffix)
        return None

    def _zoned(self, zone: Zone, name: str, kind: str) -> tuple[list[RR], bool, str]:
        owner = zone.owner(name)
        if owner is None:
            return [], name == zone.name, zone.name
        if kind == "SOA" and name == zone.name:
            return [self._soa(name)], True, name
        for wanted in (kind, "CNAME"):
            if found := zone.records.get((owner, wanted)):
                ttl, values = found
                if wanted != "SOA":
                    records = [
                        RR(name, getattr(QTYPE, wanted), rdata=_rdata(wanted, value), ttl=ttl)
                        for value in values
                    ]
                    return records, True, zone.name
        return [], True, zone.name

    @staticmethod
    def _address(name: str, kind: str, address: IPv4Address | None, zone: str) -> tuple[list[RR], bool, str]:
        if address is None or kind != "A":
            return [], address is not None, zone
        return [RR(name, QTYPE.A, rdata=A(str(address)), ttl=TTL)], True, zone

    def _host(self, name: str) -> IPv4Address | None:
        match = _PRIVATE.fullmatch(name.partition(".")[0])
        address = IPv4Address(".".join(match.groups())) if match else None
        return address if address and address in self._settings.vpc else None

    def _aws(self, name: str, source: IPv4Address) -> IPv4Address | None:
        """Return the API's address, or that of an instance's public name: within the VPC its private one."""
        if name.endswith(self._endpoints):
            return self._managed(name)
        match = _PUBLIC.fullmatch(name.partition(".")[0])
        if match is None or name.partition(".")[2] != self._public:
            return self._settings.api_address
        public = ".".join(match.groups())
        instance = self._instances.by_public_address(public)
        if instance is None:
            return None
        return IPv4Address(instance["PrivateIpAddress"] if source in self._settings.vpc else public)

    def _reverse(self, name: str, kind: str) -> tuple[list[RR], bool, str] | None:
        labels = name.removesuffix(".in-addr.arpa").split(".")
        try:
            address = IPv4Address(".".join(reversed(labels)))
        except ValueError:
            return None
        if address not in self._settings.vpc:
            return None
        host = f"ip-{str(address).replace('.', '-')}.{self._internal}"
        records = [RR(name, QTYPE.PTR, rdata=PTR(host), ttl=TTL)] if kind == "PTR" else []
        return records, True, "in-addr.arpa"

    def _forward(self, request: DNSRecord, reply: DNSRecord, name: str, tcp: bool) -> DNSRecord:
        """Ask the machine's resolvers for ``name``, which is the query's or the end of a chain of CNAMEs."""
        question = DNSRecord.question(name, QTYPE[request.q.qtype])
        for address in self._forward_to:
            try:
                answer = DNSRecord.parse(question.send(address, 53, tcp=tcp, timeout=UPSTREAM_SECONDS))
            except OSError as error:
                log.warning("resolver %s does not answer for %s: %s", address, name, error)
                continue
            reply.add_answer(*answer.rr)
            reply.add_auth(*answer.auth)
            reply.header.rcode = answer.header.rcode
            reply.header.tc = answer.header.tc
            return reply
        return self._empty(request, RCODE.SERVFAIL)

    @staticmethod
    def _empty(request: DNSRecord, rcode: int) -> DNSRecord:
        reply = request.reply(ra=1, aa=0)
        reply.header.rcode = rcode
        return reply

    @staticmethod
    def _soa(zone: str) -> RR:
        numbers = (1, 7200, 900, 1209600, TTL)
        return RR(
            zone, QTYPE.SOA, rdata=SOA("ns-0.awsdns-00.com", "awsdns-hostmaster.amazon.com", numbers), ttl=TTL
        )


class _Quiet:
    """dnslib logs each query on standard output unless given a logger."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None


def serve(resolver: Resolver, addresses: Sequence[IPv4Address]) -> list[DNSServer]:
    """Answer queries on UDP and TCP port 53 of ``addresses``, each in a thread of its own.

    Raises:
        OSError: an address cannot be bound.
    """
    servers = [
        DNSServer(resolver, address=str(address), port=53, tcp=tcp, logger=_Quiet())
        for address in addresses
        for tcp in (False, True)
    ]
    for server in servers:
        server.start_thread()
    return servers
