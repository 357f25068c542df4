"""Bytes that no honest client sends, to a real gunicorn."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn_server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("hostile"), APP_WORKERS="1") as server:
        yield server


def send(server: Server, request: bytes) -> tuple[int, str]:
    """Send bytes as they are; return the status and the whole answer."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), 30) as connection:
        # A server that has read enough answers and closes: what it has sent is there to be read all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    text = answer.decode("latin-1")
    return int(text.split()[1]), text


def post(body: bytes, *headers: bytes, path: bytes = b"/api/tasks") -> bytes:
    head = [b"POST " + path + b" HTTP/1.1", b"Host: x", b"Content-Type: application/json", *headers]
    if not any(header.startswith((b"Content-Length", b"Transfer-Encoding")) for header in headers):
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"Connection: close", b"", body])


TITLE = b'{"title": "x"}'
JSON = "application/problem+json"


@pytest.mark.parametrize(
    ("request_", "statuses", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}, "Invalid"),
        (b"GET  / HTTP/1.1\r\n\r\n", {400}, "Invalid"),
        (b"GET / HTTP/9.9\r\n\r\n", {400, 505}, "Invalid"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400, 414}, "Request Line"),
        (b"GET / HTTP/1.1\r\nX-Large: " + b"x" * 9000 + b"\r\n\r\n", {400, 431}, "headers"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", {400, 431}, "headers"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", {400}, "Invalid"),
        (post(TITLE, b"Content-Length: -1"), {400}, "Invalid"),
        (post(TITLE, b"Content-Length: 14", b"Content-Length: 3"), {400}, "Invalid"),
        (post(TITLE, b"Content-Length: 14", b"Transfer-Encoding: chunked"), {400}, "Invalid"),
        (post(b"zz\r\n" + TITLE, b"Transfer-Encoding: chunked"), {400}, JSON),
        (post(b"5\r\n{", b"Transfer-Encoding: chunked"), {400}, JSON),
        (post(b"e\r\n" + TITLE, b"Transfer-Encoding: chunked"), {400}, JSON),
        (post(b"fffff\r\n" + b"x" * 0xFFFFF, b"Transfer-Encoding: chunked"), {413}, JSON),
        (post(TITLE, b"Content-Length: 1000"), {400}, JSON),
        (post(b"\xff\xfe\x00{"), {400}, JSON),
        (post(b'{"title": "\xc3"}'), {400}, JSON),
        (post(b'{"title": "\x00"}'), {400}, JSON),
        (post(b"x" * 70_000), {413}, JSON),
        (post(TITLE, b"Content-Encoding: gzip", path=b"/save-data"), {400}, JSON),
        (b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {404}, JSON),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400, 404}, ""),
        (b"GET /api/tasks?status=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400}, ""),
        (b"GET /static/../wsgi.py HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {404}, JSON),
        (b"GET /static/%2e%2e/wsgi.py HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {404}, JSON),
        (b"GET //etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {404}, JSON),
        (b"BREW /api/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {405}, JSON),
    ],
)
def test_hostile_bytes_get_a_4xx_and_a_reason(
    server: Server, request_: bytes, statuses: set[int], reason: str
) -> None:
    """Mutants: `limit_request_line` or MAX_CONTENT_LENGTH lifted; `_read_body` left out."""
    status, answer = send(server, request_)
    assert status in statuses, answer
    assert reason in answer
    assert "Traceback" not in answer


def test_header_injects_neither_header_nor_line(server: Server) -> None:
    """Mutant: the caller's request id taken over unchecked."""
    before = len(server.log())
    for value in (b'x"}\x0b{"level":"forged"', b"\xe2\x80\xa8forged", b"a\x85b", b"%0d%0aSet-Cookie:%20x"):
        request = b"GET /api/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: " + value
        _, answer = send(server, request + b"\r\ntraceparent: " + value + b"\r\n\r\n")
        assert "forged" not in answer
        assert "Set-Cookie" not in answer
    text = (server.directory / "app.json").read_bytes()
    assert len(text.splitlines()) == len(server.log())
    assert b"forged" not in b"".join(text.splitlines()[before:])


def test_all_of_it_left_no_error_behind(server: Server) -> None:
    """Runs last: whatever this module sent, no 500 was answered and no exception logged.

    Mutant: `RecursionError` not caught in `json_fields`.
    """
    send(server, post(b'{"title": ' * 6_000))
    assert json.loads(server.get("/health"))["status"] == "ok"
    assert not [line for line in server.log() if "exception" in line]
    told = [line for line in server.get("/metrics").splitlines() if line.startswith("http_errors_total{")]
    assert told == []
    assert not list(Path(server.directory).glob("core*"))
