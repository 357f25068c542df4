"""The database: its one table, sessions, and the time bounds on talking to it."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import DateTime, Engine, String, Text, func, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

from saltwatch_app.account import Account
from saltwatch_app.aws import Aws
from saltwatch_app.guard import Guard
from saltwatch_app.health import PublicError
from saltwatch_app.settings import Settings

TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 2000
# What says that the database is not there, as opposed to an answer of it.
ABSENT = (OperationalError, InterfaceError, PoolTimeout)
_NOT_TRIED = "not tried: "


class UntrustedError(PublicError):
    """The server's certificate is not trusted; the text says why."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept as naive UTC with microseconds: neither database keeps a zone."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """MySQL and MariaDB drop fractions of a second unless told not to."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert on the way in."""
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert on the way out."""
        return value.replace(tzinfo=UTC) if value else None


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """What alembic compares the database with."""


class Task(Base):
    """Something to do. It is complete when ``completed_at`` is set."""

    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    description: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None, index=True)

    def as_json(self) -> dict[str, object]:
        """Return the task as the API shows it; times in RFC 3339."""
        return {
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "completed": self.completed_at is not None,
            "created_at": _rfc3339(self.created_at),
            "updated_at": _rfc3339(self.updated_at),
            "completed_at": _rfc3339(self.completed_at) if self.completed_at else None,
        }


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Database:
    """An engine and its sessions. Every wait for the database is bounded by ``database_timeout``.

    Who waited in vain is the last to do so: until a server answers again (guard.py) connections to it are not
    even tried. Those that were open are given up with the one that was silent.

    Args:
        settings: with the database's URL.
        aws: has the account, if the settings name a secret.
        patience: seconds that a statement may take, in place of ``database_timeout``; and the server's
            greeting, to the driver. So only for a database that has just answered.
    """

    def __init__(self, settings: Settings, aws: Aws, patience: int | None = None) -> None:
        self.engine = _engine(settings, patience or settings.database_timeout)
        self._guard = Guard(self._answers)
        if self.engine.dialect.name != "sqlite":
            sqlalchemy.event.listen(self.engine, "do_connect", self._connect)
            sqlalchemy.event.listen(self.engine, "handle_error", self._heard)
        self._account = Account(aws, settings.database_secret) if settings.database_secret else None
        self.session: sessionmaker[Session] = sessionmaker(self.engine)

    def _answers(self) -> bool:
        try:
            self.ping()
        except ABSENT:
            return False
        except (SQLAlchemyError, UntrustedError):  # not migrated, or not trusted, but there
            return True
        return True

    def _connect(self, dialect: Dialect, record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        """Return a new connection of the driver's.

        Raises:
            OperationalError: the driver's; there is none, or the database is silent and it was not tried.
        """
        failure: Any = dialect.loaded_dbapi.OperationalError
        if refusal := self._guard.refusal():
            raise failure(f"{_NOT_TRIED}{refusal}")
        try:
            if self._account:
                return self._account.connect(dialect, arguments, parameters)
            return dialect.connect(*arguments, **parameters)
        except OSError as error:  # from the authorities' file, which is read each time
            raise failure(f"APP_DATABASE_CA: {error}") from error

    def _heard(self, context: ExceptionContext) -> None:
        """Look at an error of the driver's: was nothing heard of the database, or no connection to be had?"""
        error = context.original_exception
        reason = str(error)
        connecting = context.connection is None and not context.is_pre_ping
        # A connection that was closed, by a restart say, is no silence: another one will be made.
        timed_out = isinstance(error.__context__, TimeoutError)
        if (connecting or timed_out) and not reason.startswith(_NOT_TRIED):
            self._guard.silent(reason)

    def ping(self) -> None:
        """Ask the table for a row, so that a missing table is noticed too.

        Raises:
            UntrustedError: who answers is not the server.
            sqlalchemy.exc.SQLAlchemyError: the database does not answer, or is not migrated.
        """
        try:
            with self.engine.connect() as connection:
                connection.execute(select(Task.id).limit(1))
        except DBAPIError as error:
            # Where PyMySQL keeps what went wrong below it.
            cause = getattr(error.orig, "original_exception", None)
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = cause.verify_message.partition(",")[0]
                raise UntrustedError(f"the server's certificate is not trusted: {why}") from error
            raise

    def count_tasks(self) -> int:
        """Return the number of rows.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        with self.session() as session:
            return session.scalar(select(func.count()).select_from(Task)) or 0


def _engine(settings: Settings, patience: int) -> Engine:
    # As `sqlalchemy.create_engine`: tracing (telemetry.py) replaces it there.
    url, timeout = settings.database_url, settings.database_timeout
    if settings.database_is_default:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    if url.get_backend_name() == "sqlite":
        return sqlalchemy.create_engine(url, connect_args={"timeout": timeout})
    # By default the driver speaks TLS to a server that offers it, whoever that is.
    verified = {"ssl_ca": str(settings.database_ca), "ssl_verify_identity": True}
    return sqlalchemy.create_engine(
        url,
        # One for each thread that serves, and for those that ask for /health/ready, /metrics and the guard.
        pool_size=settings.threads + 3,
        max_overflow=0,
        pool_timeout=timeout,
        pool_pre_ping=True,
        pool_recycle=300,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": timeout,
            "read_timeout": patience,
            "write_timeout": patience,
            **(verified if settings.database_ca else {}),
        },
    )


def lock_for_migration(connection: Any) -> None:
    """Let one host migrate at a time; MySQL's DDL is in no transaction that would see to it.

    The lock goes with the connection.

    Raises:
        TimeoutError: another migration held the lock for a minute.
    """
    if connection.dialect.name in ("mysql", "mariadb"):
        got = connection.execute(text("SELECT GET_LOCK(CONCAT(DATABASE(), '.migration'), 60)")).scalar()
        if got != 1:
            raise TimeoutError("another migration held the lock for 60 seconds")
