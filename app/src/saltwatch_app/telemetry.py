"""Traces: OpenTelemetry's instrumentation of what comes in (Flask) and of what goes out (SQL, AWS, HTTP).

Spans are always made, so that log lines have their ids. They are exported, by OTLP over HTTP, if there is an
endpoint: gRPC would bring a large compiled wheel to every host and no gain over the one hop to the collector
beside the application. A collector that is gone costs spans and nothing else: the queue is bounded, and so
is each attempt.
"""

import os
from collections.abc import Sequence

import requests
from flask import Flask
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes
from sqlalchemy import Engine

from saltwatch_app.logs import SERVICE
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
    """Make a span of every request of ``app``; before anything else looks at the request."""
    FlaskInstrumentor.instrument_app(app, enable_commenter=False)


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
