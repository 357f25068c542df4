"""What the application depends on is stopped or silent: it says so, answers all the same, and goes on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import catalogue
import pytest
import remote
from website import Answer, Website

from rehearsal.inventory import Host
from rehearsal.region.client import Region

pytestmark = [pytest.mark.drift, pytest.mark.application]

DATABASE = catalogue.host_of("database")
UNIT = catalogue.unit("database", catalogue.fleet()["services"]["database"])
DATABASE_GONE = "the database does not answer; try again"
APPLICATION_GONE = "the application does not answer; try again"
VISITORS = 60  # at once; nginx lets 100 connections of one address in, the application has threads for 8
# What stops the database, and what brings it back: the process gone, there and silent, or cut off from the
# application, whose packets reach it and are never answered.
WAYS = {
    "stopped": (["systemctl", "stop", UNIT], ["systemctl", "start", UNIT]),
    "silent": (
        ["systemctl", "kill", "--signal=STOP", UNIT],
        ["systemctl", "kill", "--signal=CONT", UNIT],
    ),
    "cut off": (["ip", "route", "add", "blackhole"], ["ip", "route", "del", "blackhole"]),
}


@pytest.fixture(params=WAYS)
def database_gone(
    request: pytest.FixtureRequest, website: Website, instances: dict[str, Host]
) -> Iterator[Callable[[], None]]:
    """The database is gone until the function is called, or the test ends."""
    stop, start = WAYS[request.param]
    if stop[0] == "ip":
        address = instances[catalogue.host_of("app")].private_ip
        stop, start = [*stop, address], [*start, address]
    assert website.ask("GET", "/health/ready").status == 200
    remote.run(DATABASE, *stop)
    back = threading.Event()

    def end() -> None:
        if not back.is_set():
            back.set()
            remote.run(DATABASE, *start)

    try:
        yield end
    finally:
        end()


@pytest.fixture(scope="module")
def application_gone() -> Iterator[None]:
    """The application is stopped, and what would start it again."""
    host = catalogue.host_of("app")
    remote.run(host, "systemctl", "stop", "app.socket", "app.service")
    yield
    remote.run(host, "systemctl", "start", "app.socket", "app.service", timeout=120)


def _process() -> str:
    host = catalogue.host_of("app")
    return remote.run(host, "systemctl", "show", "--property=MainPID", "app.service")


def _many(website: Website, path: str) -> list[Answer]:
    """Ask for the same from many at once; one that hangs ends the test by its time-out."""
    with ThreadPoolExecutor(24) as pool:
        return list(pool.map(lambda _: website.ask("GET", path), range(48)))


class Insistence:
    """Visitors who ask for one thing, again and again, whatever the answer is.

    Args:
        website: where.
        method, path, body: what for.
    """

    def __init__(self, website: Website, method: str, path: str, body: object = None) -> None:
        self.answers: list[Answer] = []
        self._question = (method, path, body)
        self._website = website
        self._end = threading.Event()
        self._pool = ThreadPoolExecutor(VISITORS)

    def __enter__(self) -> "Insistence":
        self._visits = [self._pool.submit(self._visit) for _ in range(VISITORS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._pool.shutdown()
        for visit in self._visits:
            visit.result()

    def _visit(self) -> None:
        while True:
            self.answers.append(self._website.ask(*self._question))
            if self._end.wait(1):
                return


def test_the_database_is_gone_and_comes_back(
    website: Website, database_gone: Callable[[], None], eventually: Callable[..., Any]
) -> None:
    """Mutants: no time limit of reads from the database; /health asking the database; no guard, with which
    those who insist hold all threads.
    """
    process = _process()
    with Insistence(website, "GET", "/api/tasks") as insistence:
        ready = eventually(
            lambda: website.ask("GET", "/health/ready"),
            lambda answer: "checks" in answer.json and answer.status == 503,
        )
        check = ready.json["checks"]["database"]
        assert (ready.json["status"], check["ok"]) == ("unready", False)
        assert check["reason"]
        assert {answer.status for answer in _many(website, "/health")} == {200}
        page = eventually(lambda: website.ask("GET", "/"), lambda answer: b'class="failing"' in answer.body)
        assert page.status == 200
        assert b">Tasks cannot be read or changed until it answers.<" in page.body
    assert len(insistence.answers) >= VISITORS
    refused = [answer for answer in insistence.answers if answer.status != 200]
    assert {(answer.status, answer.json["detail"]) for answer in refused} == {(503, DATABASE_GONE)}
    assert {answer.status for answer in _many(website, "/api/tasks")} == {503}

    database_gone()
    # Each worker finds out for itself.
    eventually(
        lambda: {answer.status for answer in _many(website, "/health/ready")}, lambda seen: seen == {200}
    )
    assert {answer.status for answer in _many(website, "/api/tasks")} == {200}
    eventually(lambda: b'class="failing"' not in website.ask("GET", "/").body)
    assert _process() == process


def test_connections_that_the_database_has_closed_are_not_used(website: Website) -> None:
    """As after its restart while nobody asked. Mutant: a pool without `pool_pre_ping`."""
    assert {answer.status for answer in _many(website, "/api/tasks")} == {200}
    # A question that was just asked, by a scrape for one, would fail rightly.
    idle = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist"
    kills = remote.run(DATABASE, "mariadb", "-NBe", f"{idle} WHERE db = 'app' AND command = 'Sleep'")
    assert "KILL" in kills
    remote.run(DATABASE, "mariadb", stdin=kills)
    assert {answer.status for answer in _many(website, "/api/tasks")} == {200}


# What AWS does instead of answering: nothing (for longer than anybody waits), or its own error.
AWS_WAYS = {
    "silent": {"effect": "delay", "seconds": 20},
    "failing": {"effect": "error", "code": "InternalFailure", "status": 500},
}
NEEDS: dict[str, tuple[str, str, str, object, bytes]] = {
    "sqs": (
        *("queue", "POST", "/send-message"),
        {"message": "while it is gone"},
        b">Messages cannot be sent or received until it answers.<",
    ),
    "dynamodb": (
        *("table", "POST", "/save-data"),
        {"data": {}},
        b">Data cannot be saved or read until it answers.<",
    ),
}


@pytest.mark.region
@pytest.mark.parametrize("way", AWS_WAYS)
@pytest.mark.parametrize("service", NEEDS)
def test_aws_is_gone_and_comes_back(
    website: Website, region: Region, eventually: Callable[..., Any], service: str, way: str
) -> None:
    """Mutants: botocore's own bounds of time; no guard, with which those who insist hold all threads; a guard
    that never asks again; the queue and the table not among the checks.
    """
    dependency, method, path, body, told = NEEDS[service]
    process = _process()
    eventually(lambda: website.ask("GET", "/health/ready").json["status"], lambda status: status == "ready")
    region.set_faults({"service": service, "action": "*", "times": None, **AWS_WAYS[way]})
    with Insistence(website, method, path, body) as insistence:
        ready = eventually(
            lambda: website.ask("GET", "/health/ready"), lambda answer: answer.json["status"] == "degraded"
        )
        assert ready.status == 200
        assert [name for name, check in ready.json["checks"].items() if not check["ok"]] == [dependency]
        assert {answer.status for answer in _many(website, "/health")} == {200}
        assert {answer.status for answer in _many(website, "/api/tasks")} == {200}
        page = eventually(lambda: website.ask("GET", "/"), lambda answer: b'class="failing"' in answer.body)
        assert page.status == 200
        assert told in page.body
    refused = [answer for answer in insistence.answers if answer.status != 201]
    assert {answer.status for answer in refused} == {503}
    assert all(f"({service} " in answer.json["detail"] for answer in refused)
    workflow = website.ask("GET", "/workflow")
    assert (workflow.status, workflow.json["outcome"]) == (503, "partial")

    region.set_faults()
    eventually(
        lambda: {answer.json["status"] for answer in _many(website, "/health/ready")},
        lambda seen: seen == {"ready"},
    )
    assert website.ask(method, path, body).status == 201
    eventually(lambda: website.ask("GET", "/workflow").status, lambda status: status == 200)
    eventually(lambda: b'class="failing"' not in website.ask("GET", "/").body)
    assert _process() == process


@pytest.mark.parametrize("path", ["/", "/api/tasks", "/health", "/static/none.css"])
def test_the_application_is_gone(website: Website, application_gone: None, path: str) -> None:
    """Mutant: `error_page` left out of nginx's configuration."""
    answer = website.ask("GET", path)
    assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.json["detail"] == APPLICATION_GONE
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert website.ask("GET", "/static/style.css").status == 200
