"""Settings, all from environment variables; README.md lists them."""

import os
import re
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
DRIVERS = ("sqlite", "mysql+pymysql", "mariadb+pymysql")


class SettingsError(ValueError):
    """One or more variables are wrong; the message has a line for each."""


@dataclass(frozen=True)
class Settings:
    """What the application was told. Times in seconds."""

    env: str
    host: str
    database_url: URL
    database_is_default: bool  # a developer's own sqlite file: migrated when the application starts
    database_secret: (
        str | None
    )  # the name of an AWS secret with the database's account; None: it is in the URL
    database_ca: Path | None  # certificates that the database's server is trusted by; None: any server is
    database_timeout: int
    log_file: Path | None  # None: standard output
    log_level: str
    bind: str
    workers: int
    threads: int
    max_requests: int
    graceful_timeout: int
    metrics_dir: Path | None  # None: gunicorn makes a temporary one
    aws_region: str | None
    queue: str | None  # an SQS queue's name; None: messages answer 503
    table: str | None  # a DynamoDB table's name; None: data answers 503
    otlp_endpoint: str | None  # base URL of an OTLP/HTTP receiver; None: traces are not exported
    faults: bool  # whether this host may have errors, slow answers and log lines made on purpose

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check every variable.

        Args:
            environ: the environment, usually ``os.environ``. An empty value counts as not set.

        Raises:
            SettingsError: naming every variable that is wrong and what was expected.
        """
        reader = _Reader(environ)
        url, is_default = _database_url(reader)
        settings = cls(
            env=reader.text("APP_ENV", "dev"),
            host=reader.text("APP_HOST", socket.gethostname()),
            database_url=url,
            database_is_default=is_default,
            database_secret=reader.pattern("APP_DATABASE_SECRET", _SECRET, "the name of an AWS secret"),
            database_ca=reader.certificates("APP_DATABASE_CA"),
            database_timeout=reader.integer("APP_DATABASE_TIMEOUT", 3, 1, 60),
            log_file=reader.path("APP_LOG_FILE"),
            log_level=reader.choice("APP_LOG_LEVEL", "INFO", LOG_LEVELS),
            bind=reader.bind("APP_BIND", "127.0.0.1:5000"),
            workers=reader.integer("APP_WORKERS", 2, 1, 64),
            threads=reader.integer("APP_THREADS", 4, 1, 64),
            max_requests=reader.integer("APP_MAX_REQUESTS", 10_000, 0, 10_000_000),
            graceful_timeout=reader.integer("APP_GRACEFUL_TIMEOUT", 30, 1, 300),
            metrics_dir=reader.path("APP_METRICS_DIR"),
            aws_region=reader.pattern("APP_AWS_REGION", _REGION, "a region such as eu-west-1"),
            queue=reader.pattern("APP_QUEUE", _QUEUE, "the name of an SQS queue"),
            table=reader.pattern("APP_TABLE", _TABLE, "the name of a DynamoDB table"),
            otlp_endpoint=reader.base_url("APP_OTLP_ENDPOINT"),
            faults=reader.choice("APP_FAULTS", "OFF", ("OFF", "ON")) == "ON",
        )
        if (settings.queue or settings.table or settings.database_secret) and not settings.aws_region:
            reader.errors.append(
                "APP_AWS_REGION: expected a region, as APP_QUEUE, APP_TABLE or APP_DATABASE_SECRET is set"
            )
        if settings.database_secret and (url.get_backend_name() == "sqlite" or url.username or url.password):
            reader.errors.append(
                "APP_DATABASE_SECRET: expected APP_DATABASE_URL of a server, with no user and no password"
            )
        if settings.database_ca and url.get_backend_name() == "sqlite":
            reader.errors.append("APP_DATABASE_CA: expected APP_DATABASE_URL of a server")
        for name in sorted(environ):
            if name.startswith("APP_") and name not in reader.known:
                reader.errors.append(f"{name}: unknown variable; expected one of {', '.join(reader.known)}")
        if reader.errors:
            raise SettingsError("\n".join(reader.errors))
        return settings


class _Reader:
    """Reads variables, gathering errors so that all of them are told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.known: list[str] = []
        self.errors: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        self.known.append(name)
        return self.environ.get(name, "").strip() or default

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            self.errors.append(f"{name}={text!r}: expected a whole number from {low} to {high}")
            return default
        return int(text)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name, default).upper()
        if text not in choices:
            self.errors.append(f"{name}={text!r}: expected one of {', '.join(choices)}")
        return text

    def bind(self, name: str, default: str) -> str:
        text = self.text(name, default)
        _, colon, port = text.rpartition(":")
        if not text.startswith("unix:/") and not (colon and port.isdigit() and 0 < int(port) < 65536):
            self.errors.append(f"{name}={text!r}: expected ADDRESS:PORT or unix:/PATH")
        return text

    def pattern(self, name: str, pattern: re.Pattern[str], expected: str) -> str | None:
        text = self.text(name)
        if text and not pattern.fullmatch(text):
            self.errors.append(f"{name}={text!r}: expected {expected}")
        return text or None

    def base_url(self, name: str) -> str | None:
        text = self.text(name).rstrip("/")
        if not text:
            return None
        try:
            parts = urlsplit(text)
            valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # the port is no number
            valid = False
        if not valid or parts.path or parts.query or "@" in text:
            self.errors.append(f"{name}={text!r}: expected http://HOST:PORT or https://HOST:PORT")
        return text

    def path(self, name: str) -> Path | None:
        text = self.text(name)
        if not text:
            return None
        path = Path(text)
        if not path.is_absolute() or not path.parent.is_dir():
            self.errors.append(f"{name}={text!r}: expected an absolute path in a directory that exists")
        return path

    def certificates(self, name: str) -> Path | None:
        text = self.text(name)
        if not text:
            return None
        try:
            ssl.create_default_context(cafile=text)
        except OSError as error:  # ssl.SSLError is one
            self.errors.append(f"{name}={text!r}: expected a file of certificates: {error}")
        return Path(text)


