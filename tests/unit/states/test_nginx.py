"""The formulas nginx and app: what holds before any of it runs. tests/hosts asks them when they do."""

import json
import re
from collections.abc import Callable

import pytest
from compiled import Minion


@pytest.fixture
def config(minion: Callable[..., Minion]) -> str:
    """nginx's configuration."""
    return minion("app-1").files["/etc/nginx/nginx.conf"]


def test_ports_are_the_catalogue_s(config: str, minion: Callable[..., Minion]) -> None:
    """Mutant: a port typed in the template."""
    services = minion("app-1").pillar["fleet"]["services"]
    listens = re.findall(r"^\s*listen (?:\[::\]:)?(\d+)", config, re.M)
    assert set(listens) == {str(services["http"]["port"])}
    assert f"server 127.0.0.1:{services['app']['port']};" in config


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
