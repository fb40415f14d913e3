"""Run by alembic: migrates over the connection, and in the transaction, that the store hands in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
