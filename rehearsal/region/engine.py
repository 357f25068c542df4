"""moto in this process, one request at a time, its state on disk before an answer leaves."""

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from rehearsal.region.http import Request, Response

# moto reads these when it is imported.
os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("images.json"))
os.environ["MOTO_PORT"] = "443"

import moto.backends
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from rehearsal.region import buckets, ec2
from rehearsal.region.calls import Call, environ
from rehearsal.region.faults import error_response
from rehearsal.region.snapshots import Snapshots
from rehearsal.settings import Settings

log = logging.getLogger(__name__)

# moto looks at a hundred directories for each request, which is a fifth of its time.
_modules = tuple(moto.backends.list_of_moto_modules())
moto.backends.list_of_moto_modules = lambda: _modules


class Engine:
    """Performs calls, and counts the changes of each service."""

    def __init__(
        self,
        settings: Settings,
        console: Callable[[str], bytes],
        reboot: Callable[[str], None],
        changed: Callable[[str], None],
    ):
        """Load the region's state, or write down a fresh one.

        Args:
            settings: whose state.
            console: returns what the host of an instance printed on its console.
            reboot: restarts the host of an instance, at once or soon.
            changed: called with the name of a service after each change to it, and when it is on disk.

        Raises:
            SnapshotError: the state on disk cannot be used.
        """
        self._lock = threading.RLock()
        self._changed = changed
        self._generations: dict[str, int] = defaultdict(int)
        self._snapshots = Snapshots(settings.state / "region")
        self._tokens = self._snapshots.load()
        ec2.install(self._tokens, console, reboot)
        buckets.install()
        # Ids of default VPCs and managed policies are made at first sight: have them on disk from the start.
        ec2_backends[settings.account][settings.region]
        iam_backends[settings.account]["aws"]
        self._snapshots.save(self._tokens)
        self._application = DomainDispatcherApplication(create_backend_app)

    def generation(self, service: str) -> int:
        """Return a number that grows with every change of ``service``."""
        return self._generations[service]

    def perform(self, call: Call, request: Request) -> Response:
        """Perform one call: when it returns, what the call changed is on disk."""
        started = time.monotonic()
        with self._lock:
            response = self._through_moto(call, request)
            if call.mutating:
                self._snapshots.save(self._tokens, objects=call.service == "s3")
                self._generations[call.service] += 1
        if call.mutating:
            self._changed(call.service)
            log.info(
                "%s %s %s from %s in %.0f ms",
                call.service,
                call.action,
                response.status,
                request.peer[0] if request.peer else "the region",
                1000 * (time.monotonic() - started),
            )
        return response

    def _through_moto(self, call: Call, request: Request) -> Response:
        try:
            body, status, headers = run_wsgi_app(self._application, environ(request), buffered=True)
            content = b"".join(body)
        except Exception as error:
            log.exception("%s %s is beyond moto", call.service, call.action)
            message = f"The region cannot do {call.action}: {type(error).__name__}: {error}"
            return error_response(call, request, "InternalError", message, 500)
        return Response(int(status.split()[0]), content, list(headers))

    def close(self) -> None:
        """Wait for the call being performed, and take no more."""
        self._lock.acquire()
        self._snapshots.close()
