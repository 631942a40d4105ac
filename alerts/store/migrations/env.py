"""Alembic's entry: runs the steps on the connection that `Store.migrate` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from alerts.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite can change a schema inside a transaction, whatever Alembic assumes by default: half a schema is no schema.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
