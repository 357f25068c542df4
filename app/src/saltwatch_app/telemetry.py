"""Traces: a span of what comes in, and OpenTelemetry's instrumentation of what goes out (SQL, AWS, HTTP).

Spans are always made, so that log lines have their ids. They are exported, by OTLP over HTTP, if there is an
endpoint: gRPC would bring a large compiled wheel to every host and no gain over the one hop to the collector
beside the application. A collector that is gone costs spans and nothing else: the queue is bounded, and so
is each attempt.
"""

import os
from collections.abc import Sequence

import requests
from flask import Flask, Response, g, request
from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, StatusCode, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes
from sqlalchemy import Engine

from saltwatch_app.logs import SERVICE
from saltwatch_app.metrics import METHODS
from saltwatch_app.settings import Settings

# Asked for every few seconds by machines: their traces and log lines would drown the others.
QUIET = ("/health", "/health/ready", "/metrics")
EXPORT_TIMEOUT = 2  # seconds
EXPORT_DELAY = 1000  # milliseconds that spans wait for company
CHECK_TIMEOUT = 1.5  # seconds

tracer = trace.get_tracer("saltwatch_app")


class RequestSampler(Sampler):
    """Does as the caller does, and samples what has none; but never the questions of probes and scrapes."""

    def __init__(self) -> None:
        self._others = ParentBased(ALWAYS_ON)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about one span."""
        if kind is SpanKind.SERVER and (attributes or {}).get("url.path") in QUIET:
            return SamplingResult(Decision.DROP, trace_state=trace_state)
        return self._others.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Name the sampler."""
        return "RequestSampler"


def start(settings: Settings) -> None:
    """Start tracing in this process, after it was forked and before the database's engine is made.

    It is started once; OpenTelemetry's provider is the process's, not the application's.
    """
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    # The stable names of attributes; the instrumentations still start from the experimental ones.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    names = {"service.name": SERVICE, "host.name": settings.host, "deployment.environment.name": settings.env}
    provider = TracerProvider(sampler=RequestSampler(), resource=Resource.create(names))
    if settings.otlp_endpoint:
        exporter = OTLPSpanExporter(traces_url(settings.otlp_endpoint), timeout=EXPORT_TIMEOUT)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_DELAY))
    trace.set_tracer_provider(provider)
    # Not baggage: what a visitor writes there is not passed on to AWS.
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    BotocoreInstrumentor().instrument()
    RequestsInstrumentor().instrument()
    SQLAlchemyInstrumentor().instrument()
    # A span for each connection taken from the pool would say nothing and cost as much as one of SQL.
    unwrap(Engine, "connect")


def init_app(app: Flask) -> None:
    """Make a span of every request of ``app``; before anything else looks at the request.

    OpenTelemetry's instrumentation of Flask does no more for us in twice the time: it collects a request's
    attributes twice, sets each twice, and counts for metrics that nobody reads.
    """
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_end)


def _begin() -> None:
    known = request.method in METHODS
    route = request.url_rule.rule if request.url_rule else None
    given = {name: request.headers[name] for name in ("traceparent", "tracestate") if name in request.headers}
    parent = propagate.extract(given)
    # https://opentelemetry.io/docs/specs/semconv/http/http-spans/
    attributes = {
        "http.request.method": request.method if known else "_OTHER",
        "url.scheme": request.scheme,
        "url.path": request.path,
        "client.address": request.remote_addr or "",
        "user_agent.original": request.headers.get("User-Agent", ""),
    }
    if route:
        attributes["http.route"] = route
    if request.query_string:
        attributes["url.query"] = request.query_string.decode(errors="replace")
    name = " ".join([request.method if known else "HTTP", *([route] if route else [])])
    g.span = tracer.start_span(name, parent, SpanKind.SERVER, attributes)
    g.span_token = context.attach(trace.set_span_in_context(g.span, parent))


def _answered(answer: Response) -> Response:
    g.span.set_attribute("http.response.status_code", answer.status_code)
    if answer.status_code >= 500:
        g.span.set_status(StatusCode.ERROR)
    return answer


def _end(error: BaseException | None) -> None:
    if "span_token" not in g:
        return  # a context that no request began
    context.detach(g.pop("span_token"))
    if error:
        g.span.record_exception(error)
    g.span.end()


def traces_url(endpoint: str) -> str:
    """Return where traces are posted to."""
    return f"{endpoint}/v1/traces"


def ping(endpoint: str) -> None:
    """Export nothing, which a receiver that works accepts.

    Raises:
        requests.RequestException: it does not answer in time, or not with success.
    """
    headers = {"Content-Type": "application/x-protobuf"}
    requests.post(traces_url(endpoint), data=b"", headers=headers, timeout=CHECK_TIMEOUT).raise_for_status()
