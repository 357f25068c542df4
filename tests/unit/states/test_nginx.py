"""The formulas nginx and app: what holds before any of it runs. tests/hosts asks them when they do."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from compiled import Minion
from loader import load
from overrides import overridden


@pytest.fixture
def config(minion: Callable[..., Minion]) -> str:
    """nginx's configuration."""
    return minion("app-1").files["/etc/nginx/nginx.conf"]


def test_ports_are_the_catalogue_s(config: str, minion: Callable[..., Minion]) -> None:
    """Mutant: a port typed in the template."""
    services = minion("app-1").pillar["fleet"]["services"]
    listens = re.findall(r"^\s*listen (?:\[::\]:)?(\d+)", config, re.M)
    assert set(listens) == {str(services[name]["port"]) for name in ("http", "https")}
    assert f"server 127.0.0.1:{services['app']['port']};" in config


def test_a_visitor_behind_the_load_balancer_is_not_the_load_balancer(
    config: str, minion: Callable[..., Minion]
) -> None:
    """Else all visitors together are held to the rate of one.

    Mutants: `proxies` left empty; believed in dev.
    """
    header = "real_ip_header X-Forwarded-For;"
    behind = minion("app-1", "prod").files["/etc/nginx/nginx.conf"]
    assert re.findall(r"set_real_ip_from (.*);", behind) == ["10.0.0.0/24", "10.0.1.0/24"]
    assert header in behind
    assert header not in config


def test_an_access_line_is_json_in_the_agreed_order(config: str) -> None:
    """Mutants: a quote missing in log_format; ``ts`` not first; the visitor's address in it."""
    text = "".join(
        re.findall(r"^\s*'(.*)'", config.partition("log_format json")[2].partition(";\n")[0], re.M)
    )
    numbers = re.sub(r":\$\w+", ":1", text)
    line = json.loads(numbers)
    assert list(line)[:10] == [
        *("ts", "level", "logger", "message", "service", "env", "host", "request_id", "trace_id", "span_id")
    ]
    assert "$remote_addr" not in text


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE " + "KEY-----\nMIIE\n-----END PRIVATE " + "KEY-----\n"


@pytest.fixture
def own(local_pillar: Path, artifacts: Path, tmp_path: Path) -> Minion:
    """A host with a certificate from pillar, that answers by HTTPS only."""
    pillar = {
        "nginx": {"tls": {"certificate": CERTIFICATE, "redirect": True}},
        "secrets": {"nginx": {"tls_key": KEY}},
    }
    return overridden("app-1", pillar, tmp_path, local_pillar, artifacts)


def test_a_certificate_from_pillar_is_in_one_file_with_its_key(own: Minion) -> None:
    """Mutants: the self-signed one in its place; the key elsewhere as well; mode 0644; differences shown."""
    assert own.pillar.get("_errors", []) == []
    assert [path for path, text in own.files.items() if "MIIE" in text] == ["/etc/nginx/tls.pem"]
    text = own.files["/etc/nginx/tls.pem"]
    assert KEY in text
    assert CERTIFICATE in text
    (chunk,) = (chunk for chunk in own.chunks if chunk["name"] == "/etc/nginx/tls.pem")
    assert (chunk["mode"], chunk["show_changes"]) == ("0600", False)


def test_a_key_that_is_not_the_certificate_s_is_refused(own: Minion, tmp_path: Path) -> None:
    """By the command that looks at the file before it is placed.

    Mutant: ``check_cmd`` left out, or one that reads the certificate only.
    """
    make = load("_states/tls_pem.py")._make
    first, second = (make(["one.example"], datetime.now(UTC), 5).split("-----BEGIN CERT") for _ in "ab")
    (chunk,) = (chunk for chunk in own.chunks if chunk["name"] == "/etc/nginx/tls.pem")
    for certificate, good in ((first[1], True), (second[1], False)):
        path = tmp_path / "tls.pem"
        path.write_text(f"{first[0]}-----BEGIN CERT{certificate}")
        done = subprocess.run([*shlex.split(chunk["check_cmd"]), path], capture_output=True, check=False)
        assert (done.returncode == 0) is good


def test_http_leads_to_https_only_where_pillar_says_so(own: Minion, config: str) -> None:
    """But for load balancers' checks and the exporter's own status.

    Mutants: redirected in dev; /health redirected.
    """
    assert "return 308" not in config
    locations = own.files["/etc/nginx/nginx.conf"].split("        location ")[1:]
    redirected = [
        text.split(" {")[0] for text in locations if "return 308 https://$host$request_uri;" in text
    ]
    assert redirected == ["/static/", "/"]


def test_without_aws_the_password_is_in_one_file_that_others_cannot_read(
    minion: Callable[..., Minion],
) -> None:
    """Mutants: the URL in app.env or in the unit; mode 0644; differences shown."""
    host = minion("app-1", "vagrant")
    password = host.pillar["secrets"]["database"]["app_password"]
    assert [path for path, text in host.files.items() if password in text] == ["/etc/app/database-url"]
    (chunk,) = (chunk for chunk in host.chunks if chunk["name"] == "/etc/app/database-url")
    assert (chunk["mode"], chunk["show_changes"]) == ("0640", False)
    assert "APP_DATABASE_URL_FILE=/etc/app/database-url\n" in host.files["/etc/app/app.env"]
    assert not re.search(
        r"^APP_(QUEUE|TABLE|AWS_REGION|DATABASE_SECRET)=.", host.files["/etc/app/app.env"], re.M
    )


@pytest.mark.parametrize(("minion_id", "env"), [("app-1", "dev"), ("app-1", "prod"), ("database-1", "dev")])
def test_with_aws_a_host_is_told_the_secret_s_name_and_no_password(
    minion: Callable[..., Minion], minion_id: str, env: str
) -> None:
    """The pillar of this machine has a password all the same: that of an earlier version.

    Mutants: `password` of pillar beside `secret`; the file of the URL left where it was.
    """
    host = minion(minion_id, env)
    password = host.pillar["secrets"]["database"]["app_password"]
    assert password not in str(host.files) + str(host.chunks)
    if minion_id == "app-1":
        (chunk,) = (chunk for chunk in host.chunks if chunk["name"] == "/etc/app/database-url")
        assert (chunk["state"], chunk["fun"]) == ("file", "absent")
        told = host.files["/etc/app/app.env"]
        assert "APP_DATABASE_SECRET=saltwatch/app/database\n" in told
        assert "APP_QUEUE=saltwatch-messages\nAPP_TABLE=saltwatch-data\n" in told
    else:
        (chunk,) = (chunk for chunk in host.chunks if chunk["__id__"] == "database-user")
        assert (chunk["secret"], chunk["region"]) == ("saltwatch/app/database", "eu-west-1")


def test_other_hosts_do_not_get_the_password(minion: Callable[..., Minion]) -> None:
    """Mutant: the secret in pillar/local/local.sls, which is every host's."""
    assert "secrets" not in minion("prometheus-1").pillar


def test_a_version_that_was_not_built_is_an_error_that_says_so(
    minion: Callable[..., Minion], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    """Mutant: an empty version, with which /opt/app/releases itself would be the release."""
    fresh = Minion(
        "app-1", "dev", tmp_path, minion("app-1")._opts["pillar_roots"]["base"][0], tmp_path / "none"
    )
    (chunk,) = (chunk for chunk in fresh.chunks if chunk["__id__"] == "app-wheels")
    assert chunk["source"] == "salt://app/not-built-on-the-control-node"
