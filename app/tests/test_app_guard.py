"""What is silent holds the first who ask and nobody after them; when it answers again, all goes on."""

import contextlib
import json
import urllib.error
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest
from gunicorn_server import Server
from saltwatch_app import guard
from saltwatch_app.guard import Guard
from saltwatch_app.health import Check, Dependency, Health
from sinks import Cloud, Relay

ITEM = f"/get-data/{'0' * 32}"


def status(server: Server, path: str) -> int:
    """Return an answer's status; that it comes within 30 seconds is part of every test."""
    try:
        server.get(path)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def ask(server: Server, *paths: str, times: int, at_once: int = 16) -> dict[str, set[int]]:
    """Ask for each path so many times, several at once and all mixed; return the statuses."""
    with ThreadPoolExecutor(at_once) as pool:
        asked = [(path, pool.submit(status, server, path)) for _ in range(times) for path in paths]
    return {path: {each.result() for which, each in asked if which == path} for path in paths}


@pytest.fixture
def relay() -> Iterator[Callable[..., Relay]]:
    with contextlib.ExitStack() as relays:

        def make(port: int, frozen: bool = False) -> Relay:
            relay = Relay(port, frozen)
            relays.callback(relay.stop)
            return relay

        yield make


@pytest.fixture
def without_database(tmp_path: Path, relay: Callable[..., Relay]) -> Iterator[tuple[Server, Relay]]:
    """An application of four threads, whose database takes connections and says nothing."""
    database = relay(1, frozen=True)
    url = f"mysql+pymysql://app:swordfish@{database.address}/app"
    server = Server(tmp_path, APP_DATABASE_URL=url, APP_DATABASE_TIMEOUT="2", APP_WORKERS="1")
    server.start("/health")
    yield server, database
    server.stop()


def test_silent_database_leaves_threads_for_what_does_not_need_it(
    without_database: tuple[Server, Relay],
) -> None:
    """Mutants: either listener of the engine's events left out; a question asked for every refusal."""
    server, database = without_database
    found = ask(server, "/api/tasks", "/health", "/", times=100)
    assert found == {"/api/tasks": {503}, "/health": {200}, "/": {200}}
    # Those of the first moment, one of a check, and then one after the other, each for two seconds.
    assert database.taken < 30
    assert json.loads(server.get("/health"))["status"] == "ok"
    assert "swordfish" not in (server.directory / "app.json").read_text()


def test_silent_aws_leaves_threads_for_what_does_not_need_it_and_comes_back(
    serve: Callable[..., Server], cloud: Cloud, relay: Callable[..., Relay]
) -> None:
    """Mutants: `refusal` not asked for, or never asking anew; a guard without a question of its own."""
    network = relay(cloud.port)
    endpoint = {"AWS_ENDPOINT_URL": f"http://{network.address}"}
    server = serve(APP_WORKERS="1", **(cloud.environ | endpoint), **cloud.variables)
    assert json.loads(server.get("/workflow"))["status"] == "complete"
    network.freeze()
    before = network.taken
    found = ask(server, ITEM, "/receive-messages", "/api/tasks", "/health", times=50)
    assert found == {ITEM: {503}, "/receive-messages": {503}, "/api/tasks": {200}, "/health": {200}}
    assert network.taken - before < 40
    ready = json.loads(server.get("/health/ready"))
    assert ready["status"] == "degraded"
    assert [name for name, check in ready["checks"].items() if not check["ok"]] == ["queue", "table"]
    assert "Data cannot be saved or read until it answers." in server.get("/")
    for service, operation in (("dynamodb", "GetItem"), ("sqs", "ReceiveMessage")):
        series = f'{{operation="{operation}",outcome="not_tried",service="{service}"}}'
        assert server.sample(f"aws_requests_total{series}") > 0

    network.thaw()
    server.wait(lambda: status(server, ITEM) == 404)
    server.wait(lambda: json.loads(server.get("/health/ready"))["status"] == "ready")
    assert json.loads(server.get("/workflow"))["status"] == "complete"


def test_silent_collector_holds_one_who_finds_out(serve: Callable[..., Server], silent: str) -> None:
    """All at once, and a thread is always left.

    Mutant: everybody finds out, 1.5 s each, for which there are not threads enough in 30 s.
    """
    server = serve(APP_OTLP_ENDPOINT=f"http://{silent}", APP_WORKERS="1", APP_THREADS="2")
    found = ask(server, "/health/ready", "/health", times=64, at_once=128)
    assert found == {"/health/ready": {200}, "/health": {200}}
    assert json.loads(server.get("/health/ready"))["status"] == "degraded"


def test_whoever_comes_after_the_return_is_let_through(moment: None) -> None:
    """Mutants: the reason kept after an answer; the verdict of the question before given."""
    answers = [False, True]
    stood = Guard(lambda: answers.pop(0))
    assert stood.refusal() is None
    assert len(answers) == 2  # nothing is asked while all is well
    stood.silent("no answer in time")
    assert stood.refusal() == "no answer in time"
    assert stood.refusal() is None
    assert stood.refusal() is None
    assert answers == []


def test_only_the_question_is_let_through_while_it_is_outstanding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: a question for each who comes; one that is refused itself; waiting as long as it takes."""
    monkeypatch.setattr(guard, "MOMENT", 0.01)
    release, asked = Event(), []

    def answers() -> bool:
        asked.append(stood.refusal())
        return release.wait(30)

    stood = Guard(answers)
    stood.silent("silent")
    assert [stood.refusal() for _ in range(20)] == ["silent"] * 20
    assert asked == [None]
    release.set()
    monkeypatch.setattr(guard, "MOMENT", 20.0)
    assert stood.refusal() is None
    stood._check._pool.shutdown()  # after whatever waits in it
    assert asked == [None]


def test_a_question_that_fails_lets_nobody_through(moment: None) -> None:
    """Mutant: the reason dropped whatever became of the question."""

    def answers() -> bool:
        raise OSError

    stood = Guard(answers)
    stood.silent("silent")
    assert [stood.refusal() for _ in range(3)] == ["silent"] * 3


def test_one_finds_out_and_the_others_hear_what_was_found_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: all wait for what is silent; what was found long ago repeated for ever."""
    quick, release = Event(), Event()
    quick.set()

    def ping() -> None:
        if not quick.is_set():
            release.wait(30)
            raise OSError

    health = Health({"slow": Dependency(Check(ping), vital=True)})
    first = health.results(20)
    assert first["slow"]["ok"]
    quick.clear()
    finder = Thread(target=health.results, args=(30,))
    finder.start()
    try:
        while not health._finding_out.locked():
            pass
        assert health.results(5) is first
        monkeypatch.setattr("saltwatch_app.health.PAGE_AGE", 0.0)
        assert not health.results(0.01)["slow"]["ok"]
    finally:
        release.set()
        finder.join()
