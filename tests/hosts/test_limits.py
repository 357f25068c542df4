"""What nginx lets one visitor take of the application: requests, connections and time."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import catalogue
import pytest
import remote
from website import Website

pytestmark = [pytest.mark.drift, pytest.mark.application]
HOST = catalogue.host_of("app")
CONNECTIONS = 3
# A request whose body does not come; until then the connection counts.
UNFINISHED = (
    b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
)


def _apply(settings: dict[str, Any]) -> None:
    pillar = [f"pillar={json.dumps({'nginx': settings})}"] if settings else []
    answer = remote.salt(HOST, "state.apply", "nginx", *pillar)[HOST]
    assert all(each["result"] for each in answer.values()), answer


@pytest.fixture
def limits() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Set other limits; afterwards pillar's."""
    yield _apply
    _apply({})


def test_requests_beyond_the_rate_are_refused(website: Website, limits: Callable[..., None]) -> None:
    """Mutants: `limit_req` left out; without its `nodelay`, as then all are answered, one a second."""
    limits({"request_rate": 1, "request_burst": 8})
    statuses = [website.ask("GET", "/health").status for _ in range(40)]
    assert statuses[0] == 200
    assert set(statuses) == {200, 429}


def answer_beside(website: Website, connections: int) -> bytes:
    """Return the status of a question beside as many connections whose requests are unfinished."""
    question = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ExitStack() as opened:
        for _ in range(connections):
            connection = opened.enter_context(socket.create_connection((website.address, 80), 30))
            connection.sendall(UNFINISHED)
        return website.raw(question).split()[1]


def test_connections_beyond_the_limit_are_refused(
    website: Website, limits: Callable[..., None], eventually: Callable[..., Any]
) -> None:
    """Asked again with new connections: a worker of before the reload, which knows no such limit, may have
    taken the question, or closed a connection before it read the request. Mutant: `limit_conn` left out.
    """
    limits({"connections": CONNECTIONS})
    eventually(lambda: answer_beside(website, CONNECTIONS), lambda status: status == b"429", 20)
    eventually(lambda: answer_beside(website, CONNECTIONS - 1), lambda status: status == b"200", 8)


def test_who_dawdles_is_cut_off(website: Website) -> None:
    """In a header or in a body; within the 30 seconds after which this client gives up.

    Mutants: `client_header_timeout` or `client_body_timeout` left out, which is a minute.
    """
    with ExitStack() as opened:
        dawdling = []
        for start in (b"GET / HTTP/1.1\r\nHost:", UNFINISHED):
            connection = opened.enter_context(socket.create_connection((website.address, 80), 30))
            connection.sendall(start)
            dawdling.append(connection)
        for connection in dawdling:
            try:
                told = connection.recv(4096)
            except ConnectionResetError:
                told = b""
            assert told == b"" or told.split()[1] == b"408"
