"""Health: whether the process lives, and whether what it depends on answers."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from threading import Lock

from flask import Blueprint, Response, current_app, jsonify

logger = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)

READY_TIMEOUT = 2.0  # seconds; a probe gives up after 5


class Check:
    """Asks one dependency, in a thread of its own.

    A name that does not resolve blocks for longer than any driver's timeout. While an answer is outstanding
    no second question is asked.
    """

    def __init__(self, ping: Callable[[], None]) -> None:
        self._ping = ping
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[None] | None = None
        self._lock = Lock()

    def __call__(self, timeout: float) -> dict[str, object]:
        """Return ``ok``, the ``seconds`` it took and, if it failed, the ``reason``."""
        start = time.monotonic()
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = self._pool.submit(self._ping)
            pending = self._pending
        reason = None
        try:
            pending.result(timeout)
        except NotDone:
            reason = f"no answer within {timeout:g} seconds"
        except Exception as error:
            logger.warning("not ready", extra={"fields": {"reason": str(error)}})
            reason = type(error).__name__  # its text may name hosts and users
        result: dict[str, object] = {"ok": reason is None, "seconds": round(time.monotonic() - start, 4)}
        return result | ({"reason": reason} if reason else {})


@blueprint.get("/health")
def live() -> Response:
    """Say that this process answers; asks nobody."""
    return jsonify(status="ok")


@blueprint.get("/health/ready")
def ready() -> tuple[Response, int]:
    """Say whether requests can be served: 503 if a dependency does not answer in time."""
    check: Check = current_app.extensions["database_check"]
    checks = {"database": check(READY_TIMEOUT)}
    ok = all(result["ok"] for result in checks.values())
    return jsonify(status="ready" if ok else "unready", checks=checks), 200 if ok else 503
