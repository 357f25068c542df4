"""The metrics: what is counted, and that no worker's counts are lost."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import urllib.error
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
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


def test_business_is_counted_once(client: FlaskClient) -> None:
    """Mutants: a completed task counted again; a failed creation counted."""
    path = client.post("/api/tasks", json={"title": "x"}).headers["Location"]
    client.post("/api/tasks", json={"title": ""})
    client.post(f"{path}/complete")
    client.post(f"{path}/complete")
    client.patch(path, json={"completed": True})
    client.patch(path, json={"completed": False})
    client.patch(path, json={"completed": True})
    client.delete(path)
    client.delete(path)
    seen = series(client)
    names = ("tasks_created_total", "tasks_completed_total", "tasks_deleted_total")
    assert [seen[name] for name in names] == [1, 2, 1]


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


def replacements(server: Server) -> int:
    return sum(str(line["message"]).startswith("Booting worker") for line in server.log())


def assert_bounded(server: Server, workers: int) -> None:
    """The files of a slot are three; a replaced worker may still be ending when its successor starts."""
    sizes = [path.stat().st_size for path in server.metrics.iterdir() if path.suffix in (".db", ".bin")]
    assert 3 * workers <= len(sizes) <= 3 * 2 * workers
    assert max(sizes) <= 1 << 20


@pytest.mark.parametrize(("workers", "requests"), [(1, 90), (3, 300)])
def test_counts_are_exact_while_workers_are_replaced(
    serve: Callable[..., Server], workers: int, requests: int
) -> None:
    """Mutants: the slot from `os.getpid` (files pile up); `join_slot` emptying the files."""
    server = serve(APP_WORKERS=str(workers), APP_MAX_REQUESTS="30")
    answered = ask(server, requests)
    assert server.sample(COUNT) == answered
    buckets = 'http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/api/tasks"}'
    assert server.sample(buckets) == answered
    assert replacements(server) > workers
    assert_bounded(server, workers)


@pytest.mark.long
def test_hundred_thousand_requests_are_counted_exactly(serve: Callable[..., Server]) -> None:
    """By route and status, over connections that stay open and workers that do not.

    Mutants: those of `test_counts_are_exact_while_workers_are_replaced`.
    """
    clients, each = 4, 25_000
    server = serve(APP_WORKERS="3", APP_MAX_REQUESTS="1500")
    address = server.url.removeprefix("http://")

    def client(number: int) -> Counter[tuple[str, str, int]]:
        answers: Counter[tuple[str, str, int]] = Counter()
        connection = http.client.HTTPConnection(address, timeout=30)
        turn = 0
        while turn < each:
            method, path, route, body = KINDS[(turn + number) % len(KINDS)]
            try:
                connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
                answer = connection.getresponse()
                answer.read()
            except (http.client.RemoteDisconnected, ConnectionError):
                connection.close()  # the worker went before it took the request
                continue
            answers[method, route, answer.status] += 1
            turn += 1
        connection.close()
        return answers

    with ThreadPoolExecutor(clients) as pool:
        answered = sum(pool.map(client, range(clients)), Counter())
    assert answered.total() == clients * each
    for (method, route, status), count in answered.items():
        labels = f'method="{method}",route="{route}",status="{status}"'
        assert server.sample(f"http_requests_total{{{labels}}}") == count
    assert server.sample("tasks_created_total") == server.sample("tasks_total")
    assert server.sample("tasks_total") == answered["POST", "/api/tasks", 201]
    assert replacements(server) > 40
    assert_bounded(server, 3)


KINDS = (
    *[("GET", "/api/tasks?limit=1", "/api/tasks", None)] * 12,
    *[("GET", "/api/tasks/1000000", "/api/tasks/<task_id>", None)] * 6,
    ("GET", "/nowhere", "unmatched", None),
    ("POST", "/api/tasks", "/api/tasks", b'{"title": "counted"}'),
)


def test_counts_survive_a_reload_and_a_killed_worker(serve: Callable[..., Server]) -> None:
    """Mutant: `open_directory` called by each worker."""
    server = serve()
    answered = ask(server, 100)
    os.kill(server.process.pid, signal.SIGHUP)
    answered += ask(server, 100)
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    answered += ask(server, 100, tolerate=4)
    assert server.sample(COUNT) == answered


def test_counts_start_from_zero_with_a_new_gunicorn(serve: Callable[..., Server]) -> None:
    """Mutant: `open_directory` that removes nothing."""
    server = serve()
    ask(server, 10)
    server.stop()
    server.start()
    assert server.sample(COUNT) == 0


def test_second_gunicorn_beside_the_first_goes_on_counting(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Also while the first has no worker to hold a slot. Mutant: `open_directory` without its lock."""
    server = serve(APP_WORKERS="1")
    answered = ask(server, 10)
    for process in psutil.Process(server.process.pid).children():
        process.kill()
    start = (
        "import pathlib, sys; from saltwatch_app.slots import *; open_directory(pathlib.Path(sys.argv[1]))"
    )
    environ = {"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", start, str(server.metrics)], env=environ, check=True)
    server.wait(lambda: server.get("/health"))
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


def test_process_metrics_are_of_all_workers_and_outlive_them(serve: Callable[..., Server]) -> None:
    """Mutants: the arbiter only; `cpu_of_ended_children` left out (starting takes a worker a second)."""
    server = serve(APP_WORKERS="3")
    server.wait(lambda: server.sample("app_workers") == 3)
    server.wait(lambda: server.sample("process_threads") >= 4)
    arbiter = psutil.Process(server.process.pid)
    everyone = [arbiter, *arbiter.children()]
    resident = sum(process.memory_info().rss for process in everyone)
    assert server.sample("process_resident_memory_bytes") == pytest.approx(resident, rel=0.2)
    assert server.sample("process_open_fds") >= sum(process.num_fds() for process in everyone) / 2
    assert server.sample("process_start_time_seconds") == pytest.approx(arbiter.create_time(), abs=2)
    before = server.sample("process_cpu_seconds_total")
    for count in (2, 1):
        arbiter.send_signal(signal.SIGTTOU)  # gunicorn's: one worker fewer
        server.wait(lambda count=count: server.sample("app_workers") == count)
    assert server.sample("process_cpu_seconds_total") >= before
