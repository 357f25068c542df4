"""Ids, log lines and health."""

import json
import logging
from datetime import datetime
from pathlib import Path
from threading import Barrier, Event

import pytest
from flask import Flask
from flask.testing import FlaskClient
from saltwatch_app.factory import create_app
from saltwatch_app.health import Check, Dependency, Health
from saltwatch_app.settings import Settings

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def lines(settings: Settings) -> list[dict[str, object]]:
    assert settings.log_file
    return [json.loads(line) for line in settings.log_file.read_text().splitlines()]


def test_ids_of_the_caller_are_taken_over(client: FlaskClient, settings: Settings) -> None:
    """Mutant: `from_headers` making its own."""
    answer = client.get("/", headers={"X-Request-ID": "abc.1", "traceparent": PARENT})
    assert answer.headers["X-Request-ID"] == "abc.1"
    version, trace_id, span_id, flags = answer.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "00")
    assert span_id != "00f067aa0ba902b7"
    line = lines(settings)[-1]
    assert (line["request_id"], line["trace_id"], line["span_id"]) == ("abc.1", trace_id, span_id)


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, 'a"', "é"])
@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        "ff" + PARENT[2:],
        PARENT + "-more",
        PARENT + "0",
        PARENT.upper(),
        PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        PARENT.replace("00f067aa0ba902b7", "0" * 16),
    ],
)
def test_malformed_ids_are_replaced(client: FlaskClient, request_id: str, parent: str) -> None:
    """Mutant: `match` in place of `fullmatch`."""
    answer = client.get("/health", headers={"X-Request-ID": request_id, "traceparent": parent})
    assert len(answer.headers["X-Request-ID"]) == 32
    assert answer.headers["traceparent"].split("-")[1] not in ("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32)


def test_later_version_of_traceparent_is_understood(client: FlaskClient) -> None:
    """Mutant: anything but version 00 refused."""
    answer = client.get("/health", headers={"traceparent": "cc" + PARENT[2:] + "-what-the-future-brings"})
    assert answer.headers["traceparent"].startswith(PARENT[:36])


def test_log_line_has_the_agreed_shape(client: FlaskClient, settings: Settings) -> None:
    """Mutant: a key of `JsonFormatter.format` renamed."""
    client.get("/api/tasks/7?secret=1")
    line = lines(settings)[-1]
    assert list(line) == [
        *("ts", "level", "logger", "message", "service", "env", "host", "request_id", "trace_id", "span_id"),
        *("method", "path", "route", "status", "duration_seconds"),
    ]
    assert line["ts"].endswith("Z")
    assert datetime.fromisoformat(line["ts"]).tzinfo
    assert (line["service"], line["env"], line["host"], line["level"]) == ("app", "test", "app-7", "info")
    assert (line["path"], line["route"], line["status"]) == ("/api/tasks/7", "/api/tasks/<task_id>", 404)


def test_one_event_is_one_line(client: FlaskClient, settings: Settings) -> None:
    """Mutant: `ensure_ascii=False`, with which U+2028 and U+0085 would end a line for some readers."""
    before = len(lines(settings))
    client.get('/x%0A{"level":"forged"}%E2%80%A8%C2%85')
    assert len(lines(settings)) == before + 1
    assert lines(settings)[-1]["path"] == '/x\n{"level":"forged"}\u2028\x85'


def test_failure_is_logged_with_its_trace_and_told_without_it(app: Flask, settings: Settings) -> None:
    """Mutant: `str(original_exception)` in the answer."""

    def fail() -> str:
        raise RuntimeError("the password is swordfish")

    app.add_url_rule("/fail", view_func=fail)
    answer = app.test_client().get("/fail")
    assert answer.status_code == 500
    assert "swordfish" not in answer.text
    assert answer.headers["X-Request-ID"] == answer.json["request_id"]
    told = [line for line in lines(settings) if "swordfish" in str(line.get("exception"))]
    assert [line["request_id"] for line in told] == [answer.json["request_id"]]
    assert lines(settings)[-1]["level"] == "error"


def test_what_opentelemetry_repeats_is_told_once(app: Flask, settings: Settings) -> None:
    """Mutants: the filter left out; one that swallows the application's own lines."""
    for name in ("opentelemetry.exporter.otlp", "saltwatch_app.tasks"):
        for number in range(3):
            logging.getLogger(name).warning("batch %s lost", number)
    told = [line["logger"] for line in lines(settings) if "lost" in str(line["message"])]
    assert told == ["opentelemetry.exporter.otlp"] + ["saltwatch_app.tasks"] * 3


def test_rotated_file_is_opened_anew(client: FlaskClient, settings: Settings, tmp_path: Path) -> None:
    """Mutant: `FileHandler` in place of `WatchedFileHandler`."""
    assert settings.log_file
    settings.log_file.rename(tmp_path / "app.json.1")
    client.get("/")
    assert [line["path"] for line in lines(settings)] == ["/"]


def test_long_line_is_one_write(settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: a buffered file, which writes in pieces that other workers' lines come between."""
    handler = logging.getLogger().handlers[0]
    writes = []
    raw = handler.stream.buffer
    monkeypatch.setattr(handler, "reopenIfNeeded", lambda: None)

    class Counting(type(raw)):  # type: ignore[misc]
        def write(self, data: bytes) -> int:
            writes.append(len(data))
            return super().write(data)

    handler.setStream(type(handler.stream)(Counting(str(settings.log_file), "ab"), write_through=True))
    logging.getLogger("test").error("x" * 100_000)
    assert len(writes) == 1


def test_alive_without_a_database_but_not_ready(settings: Settings, app: Flask, tmp_path: Path) -> None:
    """Mutant: `/health` asking the database, or `/health/ready` not."""
    client = app.test_client()
    assert client.get("/health/ready").json["checks"]["database"]["ok"]
    app.extensions["database"].engine.dispose()
    (tmp_path / "tasks.db").unlink()
    assert client.get("/health").json == {"status": "ok"}
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"]["reason"] == "OperationalError"
    answer = client.get("/api/tasks")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "\ntasks_total " not in client.get("/metrics").text


def test_page_says_that_the_database_is_gone(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants: the page asking the database for tasks; what was found before shown for good."""
    monkeypatch.setattr("saltwatch_app.page.PAGE_AGE", 0.0)
    client = app.test_client()
    (tmp_path / "tasks.db").rename(tmp_path / "away.db")
    app.extensions["database"].engine.dispose()
    gone = client.get("/")
    assert gone.status_code == 200
    assert ">Tasks cannot be read or changed until it answers.<" in gone.text
    (tmp_path / "away.db").rename(tmp_path / "tasks.db")
    app.extensions["database"].engine.dispose()
    assert "Tasks can be read and changed." in client.get("/").text
    assert client.get("/health/ready").status_code == client.get("/api/tasks").status_code == 200


def test_database_that_never_answers_holds_nobody(variables: dict[str, str], silent: str) -> None:
    """Mutants: an engine without `read_timeout`; rows counted by the scrape's own thread."""
    silence = {"APP_DATABASE_URL": f"mysql+pymysql://app:swordfish@{silent}/app", "APP_DATABASE_TIMEOUT": "3"}
    client = create_app(Settings.from_environ(variables | silence)).test_client()
    assert client.get("/health").status_code == 200
    ready = client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json["checks"]["database"]["reason"] == "no answer within 2 seconds"
    metrics = client.get("/metrics").text
    assert 'http_requests_total{method="GET",route="/health/ready",status="503"} 1.0' in metrics
    assert "\ntasks_total " not in metrics
    told = [
        line for line in lines(Settings.from_environ(variables)) if line["message"] == "tasks not counted"
    ]
    assert [line["reason"] for line in told] == ["TimeoutError()"]
    answer = client.get("/api/tasks")
    assert answer.status_code == 503
    assert "swordfish" not in answer.text


def test_check_gives_up_and_does_not_pile_up() -> None:
    """Mutant: a new question for each call."""
    release, asked = Event(), []

    def ping() -> None:
        asked.append(1)
        release.wait(30)

    health = Health({"slow": Dependency(Check(ping), vital=True)})
    results = [health.results(0.01)["slow"] for _ in range(5)]
    release.set()
    assert not any(result["ok"] for result in results)
    assert "0.01 seconds" in str(results[0]["reason"])
    assert health.results(30)["slow"]["ok"]
    assert len(asked) <= 2  # the one that hung, and one after it


def test_dependencies_are_asked_side_by_side() -> None:
    """Mutant: each check awaited before the next is asked."""
    both = Barrier(2)

    def ping() -> None:
        both.wait(10)

    health = Health({name: Dependency(Check(ping), vital=False) for name in ("a", "b")})
    assert all(result["ok"] for result in health.results(20).values())


@pytest.mark.parametrize(
    ("broken", "status"), [((), "ready"), (("queue",), "degraded"), (("database", "queue"), "unready")]
)
def test_only_what_all_requests_need_makes_it_unready(broken: tuple[str, ...], status: str) -> None:
    """Mutant: `any` in `Health.status` replaced by `all`, or `vital` ignored."""

    def fail() -> None:
        raise OSError

    pings = {name: fail if name in broken else lambda: None for name in ("database", "queue")}
    health = Health({name: Dependency(Check(ping), name == "database") for name, ping in pings.items()})
    assert health.status(health.results(10)) == status