def _database_url(reader: _Reader) -> tuple[URL, bool]:
    """Return the database's URL, and whether it is only the developer's default."""
    text = reader.text("APP_DATABASE_URL")
    file = reader.text("APP_DATABASE_URL_FILE")
    name = "APP_DATABASE_URL_FILE" if file else "APP_DATABASE_URL"
    if text and file:
        reader.errors.append("APP_DATABASE_URL, APP_DATABASE_URL_FILE: both set; expected one of them")
    if file:
        try:
            text = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reader.errors.append(f"{name}={file!r}: {error}")
            return make_url("sqlite://"), False
    if not text and not file:
        return _default_database(), True
    try:
        url = make_url(text)
    except ArgumentError:  # its message would quote the password
        reader.errors.append(f"{name}: not a URL; expected DRIVER://USER:PASSWORD@HOST:PORT/NAME")
        return make_url("sqlite://"), False
    if url.drivername not in DRIVERS:
        reader.errors.append(f"{name}: driver {url.drivername!r}; expected one of {', '.join(DRIVERS)}")
    elif url.drivername != "sqlite" and not (url.host and url.database):
        reader.errors.append(f"{name}: expected a host and a database's name in it")
    return url, False


def _default_database() -> URL:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return URL.create("sqlite", database=str(Path(base) / "saltwatch-app" / "tasks.db"))


def read_file(path: Path) -> dict[str, str]:
    """Read a systemd environment file (``NAME=VALUE`` lines; quotes are not interpreted).

    Raises:
        SettingsError: naming the line that is not of that form.
    """
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise SettingsError(f"{path}:{number}: expected NAME=VALUE")
        values[name.strip()] = value
    return values


def exit_on_error(read: Callable[[], Settings]) -> Settings:
    """Return what ``read`` returns; end the process with a plain message if the settings are wrong."""
    try:
        return read()
    except SettingsError as error:
        sys.exit(f"saltwatch_app: wrong settings:\n{error}")


if __name__ == "__main__":  # check_cmd of the file before it replaces the one in use
    if len(sys.argv) != 2:
        sys.exit("usage: python -m saltwatch_app.settings ENVIRONMENT_FILE")
    exit_on_error(lambda: Settings.from_environ(read_file(Path(sys.argv[1]))))
