"""HTTPS from outside: who answers, by which protocols, and what pillar changes of it."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import catalogue
import pytest
import remote
import tls
from cryptography import x509
from website import Website

HOST = catalogue.host_of("app")
ONCE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SECURE_ONLY = {"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000"}


def _apply(**settings: object) -> dict[str, dict[str, Any]]:
    """Apply nginx's formula with some of ``nginx:tls`` overridden; return what changed or failed."""
    pillar = json.dumps({"nginx": {"tls": settings}}) if settings else ""
    answer = remote.salt(HOST, "state.apply", "nginx", *([f"pillar={pillar}"] if pillar else []))[HOST]
    assert isinstance(answer, dict), answer
    return {each["__id__"]: each for each in answer.values() if each["changes"] or not each["result"]}


@pytest.fixture
def pillar() -> Iterator[Callable[..., dict[str, dict[str, Any]]]]:
    """Apply other settings; afterwards the fleet's own."""
    yield _apply
    _apply()
    assert _apply() == {}


def _shake(address: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    with socket.create_connection((address, 443), 30) as connection:
        return context.wrap_socket(connection, server_hostname=tls.name())


def _served(address: str) -> x509.Certificate:
    """Return the certificate that is shown, whatever it is worth."""
    return x509.load_pem_x509_certificate(ssl.get_server_certificate((address, 443), timeout=30).encode())


def test_the_certificate_is_the_host_s_own(secure_website: Website) -> None:
    """Mutants: another certificate served than the file's; nginx without `listen 443 ssl`."""
    assert secure_website.ask("GET", "/health").json == {"status": "ok"}
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        tls.website(secure_website.address, "elsewhere.example").ask("GET", "/health")
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        Website(secure_website.address, tls.name(), ssl.create_default_context()).ask("GET", "/health")


def test_the_certificate_has_time_left_and_its_key_is_root_s() -> None:
    """Mutants: `days: 20` in salt/nginx/defaults.yaml; mode 0640."""
    certificate = x509.load_pem_x509_certificate(tls.certificate().encode())
    assert certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(30)
    assert remote.run(HOST, "stat", "--format=%U %a", tls.FILE).strip() == "root 600"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_protocols_are_refused(website: Website, version: ssl.TLSVersion) -> None:
    """By the server's own alert, not by this machine's client.

    Mutant: `ssl_protocols TLSv1.1 TLSv1.2` with `@SECLEVEL=0`.
    """
    context = ssl._create_unverified_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    with pytest.raises(ssl.SSLError) as refused:
        _shake(website.address, context)
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_new_protocols_have_forward_secrecy_and_http_2(website: Website, version: ssl.TLSVersion) -> None:
    """Mutants: `http2 on` left out; `ssl_protocols TLSv1.3` alone."""
    context = ssl._create_unverified_context()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = _shake(website.address, context)
    assert connection.selected_alpn_protocol() == "h2"
    cipher, protocol, _ = connection.cipher() or ("", "", 0)
    assert protocol == "TLSv1.3" or cipher.startswith("ECDHE-")


def test_ciphers_without_forward_secrecy_are_refused(website: Website) -> None:
    """Mutant: `ssl_ciphers` left out."""
    context = ssl._create_unverified_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-GCM-SHA256:AES256-SHA256:ECDHE+AES128+SHA256:!AESGCM:AES256-GCM-SHA384")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        _shake(website.address, context)


@pytest.mark.parametrize("path", ["/", "/api/tasks", "/static/style.css", "/metrics", "/no-such-page"])
def test_security_headers_are_there_once(website: Website, secure_website: Website, path: str) -> None:
    """Mutants: `always` left out; an `add_header` in a location, which drops those of the server."""
    plain, secure = website.ask("GET", path).headers, secure_website.ask("GET", path).headers
    for name, value in ONCE.items():
        assert (plain.get_all(name), secure.get_all(name)) == ([value], [value]), name
    for name, value in SECURE_ONLY.items():
        assert (plain.get_all(name), secure.get_all(name)) == (None, [value]), name
    (policy,) = secure.get_all("Content-Security-Policy") or ()
    assert policy.startswith("default-src 'self';" if path == "/" else "default-src 'none';")


@pytest.mark.parametrize("path", ["/metrics", "/collector", "/nginx-status", "/%6detrics"])
def test_what_is_closed_is_closed_by_https_too(secure_website: Website, path: str) -> None:
    """Mutant: a server of its own for 443, without the `location`s."""
    assert secure_website.ask("GET", path).status == 404


def test_the_page_works_by_https(secure_website: Website) -> None:
    """Mutant: `proxy_pass` left out of a server of its own for 443."""
    created = secure_website.ask("POST", "/api/tasks", {"title": "by https"})
    assert created.status == 201
    assert secure_website.ask("DELETE", created.headers["Location"]).status == 204
    assert b"<h1" in secure_website.ask("GET", "/").body


def test_static_files_are_nginx_s_and_asked_for_again(
    website: Website, eventually: Callable[..., Any]
) -> None:
    """Mutants: `static_root` elsewhere, so that the application answers; `expires` left out."""
    first = website.ask("GET", "/static/style.css")
    assert (first.status, first.headers["Cache-Control"]) == (200, "no-cache")
    request_id = first.headers["X-Request-ID"]
    again = website.ask("GET", "/static/style.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    path = catalogue.fleet()["services"]["http"]["logs"]["file"]
    line = eventually(lambda: remote.run(HOST, "grep", "--fixed-strings", request_id, path, check=False))
    assert json.loads(line)["upstream_seconds"] is None
    missing = website.ask("GET", "/static/none.css")
    assert missing.headers["Content-Type"] == "application/problem+json"


def _master() -> str:
    return remote.run(HOST, "systemctl", "show", "--property=MainPID", "nginx.service")


@pytest.mark.drift
@pytest.mark.application
def test_a_name_more_makes_another_certificate_without_a_restart(
    website: Website, pillar: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    """Mutants: the certificate not among what nginx-reload watches; a restart in place of a reload."""
    before, master = _served(website.address), _master()
    assert {"nginx-tls", "nginx-reload"} == set(pillar(names=["tasks.example"]))
    assert tls.website(website.address, "tasks.example").ask("GET", "/health").status == 200
    assert _served(website.address).serial_number != before.serial_number
    assert _master() == master


@pytest.mark.drift
@pytest.mark.application
def test_a_key_that_is_not_the_certificate_s_changes_nothing(
    website: Website, pillar: Callable[..., Any]
) -> None:
    """Mutant: `check_cmd` of nginx-tls left out: the file is replaced, and the next start of nginx fails."""
    before = tls.certificate()
    key = remote.run(HOST, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    settings = {"nginx": {"tls": {"certificate": before}}, "secrets": {"nginx": {"tls_key": key}}}
    answer = remote.salt(HOST, "state.apply", "nginx", f"pillar={json.dumps(settings)}")[HOST]
    (failed,) = (each for each in answer.values() if each["__id__"] == "nginx-tls")
    assert failed["result"] is False
    assert "key values mismatch" in json.dumps(failed).lower()
    assert tls.certificate() == before
    assert tls.website(website.address).ask("GET", "/health").status == 200


@pytest.mark.drift
@pytest.mark.application
def test_http_leads_to_https_where_pillar_says_so(website: Website, pillar: Callable[..., Any]) -> None:
    """Mutants: the redirect without the path; /health redirected; the exporter's own status redirected."""
    assert website.ask("GET", "/").status == 200
    pillar(redirect=True)
    answer = website.ask("POST", "/api/tasks?limit=1")
    assert (answer.status, answer.headers["Location"]) == (308, "https://tasks.example/api/tasks?limit=1")
    assert website.ask("GET", "/health").status == 200
    assert website.ask("GET", "/metrics").status == 404
    port = catalogue.fleet()["services"]["nginx"]["port"]
    told = remote.run(HOST, "curl", "--silent", f"http://localhost:{port}/metrics")
    assert "nginx_up 1" in told.splitlines()


def test_a_path_that_is_no_text_leaves_a_line_that_is(
    website: Website, eventually: Callable[..., Any]
) -> None:
    """Mutant: `$uri` in place of `$a_path`: Alloy and Loki could not read the line."""
    mark = f"/mark-{time.time_ns()}"
    website.raw(f"GET {mark}-%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    website.raw(f"GET {mark}-".encode() + b"\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    path = catalogue.fleet()["services"]["http"]["logs"]["file"]
    program = (
        "import itertools, json, sys\n"
        "mark, unreadable = sys.argv[2].encode(), b'\"?\"'\n"
        "lines = list(itertools.dropwhile(lambda line: mark not in line, open(sys.argv[1], 'rb')))\n"
        "lines = [line for line in lines if mark in line or unreadable in line]\n"
        "print(json.dumps([json.loads(line.decode())['path'] for line in lines]))"
    )

    def paths() -> list[str]:
        found: list[str] = remote.python(HOST, program, path, mark)
        return found

    assert eventually(paths, lambda found: len(found) == 2) == [f"{mark}-%ff", "?"]
