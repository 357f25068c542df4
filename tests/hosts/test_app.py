"""The application through nginx, from outside the VPC."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import catalogue
import pytest
import remote
from prometheus import Prometheus
from website import Website

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def _sql(statement: str) -> str:
    """Return what the database says, asked on its own host as its root."""
    return remote.run(
        catalogue.host_of("database"), "mariadb", "--default-character-set=utf8mb4", "-NBe", statement
    ).strip()


@pytest.fixture(scope="module")
def table() -> str:
    """The table of tasks, with its database."""
    where = "SELECT CONCAT(table_schema, '.tasks') FROM information_schema.tables WHERE table_name = 'tasks'"
    found = _sql(where)
    assert found, "the database has no table of tasks: the application keeps them elsewhere"
    return found


@pytest.fixture
def task(website: Website) -> Iterator[str]:
    """The path of a task."""
    path = website.ask("POST", "/api/tasks", {"title": "salt the roads"}).headers["Location"]
    yield path
    website.ask("DELETE", path)


def _lines(path: str, needle: str) -> list[dict[str, Any]]:
    """Return the JSON lines of a log that contain a text."""
    output = remote.run(catalogue.host_of("app"), "grep", "-F", "--", needle, path, check=False)
    return [json.loads(line) for line in output.splitlines()]


def _metric(series: str) -> float:
    """Return the value of a series as the application itself tells it now."""
    port = catalogue.fleet()["services"]["app"]["port"]
    told = remote.run(catalogue.host_of("app"), "curl", "--silent", f"http://localhost:{port}/metrics")
    (value,) = [line.removeprefix(series) for line in told.splitlines() if line.startswith(series)]
    return float(value)


def test_task_is_created_completed_and_deleted(website: Website, table: str) -> None:
    """Mutants: APP_DATABASE_URL_FILE left out (rows go to SQLite); nginx passing GET only."""
    created = website.ask("POST", "/api/tasks", {"title": "sälz 塩", "description": "two\nlines"})
    assert created.status == 201
    path, number = created.headers["Location"], created.json["id"]
    assert _sql(f"SELECT title, completed_at IS NULL FROM {table} WHERE id = {number}") == "sälz 塩\t1"

    assert website.ask("POST", f"{path}/complete").json["completed"]
    assert _sql(f"SELECT completed_at IS NOT NULL FROM {table} WHERE id = {number}") == "1"
    assert website.ask("PATCH", path, {"title": "sand"}).json["title"] == "sand"
    assert website.ask("GET", path).json["title"] == "sand"
    listed = website.ask("GET", "/api/tasks?status=completed&limit=100").json["tasks"]
    assert number in [each["id"] for each in listed]

    assert website.ask("DELETE", path).status == 204
    assert website.ask("GET", path).status == 404
    assert _sql(f"SELECT COUNT(*) FROM {table} WHERE id = {number}") == "0"


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "title"), ({"title": ""}, "title"), ({"title": "x" * 201}, "title"), ([], "body")],
)
def test_bad_input_is_400_with_the_reason(website: Website, body: object, field: str) -> None:
    """Mutant: `proxy_intercept_errors on`, which replaces the reason with nginx's page."""
    answer = website.ask("POST", "/api/tasks", body)
    assert answer.status == 400
    assert list(answer.json["errors"]) == [field]
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


def test_hostile_input_is_refused(website: Website) -> None:
    """Mutant: no limit on a body's size."""
    assert website.ask("POST", "/api/tasks", b'{"title": "\xff"}').status == 400
    assert website.ask("POST", "/api/tasks", b"x" * 2_000_000).status == 413
    assert b" 400 " in website.raw(b"\x16\x03\x01 not HTTP\r\n\r\n").split(b"\r\n")[0]
    assert website.ask("GET", "/api/tasks/1%00").status == 400


def test_page_and_what_it_loads(website: Website) -> None:
    """Mutant: a static file not in the wheel."""
    page = website.ask("GET", "/")
    assert page.status == 200
    links = re.findall(r'(?:src|href)="(/[^"]+)"', page.body.decode())
    assert links
    assert {website.ask("GET", link).status for link in links} == {200}
    # The exact version would say which holes to try.
    assert not re.search(r"\d", page.headers["Server"])


@pytest.mark.region
def test_visitors_reach_it_from_elsewhere(website: Website) -> None:
    """Mutant: the rule for port 80 limited to the administrators."""
    program = (
        f"import urllib.request as u; print(u.urlopen('http://{website.address}/health').read().decode())"
    )
    done = subprocess.run(
        remote.in_namespace("world", ["python3", "-c", program]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["status"] == "ok"


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/./metrics", "/static/../metrics", "/metrics?x=1"],
)
def test_metrics_are_not_served_to_the_outside(website: Website, path: str) -> None:
    """Mutant: `location /metrics` without its `=`, or left out."""
    answer = website.ask("GET", path)
    assert answer.status == 404
    assert b"http_requests" not in answer.body


def test_ids_are_the_same_in_the_answer_and_both_logs(
    website: Website, eventually: Callable[..., Any]
) -> None:
    """Mutant: nginx not passing X-Request-ID, or not logging the traceparent."""
    sent = {"X-Request-ID": "from-outside-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = website.ask("GET", "/api/tasks?limit=1", headers=sent)
    request_id = answer.headers["X-Request-ID"]
    trace_id = answer.headers["traceparent"].split("-")[1]
    assert trace_id == TRACE
    services = catalogue.fleet()["services"]
    for path in (services["http"]["logs"]["file"], services["app"]["logs"]["file"]):
        lines = eventually(lambda path=path: _lines(path, request_id))
        assert {(line["request_id"], line["trace_id"]) for line in lines} == {(request_id, trace_id)}


def test_log_lines_have_the_agreed_shape(website: Website, eventually: Callable[..., Any]) -> None:
    """Mutant: APP_ENV left out of the unit's settings."""
    request_id = website.ask("GET", "/api/tasks?limit=2").headers["X-Request-ID"]
    path = catalogue.fleet()["services"]["app"]["logs"]["file"]
    line = eventually(lambda: _lines(path, request_id))[-1]
    assert list(line)[:10] == [
        *("ts", "level", "logger", "message", "service", "env", "host", "request_id", "trace_id", "span_id")
    ]
    expected = ("app", catalogue.fleet()["env"], catalogue.host_of("app"))
    assert (line["service"], line["env"], line["host"]) == expected


def test_requests_are_counted_exactly(
    website: Website, prometheus: Prometheus, eventually: Callable[..., Any], task: str
) -> None:
    """Over several workers, of which a scrape reaches one.

    Mutant: APP_METRICS_DIR's slots replaced by metrics of each worker's own.
    """
    labels = 'method="PATCH",route="/api/tasks/<task_id>",status="200"'
    website.ask("PATCH", task, {"title": "counted from"})
    before = _metric(f"http_requests_total{{{labels}}}")
    for number in range(40):
        assert website.ask("PATCH", task, {"title": f"{number}"}).status == 200
    assert _metric(f"http_requests_total{{{labels}}}") == before + 40
    scraped = f'http_requests_total{{job="app",{labels}}}'
    eventually(lambda: prometheus.value(scraped), lambda value: value == before + 40)


def test_tasks_total_is_the_rows_of_the_database(
    prometheus: Prometheus, eventually: Callable[..., Any], table: str, task: str
) -> None:
    """Mutant: a counter of tasks created since the worker started."""
    rows = float(_sql(f"SELECT COUNT(*) FROM {table}"))
    assert rows >= 1
    eventually(lambda: prometheus.value('tasks_total{job="app"}'), lambda value: value == rows)
