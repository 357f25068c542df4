"""Settings: what is read, and what is said of what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
from gunicorn_server import SOURCE
from saltwatch_app.settings import Settings, SettingsError

URL = "mysql+pymysql://app:swordfish@database.saltwatch.internal:3306/app"
NO_ACCOUNT = "mysql+pymysql://database.saltwatch.internal:3306/app"


def test_password_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    """Mutant: the URL kept as text."""
    (tmp_path / "url").write_text(URL + "\n")
    settings = Settings.from_environ({"APP_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.database_url.password == "swordfish"
    assert "swordfish" not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"APP_WORKERS": "0"}, "APP_WORKERS='0': expected a whole number from 1 to 64"),
        ({"APP_WORKERS": "²"}, "APP_WORKERS='²': expected a whole number"),
        ({"APP_LOG_LEVEL": "loud"}, "APP_LOG_LEVEL='LOUD': expected one of DEBUG"),
        ({"APP_LOG_FILE": "app.json"}, "APP_LOG_FILE='app.json': expected an absolute path"),
        (
            {"APP_LOG_FILE": "/nowhere/app.json"},
            "APP_LOG_FILE='/nowhere/app.json': expected an absolute path",
        ),
        ({"APP_BIND": "5000"}, "APP_BIND='5000': expected ADDRESS:PORT"),
        ({"APP_DATABASE_URL": "swordfish"}, "APP_DATABASE_URL: not a URL"),
        ({"APP_DATABASE_URL": "postgresql://a:swordfish@b/c"}, "APP_DATABASE_URL: driver 'postgresql'"),
        ({"APP_DATABASE_URL": "mysql+pymysql://u:swordfish@/x"}, "APP_DATABASE_URL: expected a host"),
        ({"APP_DATABASE_URL": URL, "APP_DATABASE_URL_FILE": "/x"}, "both set"),
        ({"APP_DATABASE_URL_FILE": "/nowhere"}, "APP_DATABASE_URL_FILE='/nowhere': [Errno 2]"),
        ({"APP_AWS_REGION": "Ireland"}, "APP_AWS_REGION='Ireland': expected a region such as eu-west-1"),
        ({"APP_AWS_REGION": "eu-west-1", "APP_QUEUE": "a b"}, "APP_QUEUE='a b': expected the name of an SQS"),
        ({"APP_AWS_REGION": "eu-west-1", "APP_TABLE": "x"}, "APP_TABLE='x': expected the name of a DynamoDB"),
        ({"APP_QUEUE": "messages"}, "APP_AWS_REGION: expected a region, as APP_QUEUE, APP_TABLE or"),
        ({"APP_DATABASE_SECRET": "x", "APP_DATABASE_URL": NO_ACCOUNT}, "APP_AWS_REGION: expected a region"),
        (
            {"APP_DATABASE_SECRET": "x", "APP_AWS_REGION": "eu-west-1"},
            "APP_DATABASE_SECRET: expected APP_DATA",
        ),
        (
            {"APP_DATABASE_SECRET": "x", "APP_AWS_REGION": "eu-west-1", "APP_DATABASE_URL": URL},
            "APP_DATABASE_SECRET: expected APP_DATABASE_URL of a server, with no user and no password",
        ),
        (
            {"APP_DATABASE_URL": URL, "APP_DATABASE_CA": "/nowhere"},
            "APP_DATABASE_CA='/nowhere': expected a file of certificates: [Errno 2]",
        ),
        (
            {"APP_DATABASE_URL": URL, "APP_DATABASE_CA": __file__},
            "expected a file of certificates: [X509: NO_CERTIFICATE_OR_CRL_FOUND]",
        ),
        ({"APP_DATABASE_CA": __file__}, "APP_DATABASE_CA: expected APP_DATABASE_URL of a server"),
        ({"APP_DATABASE_SECRET": "a b"}, "APP_DATABASE_SECRET='a b': expected the name of an AWS secret"),
        ({"APP_OTLP_ENDPOINT": "127.0.0.1:4318"}, "expected http://HOST:PORT or https://HOST:PORT"),
        ({"APP_OTLP_ENDPOINT": "http://x:4318/v1/traces"}, "expected http://HOST:PORT or https://HOST:PORT"),
        ({"APP_OTLP_ENDPOINT": "http://x:port"}, "expected http://HOST:PORT or https://HOST:PORT"),
        ({"APP_OTLP_ENDPOINT": "ftp://x:4318"}, "expected http://HOST:PORT or https://HOST:PORT"),
        ({"APP_WORKRES": "2"}, "APP_WORKRES: unknown variable"),
    ],
)
def test_wrong_settings_say_what_was_expected(environ: dict[str, str], expected: str) -> None:
    """Mutant: any one check left out."""
    with pytest.raises(SettingsError) as raised:
        Settings.from_environ(environ)
    assert expected in str(raised.value)
    assert "swordfish" not in str(raised.value)


def test_all_wrong_settings_are_told_at_once() -> None:
    """Mutant: raising at the first."""
    with pytest.raises(SettingsError) as raised:
        Settings.from_environ({"APP_WORKERS": "x", "APP_THREADS": "x"})
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("# a comment\n\nAPP_WORKERS=3\n", ""),
        ("APP_WORKERS=x\n", "APP_WORKERS='x'"),
        ("APP_WORKERS\n", ":1: expected NAME=VALUE"),
    ],
)
def test_file_is_checked_before_it_is_used(tmp_path: Path, content: str, expected: str) -> None:
    """Mutant: the exit code 0 whatever the file says."""
    (tmp_path / "env").write_text(content)
    run = subprocess.run(
        [sys.executable, "-m", "saltwatch_app.settings", str(tmp_path / "env")],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == (1 if expected else 0)
    assert expected in run.stderr
