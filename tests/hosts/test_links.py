"""One request in every store, and the links by which Grafana leads from one store to another."""

import base64
import json
import re
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import lines
import pytest
from grafana import Grafana
from prometheus import Prometheus
from store import Store
from website import Website

BUCKET = 'http_request_duration_seconds_bucket{job="app",route="/test-telemetry"}'


@pytest.fixture(scope="module", autouse=True)
def wired(real: Callable[[str], None]) -> None:
    """All that a trace is seen in."""
    for service in ("alloy", "loki", "tempo", "grafana"):
        real(service)


@pytest.fixture(scope="module")
def since() -> float:
    """From when on exemplars are asked for, in seconds since the epoch."""
    return time.time() - 60


@pytest.fixture(scope="module")
def trace_id(website: Website, since: float) -> str:
    """The trace of a request that was made after ``since``."""
    answer = website.ask("GET", "/test-telemetry")
    assert answer.status == 200
    told: str = answer.json["trace_id"]
    return told


@pytest.fixture(scope="module")
def sources() -> dict[str, dict[str, Any]]:
    """The options of each data source of Grafana, by uid."""
    grafana = Grafana()
    found = [source["uid"] for source in grafana.get("/api/datasources")]
    return {uid: grafana.get(f"/api/datasources/uid/{uid}")["jsonData"] for uid in found}


def _spans(uid: str, trace_id: str) -> list[dict[str, Any]]:
    """Return a trace's spans, asked of a data source through Grafana; none while it is not found."""
    path = f"/api/datasources/proxy/uid/{uid}/api/v2/traces/{trace_id}"
    status, content = Grafana().ask("GET", path)
    assert status in (200, 404), content
    batches = content["trace"].get("resourceSpans", ()) if status == 200 else ()
    return [span for batch in batches for scope in batch["scopeSpans"] for span in scope["spans"]]


def _lines(uid: str, query: str) -> list[str]:
    """Return the lines of the last hour that match, asked of a data source through Grafana."""
    told = urllib.parse.urlencode({"query": query, "start": time.time_ns() - 3600 * 10**9})
    content = Grafana().get(f"/api/datasources/proxy/uid/{uid}/loki/api/v1/query_range?{told}")
    return [line for stream in content["data"]["result"] for _, line in stream["values"]]


def _nanoseconds(minutes: str) -> int:
    """Return a shift such as ``-5m``."""
    return int(minutes.removesuffix("m")) * 60 * 10**9


def test_one_trace_id_is_in_every_store(
    trace_id: str, since: float, prometheus: Prometheus, eventually: Callable[..., Any]
) -> None:
    """nginx's log and the application's in Loki, Tempo, and an exemplar.

    Mutants: Alloy's exporter to Tempo left out; nginx not passing the traceparent on; the storage of
    exemplars off.
    """
    loki, tempo = Store("loki"), Store("tempo")
    for job in ("http", "app"):
        eventually(lambda job=job: lines.texts(loki, f'{{job="{job}"}} | trace_id="{trace_id}"'))
    eventually(lambda: tempo.ask(f"/api/v2/traces/{trace_id}")[0], lambda status: status == 200)
    eventually(lambda: prometheus.exemplars(BUCKET, since), lambda found: trace_id in found)


def test_a_trace_has_the_spans_of_the_request(trace_id: str, eventually: Callable[..., Any]) -> None:
    """nginx's span is the parent of the application's, which asks itself.

    Mutants: spans of the database not made; the traceparent not taken over.
    """
    spans = eventually(lambda: _spans("tempo", trace_id), lambda found: len(found) >= 5)
    names = {span["name"]: span for span in spans}
    assert {"GET /test-telemetry", "GET /api/tasks"} <= set(names)
    (line,) = eventually(lambda: _lines("loki", f'{{job="http"}} | trace_id="{trace_id}"'))
    parent = base64.b64decode(names["GET /test-telemetry"]["parentSpanId"]).hex()
    assert (json.loads(line)["path"], json.loads(line)["span_id"]) == ("/test-telemetry", parent)


def test_an_exemplar_leads_to_its_trace(
    trace_id: str, since: float, sources: dict[str, dict[str, Any]], eventually: Callable[..., Any]
) -> None:
    """Mutants: another name of the label; the uid of a source that is not there."""
    (link,) = sources["prometheus"]["exemplarTraceIdDestinations"]
    told = urllib.parse.urlencode({"query": BUCKET, "start": since, "end": time.time() + 300})
    path = f"/api/datasources/proxy/uid/prometheus/api/v1/query_exemplars?{told}"

    def found() -> set[str]:
        series = Grafana().get(path)["data"]
        return {each["labels"][link["name"]] for one in series for each in one["exemplars"]}

    eventually(found, lambda ids: trace_id in ids)
    assert eventually(lambda: _spans(link["datasourceUid"], trace_id))


@pytest.mark.parametrize("job", ["http", "app"])
def test_a_line_leads_to_its_trace(
    trace_id: str, sources: dict[str, dict[str, Any]], eventually: Callable[..., Any], job: str
) -> None:
    """Mutants: an expression that does not fit the line; a dollar that Grafana took for its own."""
    (field,) = sources["loki"]["derivedFields"]
    line, *_ = eventually(lambda: _lines("loki", f'{{job="{job}"}} | trace_id="{trace_id}"'))
    found = re.search(field["matcherRegex"], line)
    assert found, line
    assert field["url"].replace("${__value.raw}", found.group(1)) == trace_id
    assert eventually(lambda: _spans(field["datasourceUid"], trace_id))


def test_a_trace_leads_to_its_lines(
    trace_id: str, sources: dict[str, dict[str, Any]], eventually: Callable[..., Any]
) -> None:
    """Those of nginx and of the application, within the time that Grafana asks for.

    Mutants: a label in the query that nothing has; the query's variable spelled otherwise.
    """
    link = sources["tempo"]["tracesToLogsV2"]
    assert "${__trace.traceId}" in link["query"]
    query = link["query"].replace("${__trace.traceId}", trace_id)
    spans = eventually(lambda: _spans("tempo", trace_id))
    start = min(int(span["startTimeUnixNano"]) for span in spans)
    end = max(int(span["endTimeUnixNano"]) for span in spans)
    before, after = (_nanoseconds(link[f"span{side}TimeShift"]) for side in ("Start", "End"))
    told = urllib.parse.urlencode({"query": query, "start": start + before, "end": end + after})
    path = f"/api/datasources/proxy/uid/{link['datasourceUid']}/loki/api/v1/query_range?{told}"

    def jobs() -> set[str]:
        return {stream["stream"]["job"] for stream in Grafana().get(path)["data"]["result"]}

    eventually(jobs, lambda found: found == {"http", "app"})


def test_the_service_graph_has_the_application(
    sources: dict[str, dict[str, Any]], eventually: Callable[..., Any]
) -> None:
    """Mutants: the processor service-graphs off; the graph asked of Loki."""
    uid = sources["tempo"]["serviceMap"]["datasourceUid"]
    query = urllib.parse.urlencode({"query": 'traces_service_graph_request_total{client="app"}'})
    path = f"/api/datasources/proxy/uid/{uid}/api/v1/query?{query}"
    eventually(lambda: Grafana().get(path)["data"]["result"], seconds=120)
