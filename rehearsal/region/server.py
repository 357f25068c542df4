"""The parts of the region, put together."""

import argparse
import hashlib
import logging
import signal
from typing import Any

from rehearsal import mirror
from rehearsal.region import dns, forwarding, otlp, packages
from rehearsal.region.aws import client, forget_machine
from rehearsal.region.callers import kill
from rehearsal.region.calls import identify
from rehearsal.region.certificates import server_context
from rehearsal.region.control import Control
from rehearsal.region.engine import Engine
from rehearsal.region.faults import Faults
from rehearsal.region.forwarding import Forward
from rehearsal.region.http import HttpServer, Request, Response, UnixHttpServer
from rehearsal.region.identity import Identities
from rehearsal.region.instances import Instances
from rehearsal.region.managed import Managed
from rehearsal.region.metadata import Metadata
from rehearsal.region.permissions import Permissions
from rehearsal.region.reconciler import SHOWN, Hypervisor, Reconciler
from rehearsal.region.snapshots import SnapshotError
from rehearsal.region.zones import Zones
from rehearsal.settings import Settings

log = logging.getLogger(__name__)

TRUST_STORE = "truststore.pki.rds.amazonaws.com"


class RegionServer:
    """One region over one hypervisor."""

    def __init__(self, settings: Settings, hypervisor: Hypervisor, forwards: list[Forward]):
        """Load the state and make all parts; nothing listens yet.

        Raises:
            SnapshotError: the state on disk cannot be used.
        """
        self.settings = settings
        self._forwards = forwards
        self.engine = Engine(settings, hypervisor.console, self._reboot, self._changed)
        self.faults = Faults(kill)
        ec2, route53 = self.client("ec2"), self.client("route53")
        self.managed = Managed(settings, self.client, lambda: self._generations(*sorted(SHOWN)))
        self.reconciler = Reconciler(ec2, hypervisor, self.managed)
        self.instances = Instances(ec2, lambda: self.engine.generation("ec2"))
        self.identities = Identities(
            self.client, lambda: self._generations("ec2", "iam"), settings.account, settings.region
        )
        self.permissions = Permissions(
            self.client, lambda: self._generations("iam"), settings.account, settings.region, settings.vpc
        )
        self.zones = Zones(route53, ec2, lambda: self._generations("ec2", "route53"))
        self.control = Control(self.faults, hypervisor, self.reconciler, ec2)

    def client(self, service: str) -> Any:
        """Return a boto3 client of this region's API that faults do not touch."""
        return client(service, self.settings.region, self.engine.perform)

    def _generations(self, *services: str) -> tuple[int, ...]:
        return tuple(self.engine.generation(service) for service in services)

    def _reboot(self, instance_id: str) -> None:
        self.reconciler.reboot(instance_id)

    def _changed(self, service: str) -> None:
        self.reconciler.changed(service)

    def api(self, request: Request) -> Response:
        """Answer one request to AWS's API, or for the authority that RDS's certificates are from."""
        if request.headers.get("Host", "").partition(":")[0] == TRUST_STORE:
            content = self.settings.ca_certificate.read_bytes()
            etag = ("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            return Response(200, content, [("Content-Type", "text/plain"), etag])
        if otlp.addressed(request):
            return otlp.export(request, self._perform)
        return self._perform(request)

    def _perform(self, request: Request) -> Response:
        call = identify(request)
        if refusal := self.permissions.refusal(call, request):
            return refusal
        return self.faults.apply(call, request, lambda: self.engine.perform(call, request))

    def _address_of(self, name: str) -> str | None:
        instance = self.instances.by_name(name)
        return instance["PrivateIpAddress"] if instance else None

    def start(self) -> None:
        """Listen everywhere and start the reconciler.

        Raises:
            OSError: an address cannot be bound; its name is in the message.
        """
        settings = self.settings
        metadata = Metadata(self.instances, self.identities.tree)
        api = HttpServer(str(settings.api_address), 443, self.api, server_context(settings), name="api")
        HttpServer(str(settings.metadata_address), 80, metadata, name="metadata").start()
        api.start()
        packages.serve(mirror.served(settings), str(settings.api_address), 80)
        resolver = dns.Resolver(
            settings, self.instances, self.zones, dns.upstreams(settings), self.managed.address
        )
        dns.serve(
            resolver,
            (settings.resolver_address, settings.vpc[2], settings.operator[1], settings.world[1]),
        )
        UnixHttpServer(settings.control_socket, self.control).start()
        forwarding.start(self._forwards, self._address_of)
        self.reconciler.start()
        self.control.ready = True
        log.info("ready")

    def stop(self) -> None:
        """Finish the round and the call under way; hosts keep running."""
        self.control.ready = False
        self.reconciler.stop()
        self.engine.close()
        self.settings.control_socket.unlink(missing_ok=True)


def _forwards() -> list[Forward]:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.region")
    parser.add_argument(
        "--forward",
        action="append",
        default=[],
        type=Forward.parse,
        metavar="FD:NAME:PORT",
        help="relay connections to the inherited listening socket FD to port PORT of the host NAME",
    )
    return parser.parse_args().forward


def run(settings: Settings, hypervisor: Hypervisor) -> int:
    """Run a region until SIGTERM, SIGINT or a shutdown by the control socket, as the command line says.

    Returns:
        The exit status: 1 if it could not start, for a reason that is logged.
    """
    forwards = _forwards()
    forget_machine()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("rehearsal").setLevel(logging.INFO)
    try:
        region = RegionServer(settings, hypervisor, forwards)
        region.start()
    except (OSError, SnapshotError) as error:
        log.error("%s", error)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: region.control.stopping.set())
    region.control.stopping.wait()
    region.stop()
    log.info("stopped")
    return 0
