"""Telemetry to test with: a known log line, metric, span and outgoing call, and the ids to find them by."""

import logging

import requests
from flask import Blueprint, Response, current_app, jsonify

from saltwatch_app.identity import current_ids
from saltwatch_app.messages import refuse_head
from saltwatch_app.metrics import Metrics
from saltwatch_app.settings import Settings
from saltwatch_app.telemetry import tracer

logger = logging.getLogger(__name__)
blueprint = Blueprint("selftest", __name__)

MESSAGE = "telemetry to test with"
SPAN = "test-telemetry"
METRIC = "test_telemetry_total"
CALL_TIMEOUT = 2.0  # seconds; with one thread in all, the call to ourselves ends so


@blueprint.get("/test-telemetry")
def emit() -> Response:
    """Emit; the outgoing call is to ourselves, and its answer is in the same trace."""
    refuse_head()
    metrics: Metrics = current_app.extensions["metrics"]
    settings: Settings = current_app.extensions["settings"]
    with tracer.start_as_current_span(SPAN):
        ids = current_ids()
        metrics.telemetry_tests.inc()
        logger.info(MESSAGE)
        call = _call(settings.bind)
    answer = jsonify(
        request_id=ids.request_id,
        trace_id=ids.trace_id,
        span_id=ids.span_id,
        sampled=ids.sampled,
        exported=ids.sampled and settings.otlp_endpoint is not None,
        log={"logger": logger.name, "message": MESSAGE},
        metric=METRIC,
        span=SPAN,
        call=call,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _call(bind: str) -> dict[str, object]:
    """Ask ourselves for a task, by HTTP; return how it went."""
    host, _, port = bind.rpartition(":")
    if bind.startswith("unix:"):
        return {"ok": False, "reason": "the application listens on no port"}
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - a comparison
    try:
        answer = requests.get(f"http://{host}:{port}/api/tasks", {"limit": 1}, timeout=CALL_TIMEOUT)
    except requests.RequestException as error:
        return {"ok": False, "reason": type(error).__name__}
    return {"ok": answer.ok, "status": answer.status_code}
