"""Tempo: a span sent by OTLP is found by its trace id, kept in its own bucket, and becomes metrics."""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import boto3
import catalogue
import pytest
import remote
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus import Prometheus
from store import Store

EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(scope="module")
def tempo(real: Callable[[str], None]) -> Store:
    real("tempo")
    return Store("tempo")


def send(tempo: Store, service: str, name: str = "GET /") -> str:
    """Send a trace of one span from another host; return its id."""
    trace, now = secrets.token_bytes(16), time.time_ns()
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add()
    spans.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value=service)))
    spans.scope_spans.add().spans.append(
        Span(
            trace_id=trace,
            span_id=secrets.token_bytes(8),
            name=name,
            kind=Span.SPAN_KIND_SERVER,
            start_time_unix_nano=now - 10**8,
            end_time_unix_nano=now,
        )
    )
    source = next((host for host in catalogue.hosts() if host not in (tempo.host, "salt-1")), tempo.host)
    port = catalogue.fleet()["services"]["tempo_otlp"]["port"]
    told = tempo.grpc(source, port, EXPORT, request.SerializeToString())
    assert "grpc-status: 0" in told, told
    return trace.hex()


def names(tempo: Store, trace: str) -> list[str]:
    """Return the names of a trace's spans; none while it is not found."""
    status, text = tempo.ask(f"/api/v2/traces/{trace}")
    assert status in (200, 404), text
    batches = json.loads(text)["trace"].get("resourceSpans", ()) if status == 200 else ()
    return [span["name"] for batch in batches for scope in batch["scopeSpans"] for span in scope["spans"]]


def test_it_is_ready(tempo: Store) -> None:
    """Mutant: the service stopped."""
    assert tempo.ask("/ready")[0] == 200


def test_a_span_is_found_by_its_trace_id(tempo: Store, eventually: Callable[..., Any]) -> None:
    """Mutants: the receiver bound to the loopback address; another tenant asked."""
    trace = send(tempo, "test", "GET /found")
    assert eventually(lambda: names(tempo, trace)) == ["GET /found"]
    assert names(tempo, secrets.token_hex(16)) == []


def test_a_span_is_found_by_traceql(tempo: Store, eventually: Callable[..., Any]) -> None:
    """Mutant: the newest half minute left out of searches (`query_end_cutoff`)."""
    service = f"test-{secrets.token_hex(4)}"
    trace = send(tempo, service)
    query = f'{{ resource.service.name = "{service}" }}'
    found = eventually(lambda: tempo.json("/api/search", q=query).get("traces", []), seconds=25)
    assert [each["traceID"].zfill(32) for each in found] == [trace]


def test_blocks_go_to_the_bucket(tempo: Store, eventually: Callable[..., Any]) -> None:
    """Mutants: `object_store: filesystem`; a role without s3:PutObject, or without the key."""
    (bucket,) = remote.run(tempo.host, "grep", "bucket:", "/etc/tempo/config.yml").split()[1:]
    send(tempo, "test")
    client = boto3.client("s3")

    def blocks() -> list[str]:
        content = client.list_objects_v2(Bucket=bucket, Prefix="single-tenant/").get("Contents", ())
        return [item["Key"] for item in content if item["Key"].endswith("data.parquet")]

    assert eventually(blocks, seconds=240)


@pytest.mark.drift
def test_a_trace_survives_a_kill(tempo: Store, eventually: Callable[..., Any]) -> None:
    """The write-ahead log is on the volume. Mutants: its directory in /tmp; the unit without Restart.

    What is younger than `max_trace_idle` is in memory only, as Tempo says.
    """
    trace = send(tempo, "test", "GET /kept")
    eventually(lambda: names(tempo, trace))
    time.sleep(15)
    before = tempo.pid()
    remote.run(tempo.host, "systemctl", "kill", "--signal=KILL", "tempo")
    eventually(tempo.pid, lambda pid: pid not in (before, "0"))
    eventually(tempo.active)
    assert eventually(lambda: names(tempo, trace)) == ["GET /kept"]


def test_spans_become_metrics_in_prometheus(
    tempo: Store, prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """Mutants: Prometheus's receiver off; no processors."""
    service = f"test-{secrets.token_hex(4)}"
    send(tempo, service)
    query = f'traces_spanmetrics_calls_total{{service="{service}"}}'
    ((labels, value),) = eventually(lambda: prometheus.query(query), seconds=120)
    assert (labels["span_kind"], labels["env"], value) == ("SPAN_KIND_SERVER", catalogue.fleet()["env"], 1)
