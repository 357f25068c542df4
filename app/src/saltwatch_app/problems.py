"""Errors as `application/problem+json` (RFC 9457), each with its reason and the request's id."""

import json
import logging

from flask import Flask, Response
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError

from saltwatch_app.database import ABSENT
from saltwatch_app.identity import current_ids

logger = logging.getLogger(__name__)


class Invalid(BadRequest):
    """A body or a query whose fields are wrong; ``errors`` maps each field to what was expected."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in errors.items()))
        self.errors = errors


def problem(status: int, title: str, detail: str, **more: object) -> Response:
    """Return an error's answer."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    body["request_id"] = current_ids().request_id
    return Response(json.dumps(body), status, content_type="application/problem+json")


def _http(error: HTTPException) -> Response:
    if error.response is not None:  # a redirect, which is its own answer
        return Response(error.response.get_data(), error.response.status_code, error.response.headers)
    more: dict[str, object] = {}
    detail = error.description or error.name
    if isinstance(error, InternalServerError) and error.original_exception:
        detail = "the request failed in a way nobody foresaw; its id finds the log line"
    if isinstance(error, Invalid):
        more["errors"] = error.errors
    answer = problem(error.code or 500, error.name, detail, **more)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer


def _database(error: Exception) -> Response:
    logger.error("database not available", extra={"fields": {"reason": str(error)}})
    answer = problem(503, "Service Unavailable", "the database does not answer; try again")
    answer.headers["Retry-After"] = "5"
    return answer


def init_app(app: Flask) -> None:
    """Answer every error of ``app`` as a problem."""
    app.register_error_handler(HTTPException, _http)
    for error in ABSENT:
        app.register_error_handler(error, _database)
