"""A workflow over both AWS services, in one trace: save an item, send, receive and delete a message."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, jsonify
from opentelemetry.trace import Status, StatusCode
from werkzeug.exceptions import ServiceUnavailable

from saltwatch_app.aws import Unavailable
from saltwatch_app.data import current_table
from saltwatch_app.identity import current_ids
from saltwatch_app.messages import Message, current_queue, refuse_head
from saltwatch_app.metrics import Metrics
from saltwatch_app.problems import problem
from saltwatch_app.telemetry import tracer

logger = logging.getLogger(__name__)
blueprint = Blueprint("workflow", __name__)

PATIENCE = 6  # seconds; others' messages may come before ours

T = TypeVar("T")


class _Steps:
    """Runs steps and keeps how each ended."""

    def __init__(self) -> None:
        self.done: list[dict[str, Any]] = []

    def run(self, name: str, action: Callable[[], T]) -> T | None:
        """Run a step in a span of its own; return what it returned, None if it failed."""
        start, reason, result = time.perf_counter(), None, None
        with tracer.start_as_current_span(name) as span:
            try:
                result = action()
            except ServiceUnavailable as error:
                reason = error.reason if isinstance(error, Unavailable) else str(error.description)
                span.set_status(Status(StatusCode.ERROR, reason))
        step = {"name": name, "ok": reason is None, "seconds": round(time.perf_counter() - start, 4)}
        self.done.append(step | ({"reason": reason} if reason else {}))
        return result

    def skip(self, *names: str) -> None:
        """Leave steps out, as what they need failed."""
        self.done += [{"name": name, "ok": False, "seconds": 0.0, "reason": "skipped"} for name in names]


def _receive(message_id: str) -> Message:
    """Receive our message; others' are there again after a moment, as we do not delete them."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for message in current_queue().receive():
            if message.id == message_id:
                return message
    raise Unavailable("sqs", "ReceiveMessage", "our message was not among those that came")


def _delete(message: Message) -> None:
    if not current_queue().delete([message]):
        raise Unavailable("sqs", "DeleteMessageBatch", "the message is still there")


@blueprint.get("/workflow")
def run() -> Response | tuple[Response, int]:
    """Run it; 503 with every step's end if one failed."""
    refuse_head()
    steps = _Steps()
    ids = current_ids()
    steps.run("save", lambda: current_table().save("workflow", {"request_id": ids.request_id}))
    message_id = steps.run("send", lambda: current_queue().send(f"workflow {ids.request_id}"))
    message = steps.run("receive", lambda: _receive(message_id)) if message_id else steps.skip("receive")
    if message:
        steps.run("delete", lambda: _delete(message))
    else:
        steps.skip("delete")

    failed = [step for step in steps.done if not step["ok"]]
    outcome = ("failed" if len(failed) == len(steps.done) else "partial") if failed else "complete"
    metrics: Metrics = current_app.extensions["metrics"]
    metrics.workflows.labels(outcome).inc()
    if not failed:
        answer = jsonify(status=outcome, trace_id=ids.trace_id, steps=steps.done)
    else:
        reasons = "; ".join(f"{step['name']}: {step['reason']}" for step in failed)
        logger.error("workflow not complete", extra={"fields": {"outcome": outcome, "reason": reasons}})
        more = {"outcome": outcome, "trace_id": ids.trace_id, "steps": steps.done}
        answer = problem(503, "Service Unavailable", f"the workflow is {outcome}: {reasons}", **more)
    answer.headers["Cache-Control"] = "no-store"
    return answer
