"""Checkpoints that stay: one a day, for a journal that is replayed to an instant of long ago."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("daily", sa.Boolean(), nullable=False, server_default=sa.false()))
