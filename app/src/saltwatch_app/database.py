"""The database: its one table, sessions, and the time bounds on talking to it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import DateTime, Engine, String, Text, func, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

from saltwatch_app.account import Account
from saltwatch_app.aws import Aws
from saltwatch_app.settings import Settings

TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 2000


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

    Args:
        settings: with the database's URL.
        aws: has the account, if the settings name a secret.
    """

    def __init__(self, settings: Settings, aws: Aws) -> None:
        self.engine = _engine(settings)
        if settings.database_secret:
            Account(aws, settings.database_secret).use(self.engine)
        self.session: sessionmaker[Session] = sessionmaker(self.engine)

    def ping(self) -> None:
        """Ask the table for a row, so that a missing table is noticed too.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer, or is not migrated.
        """
        with self.engine.connect() as connection:
            connection.execute(select(Task.id).limit(1))

    def count_tasks(self) -> int:
        """Return the number of rows.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        with self.session() as session:
            return session.scalar(select(func.count()).select_from(Task)) or 0


def _engine(settings: Settings) -> Engine:
    # As `sqlalchemy.create_engine`: tracing (telemetry.py) replaces it there.
    url, timeout = settings.database_url, settings.database_timeout
    if settings.database_is_default:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    if url.get_backend_name() == "sqlite":
        return sqlalchemy.create_engine(url, connect_args={"timeout": timeout})
    return sqlalchemy.create_engine(
        url,
        # A connection for each thread that serves, and for those that ask for /health/ready and /metrics.
        pool_size=settings.threads + 2,
        max_overflow=0,
        pool_timeout=timeout,
        pool_pre_ping=True,
        pool_recycle=300,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": timeout,
            "read_timeout": timeout,
            "write_timeout": timeout,
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
