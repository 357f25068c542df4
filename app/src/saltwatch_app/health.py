"""Health: whether the process lives, and whether what it depends on answers."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from flask import Blueprint, Response, current_app, jsonify
from opentelemetry.instrumentation.utils import suppress_instrumentation

logger = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)

READY_TIMEOUT = 2.0  # seconds, for all checks together; a probe gives up after 5
# Seconds that the page may repeat what was found, so that visitors do not load what is checked; and everybody
# may, while somebody else is finding out.
PAGE_AGE = 5.0

Result = dict[str, object]
T = TypeVar("T")


class PublicError(Exception):
    """A failure of a dependency whose text may be shown to anybody: it names neither host nor user."""


class Check(Generic[T]):
    """Asks one dependency, in a thread of its own, with no trace.

    A name that does not resolve blocks for longer than any driver's timeout. While an answer is outstanding
    no second question is asked.
    """

    def __init__(self, question: Callable[[], T]) -> None:
        self._question = question
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[T] | None = None
        self._lock = Lock()
        self.asked = 0.0  # when the last question was (time.monotonic)

    def ask(self) -> Future[T]:
        """Ask, unless the last question is still unanswered; return the answer to come."""
        with self._lock:
            if self._pending is None or self._pending.done():
                self.asked = time.monotonic()
                self._pending = self._pool.submit(self._ask)
            return self._pending

    def _ask(self) -> T:
        with suppress_instrumentation():
            return self._question()


@dataclass(frozen=True)
class Dependency:
    """What the application needs: if it is ``vital`` no request can be served without it."""

    check: Check[None]
    vital: bool


class Health:
    """What is known of all dependencies."""

    def __init__(self, dependencies: dict[str, Dependency]) -> None:
        self.dependencies = dependencies
        self._last: tuple[float, dict[str, Result]] | None = None
        self._finding_out = Lock()

    def results(self, timeout: float, age: float = 0.0) -> dict[str, Result]:
        """Return of each dependency ``ok``, the ``seconds`` it took and, if it failed, the ``reason``.

        Args:
            timeout: seconds that all checks may take together; they are made side by side.
            age: seconds that results may be old.
        """
        start = time.monotonic()
        last = self._last
        if last and start - last[0] < age:
            return last[1]
        first = self._finding_out.acquire(blocking=False)
        try:
            # One thread waits for what is silent; many would leave none to answer anything.
            if not first and last and start - last[0] < PAGE_AGE:
                return last[1]
            return self._find_out(start, timeout)
        finally:
            if first:
                self._finding_out.release()

    def _find_out(self, start: float, timeout: float) -> dict[str, Result]:
        asked = {name: dependency.check.ask() for name, dependency in self.dependencies.items()}
        results = {name: _result(name, future, start, timeout) for name, future in asked.items()}
        self._last = (start, results)
        return results

    def status(self, results: dict[str, Result]) -> str:
        """Return ``ready``, ``degraded`` (requests that need what failed fail) or ``unready``."""
        failed = [self.dependencies[name] for name, result in results.items() if not result["ok"]]
        if not failed:
            return "ready"
        return "unready" if any(dependency.vital for dependency in failed) else "degraded"


def _result(name: str, future: Future[None], start: float, timeout: float) -> Result:
    reason = None
    try:
        future.result(max(0.0, start + timeout - time.monotonic()))
    except NotDone:
        reason = f"no answer within {timeout:g} seconds"
    except Exception as error:
        told = str(error.__cause__ if isinstance(error, PublicError) else error)
        logger.warning("not ready", extra={"fields": {"dependency": name, "reason": told}})
        # The text of any other may name hosts and users.
        reason = str(error) if isinstance(error, PublicError) else type(error).__name__
    result: Result = {"ok": reason is None, "seconds": round(time.monotonic() - start, 4)}
    return result | ({"reason": reason} if reason else {})


def current_health() -> Health:
    """Return what is known of the application's dependencies."""
    health: Health = current_app.extensions["health"]
    return health


@blueprint.get("/health")
def live() -> Response:
    """Say that this process answers; asks nobody."""
    return jsonify(status="ok")


@blueprint.get("/health/ready")
def ready() -> tuple[Response, int]:
    """Say whether requests can be served: 503 if what all of them need does not answer in time.

    Without the queue, the table or the collector most requests are served: that is 200 and ``degraded``, lest
    a load balancer make one service's outage everyone's.
    """
    health = current_health()
    results = health.results(READY_TIMEOUT)
    status = health.status(results)
    return jsonify(status=status, checks=results), 503 if status == "unready" else 200
