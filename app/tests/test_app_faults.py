"""Faults on purpose: off unless asked for, bounded, and for the host itself only."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

PATHS = ("/faults/error", "/faults/latency?milliseconds=1", "/faults/logs?lines=1")


@pytest.fixture
def on(variables: dict[str, str]) -> None:
    variables["APP_FAULTS"] = "on"


@pytest.mark.parametrize("path", PATHS)
def test_they_are_off_by_default(client: FlaskClient, path: str) -> None:
    """Mutant: the blueprint registered whatever the settings say."""
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"headers": {"X-Forwarded-For": "127.0.0.1"}},
        {"environ_base": {"REMOTE_ADDR": "10.0.0.7"}},
        {"environ_base": {"REMOTE_ADDR": ""}},
    ],
    ids=["by a proxy", "from another host", "from a socket"],
)
def test_they_are_for_the_host_itself(
    on: None, client: FlaskClient, path: str, elsewhere: dict[str, dict[str, str]]
) -> None:
    """Mutants: either half of the condition in `refuse_others` left out."""
    assert client.get(path).status_code != 404
    assert client.get(path, **elsewhere).status_code == 404


def test_an_error_is_counted_and_logged(on: None, client: FlaskClient, variables: dict[str, str]) -> None:
    """Mutant: `NotFound` raised."""
    answer = client.get("/faults/error")
    assert (answer.status_code, answer.json["detail"]) == (500, "a fault on purpose")
    assert (
        'http_errors_total{method="GET",route="/faults/error",status="500"} 1.0'
        in client.get("/metrics").text
    )
    line = json.loads(Path(variables["APP_LOG_FILE"]).read_text().splitlines()[-1])
    assert (line["level"], line["status"]) == ("error", 500)


def test_latency_is_what_was_asked_for(
    on: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutant: milliseconds taken for seconds."""
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    assert client.get("/faults/latency?milliseconds=1500").json == {"milliseconds": 1500}
    assert slept == [1.5]


def test_log_lines_are_as_many_as_asked_for(on: None, client: FlaskClient, variables: dict[str, str]) -> None:
    """Mutants: one line less; no number in them."""
    assert client.get("/faults/logs?lines=7").json == {"lines": 7}
    lines = [json.loads(line) for line in Path(variables["APP_LOG_FILE"]).read_text().splitlines()]
    noise = [line for line in lines if line["message"] == "noise on purpose"]
    assert [line["number"] for line in noise] == list(range(1, 8))
    assert {line["level"] for line in noise} == {"warning"}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/faults/latency?milliseconds=5001", "milliseconds"),
        ("/faults/latency?milliseconds=-1", "milliseconds"),
        ("/faults/logs?lines=1001", "lines"),
        ("/faults/logs?lines=0", "lines"),
        ("/faults/logs?lines=many", "lines"),
    ],
)
def test_bounds_are_kept(on: None, client: FlaskClient, path: str, field: str) -> None:
    """Mutant: a limit left out."""
    answer = client.get(path)
    assert answer.status_code == 400
    assert list(answer.json["errors"]) == [field]
