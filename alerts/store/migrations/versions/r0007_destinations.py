"""How each destination does; and a delivery is to a person, by one of their methods."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OLD = ("key", "destination", "state", "attempts", "due_us", "last_error")


def upgrade() -> None:
    op.create_table(
        "destinations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_success_us", sa.BigInteger()),
        sa.Column("failing_since_us", sa.BigInteger()),
        sa.Column("last_error", sa.Text()),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_destinations"),
    )
    # A primary key cannot be changed on SQLite: the table is made anew.
    op.drop_index("ix_deliveries_destination_state_due_us", table_name="deliveries")
    op.rename_table("deliveries", "deliveries_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE deliveries_before RENAME CONSTRAINT pk_deliveries TO pk_deliveries_before")
    op.create_table(
        "deliveries",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, server_default=""),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("key", "person", "destination", name="pk_deliveries"),
    )
    before, now = (sa.table(name, *map(sa.column, _OLD)) for name in ("deliveries_before", "deliveries"))
    op.execute(now.insert().from_select(list(_OLD), sa.select(*(before.c[name] for name in _OLD))))
    op.drop_table("deliveries_before")
    op.create_index("ix_deliveries_destination_state_due_us", "deliveries", ["destination", "state", "due_us"])
