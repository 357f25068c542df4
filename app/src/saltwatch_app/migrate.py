"""Bring the database to this version's schema: ``python -m saltwatch_app.migrate [--check]``.

``--check`` changes nothing and exits with 1 when there is something to do. A database with a schema that this
version does not know, a newer one's, is left alone: the exit code is 3 then.
"""

import argparse
import os
import sys

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from saltwatch_app.aws import Aws
from saltwatch_app.database import Database, lock_for_migration
from saltwatch_app.settings import Settings, exit_on_error

UNKNOWN = 3  # exit code
PATIENCE = 900  # seconds that a statement may take; the lock alone is waited for for 60


class UnknownSchemaError(Exception):
    """The database has a schema that this version does not know."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "saltwatch_app:migrations")
    return config


def is_current(engine: Engine) -> bool:
    """Return whether the database has this version's schema.

    Raises:
        UnknownSchemaError: it has one that this version does not know.
    """
    with engine.connect() as connection:
        return _revision(connection) == ScriptDirectory.from_config(_config()).get_current_head()


def _revision(connection: Connection) -> str | None:
    """Return the database's revision, None before the first."""
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise UnknownSchemaError(
            f"the database is at revision {revision}; this version knows {', '.join(sorted(known))}"
        )
    return revision


def upgrade(engine: Engine) -> None:
    """Apply the missing revisions, one host at a time.

    Raises:
        TimeoutError: another migration held the lock for a minute.
        UnknownSchemaError: the database has a schema that this version does not know.
    """
    config = _config()
    with engine.connect() as connection:
        lock_for_migration(connection)
        _revision(connection)
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m saltwatch_app.migrate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 if there is something to do")
    options = parser.parse_args(arguments)
    settings = exit_on_error(lambda: Settings.from_environ(os.environ))
    aws = Aws(settings)
    try:
        # Not with PATIENCE: the driver would wait as long for the greeting of a server that says nothing.
        current = is_current(Database(settings, aws).engine)
        if options.check:
            return 0 if current else 1
        upgrade(Database(settings, aws, PATIENCE).engine)
    except UnknownSchemaError as error:
        sys.stderr.write(f"saltwatch_app: {error}\n")
        return UNKNOWN
    except (SQLAlchemyError, TimeoutError) as error:
        said = str(error).splitlines()[0]  # then come the statement and a link
        sys.exit(f"saltwatch_app: {settings.database_url.render_as_string(hide_password=True)}: {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
