"""Who a request is: its request id, and its place in a trace (W3C Trace Context)."""

import re
import secrets
from typing import NamedTuple

from flask import g, has_request_context, request
from opentelemetry import trace

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Ids(NamedTuple):
    """The ids of what is being done now; None where there is none (outside a request, outside a span)."""

    request_id: str | None
    trace_id: str | None
    span_id: str | None
    sampled: bool

    @property
    def traceparent(self) -> str | None:
        """The header that says so to whoever is called, or answered, next."""
        if self.trace_id is None:
            return None
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"


def identify() -> None:
    """Take the caller's request id over, or make a new one if it is missing or malformed."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def current_ids() -> Ids:
    """Return the ids of the request being answered and of the innermost span."""
    request_id = g.get("request_id") if has_request_context() else None
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return Ids(request_id, None, None, False)
    trace_id, span_id = trace.format_trace_id(span.trace_id), trace.format_span_id(span.span_id)
    return Ids(request_id, trace_id, span_id, span.trace_flags.sampled)
