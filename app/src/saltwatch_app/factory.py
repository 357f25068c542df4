"""Makes the application out of its parts."""

import functools
import logging.config
import os

import click
from flask import Flask

from saltwatch_app import (
    data,
    faults,
    health,
    logs,
    messages,
    observe,
    openapi,
    page,
    problems,
    selftest,
    tasks,
    telemetry,
    workflow,
)
from saltwatch_app.aws import Aws
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
    telemetry.start(settings)
    aws = Aws(settings)
    database = Database(settings, aws)
    if settings.database_is_default:
        _migrate(database)

    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    metrics = Metrics(database)
    aws.observer = metrics.observe_aws
    app.extensions |= {
        "settings": settings,
        "database": database,
        "metrics": metrics,
        "queue": messages.Queue(aws, settings.queue),
        "table": data.Table(aws, settings.table),
    }
    if settings.queue:
        aws.guard("sqs", app.extensions["queue"].ping)
    if settings.table:
        aws.guard("dynamodb", app.extensions["table"].ping)
    app.extensions["health"] = health.Health(_dependencies(app, settings))
    telemetry.init_app(app)
    problems.init_app(app)
    observe.init_app(app)
    for module in (tasks, messages, data, workflow, selftest, health, openapi, page):
        app.register_blueprint(module.blueprint)
    if settings.faults:
        app.register_blueprint(faults.blueprint)

    @app.cli.command("db-upgrade")
    def db_upgrade() -> None:
        """Bring the database to this version's schema."""
        _migrate(database)
        click.echo("The database is up to date.")

    return app


def _migrate(database: Database) -> None:
    # Not at the top: workers never migrate, and alembic is a quarter of the time that one takes to start.
    from saltwatch_app import migrate

    migrate.upgrade(database.engine)


def _dependencies(app: Flask, settings: Settings) -> dict[str, health.Dependency]:
    """Return what was configured, each with its check."""
    pings = {"database": app.extensions["database"].ping}
    if settings.queue:
        pings["queue"] = app.extensions["queue"].ping
    if settings.table:
        pings["table"] = app.extensions["table"].ping
    if settings.otlp_endpoint:
        pings["collector"] = functools.partial(telemetry.ping, settings.otlp_endpoint)
    return {name: health.Dependency(health.Check(ping), name == "database") for name, ping in pings.items()}
