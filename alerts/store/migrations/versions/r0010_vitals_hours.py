"""A session's vitals by the minute, an hour a row: what stays of it when the journal's samples are gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vitals_hours",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("hour_us", sa.BigInteger(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("site", "session", "patient", "hour_us", name="pk_vitals_hours"),
    )
    op.create_index("ix_vitals_hours_site_patient_hour_us", "vitals_hours", ["site", "patient", "hour_us"])
