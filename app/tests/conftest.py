"""An application on an empty SQLite database, and a real gunicorn of it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gunicorn_server import SOURCE, Server

sys.path.insert(0, str(SOURCE))

from flask import Flask
from flask.testing import FlaskClient
from saltwatch_app import factory, migrate
from saltwatch_app.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environ(
        {
            "APP_DATABASE_URL": f"sqlite:///{tmp_path}/tasks.db",
            "APP_LOG_FILE": str(tmp_path / "app.json"),
            "APP_ENV": "test",
            "APP_HOST": "app-7",
        }
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = factory.create_app(settings)
    migrate.upgrade(app.extensions["database"].engine)
    yield app
    app.extensions["database"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(**variables: str) -> Server:
        server = Server(tmp_path, **variables)
        server.run("-m", "saltwatch_app.migrate")
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
