"""Who a request is: its request id and its place in a trace (W3C Trace Context, level 1)."""

import re
import secrets
from dataclasses import dataclass

from flask import g, has_request_context, request

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True)
class Ids:
    """The ids of the current request, ``span_id`` being our own span in the caller's trace."""

    request_id: str
    trace_id: str
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The header that says so to whoever is called, or answered, next."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def from_headers(request_id: str | None, traceparent: str | None) -> Ids:
    """Take the caller's ids over, or make new ones where they are missing or malformed."""
    if not (request_id and _REQUEST_ID.fullmatch(request_id)):
        request_id = secrets.token_hex(16)
    trace_id, flags = _parent(traceparent) or (secrets.token_hex(16), "01")
    return Ids(request_id, trace_id, secrets.token_hex(8), flags)


def _parent(header: str | None) -> tuple[str, str] | None:
    match = _TRACEPARENT.fullmatch(header or "")
    if not match:
        return None
    version, trace_id, parent_id, flags, rest = match.groups()
    # A later version may append fields; version 00 has none, and ff is forbidden.
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id, flags


def current_ids() -> Ids | None:
    """Return the ids of the request being answered, or None outside one."""
    if not has_request_context():
        return None
    if "ids" not in g:
        g.ids = from_headers(request.headers.get("X-Request-ID"), request.headers.get("traceparent"))
    ids: Ids = g.ids
    return ids
