"""Faults that tests order: calls that fail, are throttled, succeed unanswered, or kill their caller."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any
from xml.sax.saxutils import escape

from rehearsal.region.calls import Call
from rehearsal.region.http import DropConnection, Request, Response

EFFECTS = ("error", "timeout_after_success", "throttle", "kill_caller", "delay")
_TYPES: dict[str, tuple[type, ...]] = {
    "service": (str,),
    "action": (str,),
    "effect": (str,),
    "code": (str,),
    "message": (str,),
    "skip": (int,),
    "status": (int,),
    "times": (int, type(None)),
    "seconds": (int, float),
    "rate": (int, float),
}


@dataclass(frozen=True)
class Rule:
    """One fault: what befalls calls of ``action`` (``*``: any) of ``service`` (``*``: any).

    The first ``skip`` such calls go untouched, then ``times`` of them are hit (None: all that follow).
    ``throttle`` answers an error to what exceeds ``rate`` calls a second (a bucket of that many tokens, at
    least one). ``delay`` waits ``seconds`` before the call, ``timeout_after_success`` before it drops the
    connection. ``kill_caller`` sends SIGKILL to the caller's process group when the call has succeeded.
    ``code``, ``status`` and ``message`` shape the answers of ``error`` and ``throttle``.
    """

    service: str
    action: str
    effect: str
    skip: int = 0
    times: int | None = 1
    code: str = ""
    status: int = 0
    message: str = "This error was ordered by a test."
    seconds: float = 0
    rate: float = 2.0

    def matches(self, call: Call) -> bool:
        """Return whether the rule is about ``call``."""
        return self.service in ("*", call.service) and self.action in ("*", call.action)


def parse(rule: object) -> Rule:
    """Return the rule that a JSON object describes.

    Raises:
        ValueError: naming the key and what was expected.
    """
    if not isinstance(rule, dict):
        raise ValueError(f"fault {rule!r}: expected an object")
    known = {item.name for item in fields(Rule)}
    for key, value in rule.items():
        if key not in known:
            raise ValueError(f"fault key {key!r}: expected one of {', '.join(sorted(known))}")
        if not isinstance(value, _TYPES[key]) or isinstance(value, bool):
            expected = " or ".join(kind.__name__ for kind in _TYPES[key])
            raise ValueError(f"fault key {key!r}: expected {expected}, not {value!r}")
    for key in ("service", "action", "effect"):
        if key not in rule:
            raise ValueError(f"fault {rule!r}: expected the key {key!r}")
    if rule["effect"] not in EFFECTS:
        raise ValueError(f"fault key 'effect': expected one of {', '.join(EFFECTS)}, not {rule['effect']!r}")
    if rule["effect"] == "throttle":
        rule = {"times": None, **rule}
    if rule.get("rate", 1) <= 0:
        raise ValueError(f"fault key 'rate': expected more than 0, not {rule['rate']!r}")
    return Rule(**rule)


class _Armed:
    """A rule and how far it has got."""

    def __init__(self, rule: Rule):
        self.rule = rule
        self.seen = 0
        self.hits = 0
        self._tokens = max(1.0, rule.rate)
        self._at = time.monotonic()

    def strikes(self) -> bool:
        """Count one matching call and return whether it is hit."""
        rule = self.rule
        self.seen += 1
        if self.seen <= rule.skip or (rule.times is not None and self.hits >= rule.times):
            return False
        if rule.effect == "throttle" and self._admitted():
            return False
        self.hits += 1
        return True

    def _admitted(self) -> bool:
        now = time.monotonic()
        self._tokens = min(max(1.0, self.rule.rate), self._tokens + (now - self._at) * self.rule.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def error_response(call: Call, request: Request, code: str, message: str, status: int) -> Response:
    """Return an error in the shape of the call's protocol.

    Query, EC2 and REST-XML shapes are those that botocore's parsers read; JSON services also name the code in
    a header, which REST-JSON clients prefer.
    """
    content_type = request.headers.get("Content-Type", "")
    if (
        "json" in content_type
        or request.headers.get("X-Amz-Target")
        or call.service in ("guardduty", "lambda")
    ):
        body = json.dumps({"__type": code, "message": message}).encode()
        return Response(
            status, body, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)]
        )
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.service == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>fault</RequestID></Response>"
    elif call.service == "s3":
        text = f"<Error>{error}<RequestId>fault</RequestId></Error>"
    else:
        text = f"<ErrorResponse><Error>{error}</Error><RequestId>fault</RequestId></ErrorResponse>"
    return Response(status, f'<?xml version="1.0"?>{text}'.encode(), [("Content-Type", "text/xml")])


class Faults:
    """The rules in force, and their effect on calls."""

    def __init__(self, kill: Callable[[tuple[str, int]], None]):
        """Start without rules; ``kill`` is called with the address and port of a caller that shall die."""
        self._kill = kill
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []

    def replace(self, rules: list[Rule]) -> None:
        """Put ``rules`` in force, counted from zero, instead of those before."""
        with self._lock:
            self._armed = [_Armed(rule) for rule in rules]

    def list(self) -> list[dict[str, Any]]:
        """Return the rules with the number of calls each has ``seen`` and of ``hits``."""
        with self._lock:
            return [{**asdict(item.rule), "seen": item.seen, "hits": item.hits} for item in self._armed]

    def _strike(self, call: Call) -> Rule | None:
        """Return the first rule that hits ``call``; every matching one before it has counted the call."""
        with self._lock:
            for item in self._armed:
                if item.rule.matches(call) and item.strikes():
                    return item.rule
        return None

    def apply(self, call: Call, request: Request, perform: Callable[[], Response]) -> Response:
        """Perform a call, or what a rule makes of it.

        Raises:
            DropConnection: the rule says that no answer arrives.
        """
        rule = self._strike(call)
        if rule is None:
            return perform()
        if rule.effect == "error":
            code = rule.code or "InternalError"
            return error_response(call, request, code, rule.message, rule.status or 500)
        if rule.effect == "throttle":
            code, status = ("RequestLimitExceeded", 503) if call.service == "ec2" else ("Throttling", 400)
            return error_response(call, request, rule.code or code, rule.message, rule.status or status)
        if rule.effect == "delay":
            time.sleep(rule.seconds)
            return perform()
        response = perform()
        if response.status >= 300:
            return response
        if rule.effect == "kill_caller" and request.peer:
            self._kill(request.peer)
        else:
            time.sleep(rule.seconds)
        raise DropConnection
