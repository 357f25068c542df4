"""Traces, from a real gunicorn to an OTLP receiver, and that one id leads through everything."""

import json
from collections.abc import Callable, Iterator
from urllib.error import HTTPError

import pytest
from flask import Flask
from gunicorn_server import Server, serving
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sinks import Cloud, Collector

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
CALLER_SPAN = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, moto: Cloud, collector: Collector) -> Iterator[Server]:
    """A gunicorn that has everything; each test has traces of its own."""
    moto.fill()
    everything = {"APP_OTLP_ENDPOINT": collector.url, **moto.environ, **moto.variables}
    with serving(tmp_path_factory.mktemp("server"), **everything) as server:
        yield server


def parent(number: int, flags: str = "01") -> str:
    """Return the traceparent of a caller's trace."""
    return f"00-{number:032x}-{CALLER_SPAN}-{flags}"


def exemplars(server: Server, route: str) -> set[str]:
    """Return the trace ids that the histogram's buckets of a route have."""
    families = text_string_to_metric_families(server.get("/metrics", Accept=OPENMETRICS))
    (family,) = [each for each in families if each.name == "http_request_duration_seconds"]
    with_one = [sample for sample in family.samples if sample.exemplar and sample.labels["route"] == route]
    for sample in with_one:
        assert sample.exemplar.value <= float(sample.labels["le"])
    return {sample.exemplar.labels["trace_id"] for sample in with_one}


def test_one_id_leads_through_trace_log_and_metrics(server: Server, collector: Collector) -> None:
    """Mutants: any one of the four instrumentations left out; exemplars left out of the slot's values."""
    trace_id = f"{7:032x}"
    answer = json.loads(server.get("/workflow", traceparent=parent(7), **{"X-Request-ID": "abc.1"}))
    assert answer["trace_id"] == trace_id
    told = json.loads(server.get("/test-telemetry", traceparent=parent(7)))
    assert told["exported"]
    assert told["call"] == {"ok": True, "status": 200}

    def names() -> set[str]:
        return {span.name for span in collector.spans(trace_id)}

    expected = {
        *("GET /workflow", "save", "send", "receive", "delete", "GET /test-telemetry", "test-telemetry"),
        *("DynamoDB.PutItem", "SQS.SendMessage", "SQS.ReceiveMessage", "SQS.DeleteMessageBatch"),
        *("GET", "GET /api/tasks"),  # the outgoing call and what it asked for
    }
    server.wait(lambda: expected <= names())
    spans = {span.span_id.hex(): span for span in collector.spans(trace_id)}
    assert any(span.name.startswith("SELECT") for span in spans.values())
    roots = {span.name for span in spans.values() if span.parent_span_id.hex() == CALLER_SPAN}
    assert roots == {"GET /workflow", "GET /test-telemetry"}
    for span in spans.values():
        assert span.parent_span_id.hex() in {CALLER_SPAN, *spans}
    assert spans[told["span_id"]].name == "test-telemetry"
    (called,) = [span for span in spans.values() if span.name == "GET /api/tasks"]
    assert spans[called.parent_span_id.hex()].kind == Span.SPAN_KIND_CLIENT

    lines = [line for line in server.log() if line["trace_id"] == trace_id]
    assert {line["span_id"] for line in lines} <= set(spans)
    (known,) = [line for line in lines if line["message"] == told["log"]["message"]]
    assert (known["span_id"], known["request_id"]) == (told["span_id"], told["request_id"])
    assert [line["route"] for line in lines if line["request_id"] == "abc.1"] == ["/workflow"]
    assert exemplars(server, "/workflow") == {trace_id}
    assert server.sample(told["metric"]) == 1


def test_a_request_s_span_says_what_was_asked_and_answered(
    serve: Callable[..., Server], collector: Collector
) -> None:
    """Mutants: the path in place of the route in the name; no status; an error that is none in the trace."""
    server = serve(APP_OTLP_ENDPOINT=collector.url, APP_FAULTS="on")
    server.get("/api/tasks?limit=1", traceparent=parent(21))
    with pytest.raises(HTTPError):
        server.get("/faults/error", traceparent=parent(22))

    def found(number: int) -> list[Span]:
        spans = collector.spans(f"{number:032x}")
        return [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]

    server.wait(lambda: found(21) and found(22))
    (span,), (failed,) = found(21), found(22)
    said = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
    expected = {"http.request.method": "GET", "http.route": "/api/tasks", "url.path": "/api/tasks"}
    expected |= {"http.response.status_code": 200, "client.address": "127.0.0.1"}
    assert expected.items() <= said.items()
    assert (span.name, span.status.code) == ("GET /api/tasks", Status.STATUS_CODE_UNSET)
    assert (failed.name, failed.status.code) == ("GET /faults/error", Status.STATUS_CODE_ERROR)


