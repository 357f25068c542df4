"""What is seen of every request: its ids in the answer, a log line, and the metrics."""

import functools
import logging
import re
import time

from flask import Blueprint, Flask, Response, current_app, g, request
from opentelemetry import trace

from saltwatch_app.identity import current_ids, identify
from saltwatch_app.metrics import Metrics
from saltwatch_app.telemetry import QUIET

logger = logging.getLogger("saltwatch_app.request")
blueprint = Blueprint("metrics", __name__)

PATH_LIMIT = 512  # characters of a path in a log line


@functools.cache
def _template(rule: str) -> str:
    """Return a rule without its parameters' types: ``/api/tasks/<task_id>``."""
    return re.sub(r"<[^<>]*:(\w+)>", r"<\1>", rule)


def _start() -> None:
    g.start = time.perf_counter()
    identify()
    trace.get_current_span().set_attribute("request_id", g.request_id)


def _finish(answer: Response) -> Response:
    metrics: Metrics = current_app.extensions["metrics"]
    seconds = time.perf_counter() - g.start
    route = _template(request.url_rule.rule) if request.url_rule else "unmatched"
    ids = current_ids()
    metrics.observe(request.method, route, answer.status_code, seconds, ids)
    answer.headers["X-Request-ID"] = ids.request_id
    answer.headers["traceparent"] = ids.traceparent
    level = logging.ERROR if answer.status_code >= 500 else logging.INFO
    if route in QUIET and answer.status_code < 500:
        level = logging.DEBUG
    fields = {
        "method": request.method[:16],
        "path": request.path[:PATH_LIMIT],
        "route": route,
        "status": answer.status_code,
        "duration_seconds": round(seconds, 6),
    }
    logger.log(level, "request answered", extra={"fields": fields})
    return answer


@blueprint.get("/metrics")
def metrics() -> Response:
    """Serve the metrics to Prometheus."""
    served: Metrics = current_app.extensions["metrics"]
    page, content_type = served.page(request.headers.get("Accept", ""))
    return Response(page, content_type=content_type)


def init_app(app: Flask) -> None:
    """Observe every request of ``app``."""
    app.before_request(_start)
    app.after_request(_finish)
    app.register_blueprint(blueprint)
