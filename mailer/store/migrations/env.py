"""Run by Alembic for every command: the migrations, in the transaction that `migrate.upgrade` opened."""

from __future__ import annotations

from alembic import context

# render_as_batch: SQLite cannot alter most things of a table, so it is rebuilt and the rows are copied.
context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
