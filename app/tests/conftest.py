"""An application on an empty SQLite database, a real gunicorn of it, and what it talks to."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn_server import Server, serving
from saltwatch_app import factory, guard, health, migrate, page
from saltwatch_app.settings import Settings
from sinks import Cloud, Collector, silence


@pytest.fixture(scope="session", autouse=True)
def _plain_loggers() -> None:
    """Salt, whose tests may have been collected before, makes all loggers its own, which add fields."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("saltwatch_app.") and isinstance(logger, logging.Logger):
            logger.__class__ = logging.Logger


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """What the application is told; a module or test may add to it."""
    return {
        "APP_DATABASE_URL": f"sqlite:///{tmp_path}/tasks.db",
        "APP_LOG_FILE": str(tmp_path / "app.json"),
        "APP_ENV": "test",
        "APP_HOST": "app-7",
    }


@pytest.fixture
def settings(variables: dict[str, str]) -> Settings:
    return Settings.from_environ(variables)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = factory.create_app(settings)
    migrate.upgrade(app.extensions["database"].engine)
    yield app
    app.extensions["database"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def moto() -> Iterator[Cloud]:
    cloud = Cloud()
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(moto: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """AWS with an empty queue and an empty table, which this process's environment leads to."""
    moto.fill()
    for name, value in moto.environ.items():
        monkeypatch.setenv(name, value)
    return moto


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.stop()


silent = pytest.fixture(silence, name="silent")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with contextlib.ExitStack() as servers:
        yield lambda **variables: servers.enter_context(serving(tmp_path, **variables))


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for any machine, also for readiness; what is outstanding for longer is refused at once."""
    monkeypatch.setattr(guard, "MOMENT", 20.0)
    monkeypatch.setattr(health, "READY_TIMEOUT", 20.0)
    monkeypatch.setattr(page, "READY_TIMEOUT", 20.0)
