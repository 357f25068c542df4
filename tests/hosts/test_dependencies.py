"""What the application depends on is stopped or silent: it says so, answers all the same, and goes on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import catalogue
import pytest
import remote
from website import Answer, Website

pytestmark = pytest.mark.drift

DATABASE = catalogue.host_of("database")
UNIT = catalogue.unit("database", catalogue.fleet()["services"]["database"])
DATABASE_GONE = "the database does not answer; try again"
APPLICATION_GONE = "the application does not answer; try again"
# What stops the database, and what brings it back: the process gone, or there and silent.
WAYS = {
    "stopped": (["systemctl", "stop", UNIT], ["systemctl", "start", UNIT]),
    "silent": (
        ["systemctl", "kill", "--signal=STOP", UNIT],
        ["systemctl", "kill", "--signal=CONT", UNIT],
    ),
}


@pytest.fixture(params=WAYS)
def database_gone(request: pytest.FixtureRequest, website: Website) -> Iterator[Callable[[], None]]:
    """The database is gone until the function is called, or the test ends."""
    stop, start = WAYS[request.param]
    assert website.ask("GET", "/health/ready").status == 200
    remote.run(DATABASE, *stop)
    try:
        yield lambda: remote.run(DATABASE, *start) and None
    finally:
        remote.run(DATABASE, *start)


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


def test_the_database_is_gone_and_comes_back(
    website: Website, database_gone: Callable[[], None], eventually: Callable[..., Any]
) -> None:
    """Mutants: no time limit of reads from the database, or of waiting for a connection; a pool without
    `pool_pre_ping`, whose dead connections fail after the return; /health asking the database.
    """
    process = _process()
    ready = eventually(lambda: website.ask("GET", "/health/ready"), lambda answer: answer.status == 503)
    check = ready.json["checks"]["database"]
    assert (ready.json["status"], check["ok"]) == ("unready", False)
    assert check["reason"]

    answers = _many(website, "/api/tasks")
    assert {answer.status for answer in answers} == {503}
    # Where each waits for its own time-out, nginx gives those up that wait for a thread.
    assert {answer.json["detail"] for answer in answers} <= {DATABASE_GONE, APPLICATION_GONE}
    assert DATABASE_GONE in {answer.json["detail"] for answer in answers}
    assert {answer.status for answer in _many(website, "/health")} == {200}
    page = eventually(lambda: website.ask("GET", "/"), lambda answer: b'class="failing"' in answer.body)
    assert page.status == 200
    assert b">Tasks cannot be read or changed until it answers.<" in page.body

    database_gone()
    eventually(lambda: website.ask("GET", "/health/ready").status, lambda status: status == 200)
    assert {answer.status for answer in _many(website, "/api/tasks")} == {200}
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
