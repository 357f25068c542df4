"""Migrations."""

import sqlite3
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from saltwatch_app import migrate
from saltwatch_app.database import Base, Database
from saltwatch_app.settings import Settings


def test_migrations_lead_to_the_models(app: Flask) -> None:
    """Mutant: a column in `Task` with no revision."""
    with app.extensions["database"].engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_check_tells_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: `is_current` always true."""
    monkeypatch.setenv("APP_DATABASE_URL", f"sqlite:///{tmp_path}/tasks.db")
    assert migrate.main(["--check"]) == 1
    assert migrate.main(["--check"]) == 1
    assert migrate.main([]) == 0
    assert migrate.main(["--check"]) == 0
    assert migrate.main([]) == 0


def test_newer_schema_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mutants: a traceback of alembic's; `--check` that says it is to be migrated; exit code 0."""
    monkeypatch.setenv("APP_DATABASE_URL", f"sqlite:///{tmp_path}/tasks.db")
    assert migrate.main([]) == 0
    with sqlite3.connect(tmp_path / "tasks.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for arguments in ([], ["--check"]):
        assert migrate.main(arguments) == migrate.UNKNOWN == 3
        assert "revision 9999; this version knows 0001" in capsys.readouterr().err


def test_developer_needs_no_migration_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: `database_is_default` ignored by the factory."""
    from saltwatch_app import create_app

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    app = create_app()
    assert app.test_client().get("/api/tasks").json["tasks"] == []
    assert (tmp_path / "saltwatch-app" / "tasks.db").exists()


def test_unreachable_database_is_said_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, which is what a deployment tells. Mutants: `str` of the URL; all that SQLAlchemy says."""
    monkeypatch.setenv("APP_DATABASE_URL", "mysql+pymysql://app:swordfish@127.0.0.1:1/app")
    with pytest.raises(SystemExit) as raised:
        migrate.main([])
    assert "app:***@127.0.0.1:1/app" in str(raised.value)
    assert "swordfish" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_silent_database_is_not_waited_for_as_a_statement_is(
    monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    """It takes connections and says nothing. Mutant: the first question asked with PATIENCE."""
    monkeypatch.setenv("APP_DATABASE_URL", f"mysql+pymysql://app@{silent}/app")
    monkeypatch.setenv("APP_DATABASE_TIMEOUT", "1")
    monkeypatch.setattr(migrate, "PATIENCE", 40)
    start = time.monotonic()
    with pytest.raises(SystemExit, match="timed out"):
        migrate.main([])
    assert time.monotonic() - start < 20


def test_ready_only_after_the_migration(settings: Settings) -> None:
    """Mutant: `ping` by SELECT 1."""
    from saltwatch_app.factory import create_app

    app = create_app(settings)
    assert app.test_client().get("/health/ready").status_code == 503
    database: Database = app.extensions["database"]
    migrate.upgrade(database.engine)
    assert app.test_client().get("/health/ready").status_code == 200
