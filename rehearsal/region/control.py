"""The region's own interface, for `./rehearse` and tests: HTTP and JSON on a unix socket for root alone."""

import json
import logging
import threading
from typing import Any

import psutil

from rehearsal.region.faults import Faults, parse
from rehearsal.region.http import Request, Response
from rehearsal.region.reconciler import Hypervisor, Reconciler
from rehearsal.region.world import instances

log = logging.getLogger(__name__)

SETTLE_SECONDS = 60.0


def _json(status: int, value: object) -> Response:
    return Response(status, json.dumps(value).encode(), [("Content-Type", "application/json")])


class Control:
    """The interface as an application for `rehearsal.region.http.UnixHttpServer`."""

    def __init__(self, faults: Faults, hypervisor: Hypervisor, reconciler: Reconciler, ec2: Any):
        """Steer the given parts; ``ec2`` is a boto3 client. `stopping` is set when a shutdown is asked."""
        self.stopping = threading.Event()
        self.ready = False
        self._faults = faults
        self._hypervisor = hypervisor
        self._reconciler = reconciler
        self._ec2 = ec2
        self._handlers = {
            ("GET", "/status"): self._status,
            ("GET", "/faults"): self._get_faults,
            ("PUT", "/faults"): self._put_faults,
            ("POST", "/settle"): self._settle,
            ("POST", "/shutdown"): self._shutdown,
            ("POST", "/terminate-all"): self._terminate_all,
        }

    def __call__(self, request: Request) -> Response:
        """Answer one request; errors are ``{"error": message}``."""
        handler = self._handlers.get((request.method, request.path))
        if handler is None:
            known = ", ".join(" ".join(key) for key in self._handlers)
            return _json(404, {"error": f"{request.method} {request.path}: expected one of {known}"})
        try:
            return _json(200, handler(request))
        except ValueError as error:
            return _json(400, {"error": str(error)})

    def _status(self, _request: Request) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "hosts": self._hypervisor.status(),
            "memory_bytes": psutil.Process().memory_info().rss,
        }

    def _get_faults(self, _request: Request) -> list[dict[str, Any]]:
        return self._faults.list()

    def _put_faults(self, request: Request) -> list[dict[str, Any]]:
        rules = json.loads(request.body)
        if not isinstance(rules, list):
            raise ValueError(f"faults: expected a list of objects, not {rules!r}")
        self._faults.replace([parse(rule) for rule in rules])
        return self._faults.list()

    def _settle(self, _request: Request) -> dict[str, Any]:
        """Wait until the hosts are as the API says."""
        return {"settled": self._reconciler.settle(SETTLE_SECONDS)}

    def _shutdown(self, _request: Request) -> dict[str, Any]:
        """End this process; hosts keep running and are found again by the next."""
        self.stopping.set()
        return {"stopping": True}

    def _terminate_all(self, _request: Request) -> dict[str, Any]:
        """Terminate every instance, protected or not, and wait until their hosts are gone."""
        ids = [item["InstanceId"] for item in instances(self._ec2)]
        for instance_id in ids:
            self._ec2.modify_instance_attribute(
                InstanceId=instance_id, DisableApiTermination={"Value": False}
            )
        if ids:
            self._ec2.terminate_instances(InstanceIds=ids)
        return {"terminated": ids, "settled": self._reconciler.settle(SETTLE_SECONDS)}
