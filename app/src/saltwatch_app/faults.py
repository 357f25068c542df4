"""Faults on purpose, for demonstrations and drills: errors, slow answers and log lines.

Served only if the settings say so, and then only to this host itself: a request that a proxy passed on, or
that came from elsewhere, is answered as if there were nothing here.
"""

import logging
import time

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import InternalServerError, NotFound

from saltwatch_app.fields import query_number
from saltwatch_app.problems import Invalid

logger = logging.getLogger(__name__)
blueprint = Blueprint("faults", __name__, url_prefix="/faults")

MAX_MILLISECONDS = 5000
MAX_LINES = 1000


@blueprint.before_request
def refuse_others() -> None:
    """Answer nobody but this host.

    nginx is on this host too, and says for whom it asks.
    """
    if request.remote_addr not in ("127.0.0.1", "::1") or "X-Forwarded-For" in request.headers:
        raise NotFound


@blueprint.get("/error")
def error() -> Response:
    """Fail."""
    raise InternalServerError("a fault on purpose")


@blueprint.get("/latency")
def latency() -> Response:
    """Answer after ``milliseconds``."""
    milliseconds = _number("milliseconds", 1000, MAX_MILLISECONDS)
    time.sleep(milliseconds / 1000)
    return jsonify(milliseconds=milliseconds)


@blueprint.get("/logs")
def logs() -> Response:
    """Write ``lines`` lines, each a warning with its number."""
    lines = _number("lines", 100, MAX_LINES)
    for number in range(1, lines + 1):
        logger.warning("noise on purpose", extra={"fields": {"number": number, "of": lines}})
    return jsonify(lines=lines)


def _number(name: str, default: int, high: int) -> int:
    errors: dict[str, str] = {}
    number = query_number(name, default, high, errors)
    if errors:
        raise Invalid(errors)
    return number