@pytest.fixture
def exporter(app: Flask) -> Iterator[InMemorySpanExporter]:
    """What this process's application exports."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


def test_requests_of_one_thread_have_traces_of_their_own(app: Flask, exporter: InMemorySpanExporter) -> None:
    """Mutants: the context of a request that has ended left attached; one made part of what is current."""
    client = app.test_client()
    for _ in range(2):
        client.get("/openapi.json")
        assert trace.get_current_span() is trace.INVALID_SPAN
    first, second = exporter.get_finished_spans()
    assert first.parent is second.parent is None
    assert first.context.trace_id != second.context.trace_id


def test_a_method_that_nobody_knows_makes_no_name(app: Flask, exporter: InMemorySpanExporter) -> None:
    """Nor does a path that nobody serves. Mutant: the method as it was sent."""
    assert app.test_client().open("/no/such/path", method="BREW").status_code == 404
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.attributes["http.request.method"]) == ("HTTP", "_OTHER")


def test_a_failure_nobody_foresaw_is_in_its_span(app: Flask, exporter: InMemorySpanExporter) -> None:
    """Mutant: the span ended without the exception that teardown is told of."""

    def fail() -> str:
        raise RuntimeError("swordfish")

    app.add_url_rule("/fail", view_func=fail)
    assert app.test_client().get("/fail").status_code == 500
    (span,) = [each for each in exporter.get_finished_spans() if each.name == "GET /fail"]
    assert span.status.status_code is StatusCode.ERROR
    assert [event.attributes["exception.message"] for event in span.events] == ["swordfish"]


def test_received_messages_link_to_what_sent_them(server: Server, collector: Collector) -> None:
    """Mutant: `links` left out."""
    server.ask("POST", "/send-message", {"message": "x"}, traceparent=parent(1))
    server.get("/receive-messages", traceparent=parent(2))
    server.wait(lambda: collector.named("messages received"))
    (span,) = collector.named("messages received")
    assert span.trace_id.hex() == f"{2:032x}"
    assert [link.trace_id.hex() for link in span.links] == [f"{1:032x}"]


def test_what_the_caller_does_not_sample_is_not_kept(server: Server, collector: Collector) -> None:
    """Mutant: ALWAYS_ON in place of ParentBased; an exemplar for every request."""
    server.get("/openapi.json", traceparent=parent(3, "00"))
    server.get("/health", traceparent=parent(4))
    assert exemplars(server, "/openapi.json") == exemplars(server, "/health") == set()
    server.get("/openapi.json", traceparent=parent(5))
    server.wait(lambda: collector.spans(f"{5:032x}"))
    assert collector.spans(f"{3:032x}") == collector.spans(f"{4:032x}") == []
    assert exemplars(server, "/openapi.json") == {f"{5:032x}"}


def test_spans_of_replaced_workers_arrive(serve: Callable[..., Server], collector: Collector) -> None:
    """Mutant: the provider made with `shutdown_on_exit=False`."""
    server = serve(APP_OTLP_ENDPOINT=collector.url, APP_MAX_REQUESTS="20", APP_WORKERS="1")
    sent = set(range(1001, 1061))

    def arrived() -> set[int]:
        return {int(span.trace_id.hex(), 16) for span in collector.named("GET /static/<path:filename>")}

    for number in sent:
        server.get("/static/icon.svg", traceparent=parent(number))
    server.wait(lambda: sent <= arrived())
    assert sum(str(line["message"]).startswith("Booting worker") for line in server.log()) >= 3


def test_collector_may_go_and_come_back(server: Server, collector: Collector) -> None:
    """Mutants: spans exported in the request; the collector not among the checks."""
    collector.stop()
    for _ in range(20):
        server.get("/api/tasks?limit=1")
    ready = json.loads(server.get("/health/ready"))
    assert (ready["status"], ready["checks"]["collector"]["ok"]) == ("degraded", False)
    assert "Traces of this time are lost" in server.get("/")
    collector.start()
    assert json.loads(server.get("/health/ready"))["status"] == "ready"
    server.get("/api/tasks?limit=1", traceparent=parent(9))
    server.wait(lambda: collector.spans(f"{9:032x}"))


def test_collector_that_never_answers_holds_nobody(serve: Callable[..., Server], silent: str) -> None:
    """Nor the end of gunicorn, which `Server.stop` awaits.

    Mutant: the exporter made without a timeout, or with one of minutes.
    """
    server = serve(APP_OTLP_ENDPOINT=f"http://{silent}", APP_WORKERS="1")
    for _ in range(20):
        server.get("/api/tasks?limit=1")
    ready = json.loads(server.get("/health/ready"))
    assert not ready["checks"]["collector"]["ok"]
    server.stop()
    assert server.process.returncode == 0
