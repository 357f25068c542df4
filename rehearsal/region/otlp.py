"""CloudWatch Logs' endpoint for OTLP, which moto lacks: what is exported there becomes PutLogEvents.

So its permission, faults and place on disk are those of that call. Of OTLP's two encodings protobuf is taken.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_HTTP_Endpoints_OTLP.html
"""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from email.message import Message
from typing import Any

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from rehearsal.region.http import Request, Response

PATH = "/v1/logs"
PROTOBUF = "application/x-protobuf"
# What PutLogEvents takes at once, in bytes: messages, and so many more for each.
LARGEST, EACH = 1 << 20, 26
# What AWS answers where its JSON protocol has 400. Retry-After goes with 429.
_STATUS = {"AccessDeniedException": 401, "InvalidClientTokenId": 401, "Throttling": 429}

Event = dict[str, Any]


def addressed(request: Request) -> bool:
    """Return whether a request is for this endpoint."""
    return request.path == PATH and request.headers.get("Host", "").startswith("logs.")


def export(request: Request, put: Callable[[Request], Response]) -> Response:
    """Answer an export.

    Args:
        request: it, signed or not.
        put: answers the same caller's PutLogEvents.
    """
    try:
        group, stream = (_header(request, f"x-aws-log-{what}") for what in ("group", "stream"))
        events = sorted(_events(_exported(request)), key=lambda event: event["timestamp"])
        if sum(len(event["message"].encode()) + EACH for event in events) > LARGEST:
            raise ValueError(f"expected at most {LARGEST} bytes of log events")
    except ValueError as error:
        return _failure(400, str(error))
    if not events:
        return _success(0, "")
    wanted = {"logGroupName": group, "logStreamName": stream, "logEvents": events}
    answer = put(_put_log_events(request, json.dumps(wanted).encode()))
    told = json.loads(answer.body)
    if answer.status >= 300:
        code = told["__type"].rpartition("#")[2]
        return _failure(_STATUS.get(code, answer.status), f"{code}: {told.get('message')}")
    rejected = told.get("rejectedLogEventsInfo", {})
    old = rejected.get("tooOldLogEventEndIndex", -1) + 1
    new = len(events) - rejected.get("tooNewLogEventStartIndex", len(events))
    return _success(old + new, json.dumps(rejected) if rejected else "")


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name)
    if not value:
        raise ValueError(f"expected the header {name}")
    return str(value)


def _exported(request: Request) -> ExportLogsServiceRequest:
    """Return what is exported.

    Raises:
        ValueError: it is not an export by HTTP in protobuf, plain or compressed by gzip.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if request.method != "POST" or request.headers.get("Content-Type") != PROTOBUF:
        raise ValueError(f"expected POST with {PROTOBUF}")
    if encoding not in ("gzip", "identity"):
        raise ValueError(f"Content-Encoding: expected gzip or none, not {encoding}")
    try:
        body = gzip.decompress(request.body) if encoding == "gzip" else request.body
        return ExportLogsServiceRequest.FromString(body)
    except (OSError, EOFError, zlib.error, DecodeError) as error:
        raise ValueError(f"expected an ExportLogsServiceRequest: {error}") from error


def _events(exported: ExportLogsServiceRequest) -> Iterator[Event]:
    for resource in exported.resource_logs:
        attributes = _mapping(resource.resource.attributes)
        for scope in resource.scope_logs:
            for record in scope.log_records:
                nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
                message = {"resource": {"attributes": attributes}, **_described(scope.scope, record)}
                yield {"timestamp": nanoseconds // 10**6, "message": json.dumps(message)}


def _described(scope: InstrumentationScope, record: LogRecord) -> dict[str, Any]:
    """Return a record as CloudWatch shows it: OTLP's names, attributes and body as plain JSON."""
    found = {
        "scope": {"name": scope.name} if scope.name else {},
        "timeUnixNano": record.time_unix_nano,
        "observedTimeUnixNano": record.observed_time_unix_nano,
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": _plain(record.body),
        "attributes": _mapping(record.attributes),
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
    }
    return {key: value for key, value in found.items() if value not in (0, "")}


def _mapping(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return _mapping(value.kvlist_value.values)
    if kind == "array_value":
        return [_plain(each) for each in value.array_value.values]
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None


def _put_log_events(request: Request, body: bytes) -> Request:
    """Return the call of the JSON protocol, by the same caller with the same credentials."""
    headers = Message()
    for name, value in request.headers.items():
        if not name.lower().startswith("content-"):
            headers[name] = value
    headers["Content-Type"] = "application/x-amz-json-1.1"
    headers["X-Amz-Target"] = "Logs_20140328.PutLogEvents"
    return Request("POST", "/", headers, body, request.peer)


def _success(rejected: int, reason: str) -> Response:
    answer = ExportLogsServiceResponse()
    if rejected:
        answer.partial_success.rejected_log_records = rejected
        answer.partial_success.error_message = reason
    return Response(200, answer.SerializeToString(), [("Content-Type", PROTOBUF)])


def _failure(status: int, message: str) -> Response:
    headers = [("Content-Type", PROTOBUF), *([("Retry-After", "1")] if status == 429 else [])]
    return Response(status, Status(message=message).SerializeToString(), headers)
