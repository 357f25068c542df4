"""Run by alembic; `saltwatch_app.migrate` hands the connection over."""

from alembic import context

from saltwatch_app.database import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
