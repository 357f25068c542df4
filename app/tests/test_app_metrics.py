"""The metrics: what is counted, and that no worker's counts are lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn_server import SOURCE, Server


def series(client: FlaskClient) -> dict[str, float]:
    text = client.get("/metrics").text
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_requests_are_counted_by_method_template_and_status(client: FlaskClient) -> None:
    """Mutant: `request.path` as the route, which would make a series for each id."""
    for path in ("/api/tasks/1", "/api/tasks/2", "/nothing", "/api/tasks/3"):
        client.get(path)
    client.open("/health", method="BREW")
    seen = series(client)
    assert seen['http_requests_total{method="GET",route="/api/tasks/<task_id>",status="404"}'] == 3
    assert seen['http_requests_total{method="GET",route="unmatched",status="404"}'] == 1
    assert seen['http_requests_total{method="other",route="unmatched",status="405"}'] == 1
    assert seen['http_request_duration_seconds_count{method="GET",route="/api/tasks/<task_id>"}'] == 3
    assert not [name for name in seen if name.startswith("http_errors_total{")]


def test_server_errors_are_counted_as_errors(app: Flask) -> None:
    """Mutant: `status >= 400`, with which visitors' typing errors would page somebody."""

    def fail() -> str:
        raise RuntimeError

    app.add_url_rule("/fail", view_func=fail)
    client = app.test_client()
    client.get("/fail")
    seen = series(client)
    labels = '{method="GET",route="/fail",status="500"}'
    assert (seen[f"http_errors_total{labels}"], seen[f"http_requests_total{labels}"]) == (1, 1)


def test_tasks_total_is_the_rows_of_the_database(client: FlaskClient) -> None:
    """Mutant: a counter of created tasks."""
    for _ in range(3):
        path = client.post("/api/tasks", json={"title": "x"}).headers["Location"]
    client.delete(path)
    assert series(client)["tasks_total"] == 2


def ask(server: Server, requests: int, tolerate: int = 0) -> int:
    """Ask with four clients at once; return how many were answered."""

    def one(_: int) -> int:
        try:
            server.get("/api/tasks?status=open")
        except (urllib.error.URLError, ConnectionError):
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        answered = sum(pool.map(one, range(requests)))
    assert answered >= requests - tolerate
    return answered


COUNT = 'http_requests_total{method="GET",route="/api/tasks",status="200"}'


@pytest.mark.parametrize("workers", ["1", "3"])
def test_counts_are_exact_while_workers_are_replaced(serve: Callable[..., Server], workers: str) -> None:
    """Mutants: the slot from `os.getpid` (files pile up); `join_slot` emptying the files."""
    server = serve(APP_WORKERS=workers, APP_MAX_REQUESTS="40")
    answered = ask(server, 1_000)
    assert server.sample(COUNT) == answered
    buckets = 'http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/api/tasks"}'
    assert server.sample(buckets) == answered
    log = (server.directory / "app.json").read_text()
    replaced = sum(json.loads(line)["message"].startswith("Booting worker") for line in log.splitlines())
    assert replaced > 10
    # A replaced worker may still be ending when its successor starts.
    assert len(list(server.metrics.glob("*.db"))) <= 2 * 2 * int(workers)


def test_counts_survive_a_reload_and_a_killed_worker(serve: Callable[..., Server]) -> None:
    """Mutant: `forget` called by each worker."""
    server = serve()
    answered = ask(server, 100)
    os.kill(server.process.pid, signal.SIGHUP)
    answered += ask(server, 100)
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    answered += ask(server, 100, tolerate=4)
    assert server.sample(COUNT) == answered


def test_counts_start_from_zero_with_a_new_gunicorn(serve: Callable[..., Server]) -> None:
    """Mutant: `on_starting` without `forget`."""
    server = serve()
    ask(server, 10)
    server.stop()
    server.start()
    assert server.sample(COUNT) == 0


def test_second_gunicorn_beside_the_first_goes_on_counting(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Mutant: `forget` without looking at the locks."""
    server = serve()
    answered = ask(server, 10)
    forget = (
        "import pathlib, sys; from saltwatch_app import metrics; metrics.forget(pathlib.Path(sys.argv[1]))"
    )
    environ = {"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", forget, str(server.metrics)], env=environ, check=True)
    assert server.sample(COUNT) == answered


def test_stopping_answers_what_is_in_hand(serve: Callable[..., Server]) -> None:
    """Mutant: SIGKILL in place of the unit's SIGTERM."""
    server = serve()
    address = server.url.removeprefix("http://").split(":")
    body = b'{"title": "late"}'
    head = "POST /api/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((address[0], int(address[1])), 10) as connection:
        connection.sendall(head.encode() + body[:5])
        server.wait(lambda: server.get("/health"))  # by now a worker has taken the first connection
        server.process.terminate()
        connection.sendall(body[5:])
        assert b"201" in connection.recv(1024).split(b"\r\n")[0]
