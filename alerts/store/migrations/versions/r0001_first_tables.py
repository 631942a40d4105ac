"""The first tables: effects, what they say, alerts, outbox, checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("onset_at", sa.String(length=32), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_site_phase"), "alerts", ["site", "phase"], unique=False)
    op.create_table(
        "audit",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "offset_", "n", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_patient_at"), "audit", ["patient", "at"], unique=False)
    op.create_index(op.f("ix_audit_session_at"), "audit", ["session", "at"], unique=False)
    op.create_index(op.f("ix_audit_site_at"), "audit", ["site", "at"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("format", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "format", "next_offset", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "conflicts",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offered", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("stored", sa.String(length=64), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "offset_", "n", "offered", name=op.f("pk_conflicts")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "offset_", "n", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_site"), "dead_letters", ["site"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", "destination", name=op.f("pk_deliveries")),
    )
    op.create_index(
        op.f("ix_deliveries_destination_state_due_us"), "deliveries", ["destination", "state", "due_us"], unique=False
    )
    op.create_table(
        "effects",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("shard", "offset_", "n", name=op.f("pk_effects")),
    )
    op.create_table(
        "outbox",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("addressed", sa.Boolean(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_addressed"), "outbox", ["addressed"], unique=False)
    op.create_index(op.f("ix_outbox_sent_us"), "outbox", ["sent_us"], unique=False)
    op.create_table(
        "page_alerts",
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "key", name=op.f("pk_page_alerts")),
    )
    op.create_table(
        "transitions",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "offset_", "n", name=op.f("pk_transitions")),
        sa.UniqueConstraint("site", "seq", name=op.f("uq_transitions_site_seq")),
    )
    op.create_index(op.f("ix_transitions_alert"), "transitions", ["alert"], unique=False)
