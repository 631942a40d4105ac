"""Forecasts, and pages for whoever plans the visits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forecasts",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("known", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "offset_", "n", name=op.f("pk_forecasts")),
    )
    op.create_index(op.f("ix_forecasts_site_patient_as_of"), "forecasts", ["site", "patient", "as_of"], unique=False)
    op.create_index(op.f("ix_forecasts_site_as_of"), "forecasts", ["site", "as_of"], unique=False)
    op.create_table(
        "latest_forecasts",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "patient", name=op.f("pk_latest_forecasts")),
    )
    op.add_column("outbox", sa.Column("for_", sa.String(length=16), nullable=False, server_default="watch"))
    op.create_index(op.f("ix_audit_site_kind_at"), "audit", ["site", "kind", "at"], unique=False)
    op.create_index(op.f("ix_transitions_site_at"), "transitions", ["site", "at"], unique=False)
    op.create_index(op.f("ix_transitions_site_patient_at"), "transitions", ["site", "patient", "at"], unique=False)
