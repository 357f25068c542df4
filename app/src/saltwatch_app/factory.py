"""Makes the application out of its parts."""

import logging.config
import os

import click
from flask import Flask

from saltwatch_app import health, logs, migrate, observe, page, problems, tasks
from saltwatch_app.database import Database
from saltwatch_app.metrics import Metrics
from saltwatch_app.settings import Settings, exit_on_error

MAX_BODY = 64 * 1024  # bytes


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application.

    Args:
        settings: by default read from the environment; if they are wrong the process ends, saying how.
    """
    settings = settings or exit_on_error(lambda: Settings.from_environ(os.environ))
    logging.config.dictConfig(logs.configuration(settings))
    database = Database(settings)
    if settings.database_is_default:
        migrate.upgrade(database.engine)

    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["database"] = database
    app.extensions["database_check"] = health.Check(database.ping)
    app.extensions["metrics"] = Metrics(database)
    problems.init_app(app)
    observe.init_app(app)
    for blueprint in (tasks.blueprint, health.blueprint, page.blueprint):
        app.register_blueprint(blueprint)

    @app.cli.command("db-upgrade")
    def db_upgrade() -> None:
        """Bring the database to this version's schema."""
        migrate.upgrade(database.engine)
        click.echo("The database is up to date.")

    return app
