"""CloudWatch Logs' endpoint for OTLP: what a host exports is in the stream, what AWS refuses is not."""

import gzip
import json
import time
from collections.abc import Callable
from email.message import Message
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from rehearsal.region.faults import Rule
from rehearsal.region.http import Request, Response
from tests.region.local import LocalRegion
from tests.region.test_permissions import HOST, Host, allow

GROUP, STREAM = "/f/services", "app-dev"
OWN = f"arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}:log-stream:{STREAM}"
Export = Callable[..., Response]


@pytest.fixture
def export(region: LocalRegion) -> Export:
    """Return a function that exports as a host whose role may write to the stream; group and stream exist."""
    logs = region.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    for stream in (STREAM, "other-dev"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    host = Host(region)
    host.may(allow("logs:PutLogEvents", OWN))

    def send(body: bytes, key: str = host.key, **changed: str | None) -> Response:
        headers = {
            "Host": "logs.eu-west-1.amazonaws.com",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/logs/aws4_request, ...",
            "X-Amz-Security-Token": host.token,
            "Content-Type": "application/x-protobuf",
            "x-aws-log-group": GROUP,
            "x-aws-log-stream": STREAM,
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        message = Message()
        for name, value in headers.items():
            if value is not None:
                message[name] = value
        return region.server.api(Request("POST", "/v1/logs", message, body, HOST))

    return send


def lines(*texts: str, ago: float = 0) -> bytes:
    """Return an export of lines, the last one first, as Alloy sends it: a resource each."""
    now = time.time_ns() - int(ago * 1e9)
    records = [
        LogRecord(
            time_unix_nano=now + number * 10**6,
            observed_time_unix_nano=now,
            body=AnyValue(string_value=text),
            attributes=[KeyValue(key="host", value=AnyValue(string_value="app-1"))],
        )
        for number, text in enumerate(texts)
    ]
    resources = [ResourceLogs(scope_logs=[ScopeLogs(log_records=[each])]) for each in reversed(records)]
    return ExportLogsServiceRequest(resource_logs=resources).SerializeToString()


def events(region: LocalRegion, stream: str = STREAM) -> list[dict[str, Any]]:
    got = region.client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
    return [json.loads(event["message"]) for event in got["events"]]


def refused(answer: Response) -> tuple[int, str]:
    return answer.status, Status.FromString(answer.body).message


def test_what_is_exported_is_in_the_stream(region: LocalRegion, export: Export) -> None:
    """In the order of its times, and after a restart. Mutants: not sorted, which PutLogEvents refuses; gzip
    not looked at; the call not named PutLogEvents, so that nothing is written to disk."""
    for number, encoding in enumerate((None, "gzip")):
        body = lines(f"{number} first", f"{number} second")
        answer = export(gzip.compress(body) if encoding else body, Content_Encoding=encoding)
        assert answer.status == 200
        assert ExportLogsServiceResponse.FromString(answer.body) == ExportLogsServiceResponse()
    region.restart()
    found = events(region)
    assert [each["body"] for each in found] == ["0 first", "0 second", "1 first", "1 second"]
    assert found[0]["attributes"] == {"host": "app-1"}
    assert found[0]["resource"] == {"attributes": {}}
    assert found[0]["timeUnixNano"] >= found[0]["observedTimeUnixNano"] > 0
    assert events(region, "other-dev") == []


def test_values_become_plain_json(region: LocalRegion, export: Export) -> None:
    """Mutants: any branch of ``_plain`` left out."""
    inner = [KeyValue(key="a", value=AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)])))]
    body = AnyValue(
        kvlist_value=KeyValueList(values=[*inner, KeyValue(key="b", value=AnyValue(bytes_value=b"x"))])
    )
    record = LogRecord(time_unix_nano=time.time_ns(), body=body, severity_text="WARN", trace_id=b"\x01" * 16)
    logs = [ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])]
    assert export(ExportLogsServiceRequest(resource_logs=logs).SerializeToString()).status == 200
    (found,) = events(region)
    assert found["body"] == {"a": [1], "b": "eA=="}
    assert (found["severityText"], found["traceId"]) == ("WARN", "01" * 16)
    assert "spanId" not in found


def test_group_and_stream_have_to_exist(region: LocalRegion, export: Export) -> None:
    """And are told in headers. Mutants: a stream made by the export; one of the headers not asked for."""
    region.client("logs").delete_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    status, message = refused(export(lines("x")))
    assert (status, message.partition(":")[0]) == (400, "ResourceNotFoundException")
    for name in ("x-aws-log-group", "x-aws-log-stream"):
        assert refused(export(lines("x"), **{name: None})) == (400, f"expected the header {name}")


def test_a_role_writes_to_its_own_stream_only(region: LocalRegion, export: Export) -> None:
    """Mutants: the resource of PutLogEvents not compared; an unknown key let through."""
    status, message = refused(export(lines("x"), x_aws_log_stream="other-dev"))
    assert status == 401
    assert "not authorized to perform: logs:PutLogEvents on resource" in message
    assert refused(export(lines("x"), key="AKIAOTHER"))[0] == 401
    assert refused(export(lines("x"), X_Amz_Security_Token=None))[0] == 401
    assert events(region) == events(region, "other-dev") == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\xff", {}),
        (lines("x"), {"Content_Type": "application/json"}),
        (lines("x"), {"Content_Encoding": "gzip"}),
        (lines("x"), {"Content_Encoding": "zstd"}),
        (lines(*("x" * 10_000 for _ in range(110))), {}),
    ],
    ids=["no protobuf", "JSON", "not compressed", "zstd", "too large"],
)
def test_what_aws_does_not_take_is_refused(
    region: LocalRegion, export: Export, body: bytes, headers: dict[str, str]
) -> None:
    """Mutants: any one of the checks of `otlp` left out; its case is then an internal error or taken."""
    status, message = refused(export(body, **headers))
    assert status == 400
    assert "expected" in message
    assert events(region) == []


def test_lines_that_are_too_old_are_counted(region: LocalRegion, export: Export) -> None:
    """Mutant: ``rejectedLogEventsInfo`` not looked at."""
    answer = ExportLogsServiceResponse.FromString(export(lines("a", "b", ago=15 * 86400)).body)
    assert answer.partial_success.rejected_log_records == 2
    assert "tooOld" in answer.partial_success.error_message
    assert events(region) == []


def test_faults_are_those_of_putlogevents(region: LocalRegion, export: Export) -> None:
    """With the answers after which a client tries again. Mutant: 400 for a throttled call."""
    throttled = Rule("logs", "PutLogEvents", "throttle", rate=0.001)
    away = Rule("logs", "PutLogEvents", "error", code="ServiceUnavailableException", status=503)
    region.server.faults.replace([throttled])
    assert export(lines("x")).status == 200
    answer = export(lines("y"))
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (429, "1")
    region.server.faults.replace([away])
    assert export(lines("z")).status == 503
    assert [each["body"] for each in events(region)] == ["x"]
