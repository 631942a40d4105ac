"""The store's tables, the same on SQLite and PostgreSQL. Made by `alerts/store/migrations/`; a test compares the two.

What an effect says is kept twice where somebody needs to search: as `doc`, the exact bytes of `alerts.effects.encode`, and as
the columns that queries use. Columns are for finding, `doc` is the truth.
Never here: a patient's name, or a destination's address.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key() -> list[Column[int]]:
    """Where an effect comes from: the n-th effect of one frame of one shard's journal."""
    return [
        Column("shard", Integer, primary_key=True, autoincrement=False),
        Column("offset_", BigInteger, primary_key=True, autoincrement=False),
        Column("n", Integer, primary_key=True, autoincrement=False),
    ]


EFFECTS: Final = Table(
    "effects", METADATA, *_key(),
    Column("kind", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
)  # fmt: skip
"""One row per effect ever written: what makes a repeat harmless and a disagreement visible."""

CONFLICTS: Final = Table(
    "conflicts", METADATA, *_key(),
    Column("offered", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("stored", String(64), nullable=False),
    Column("doc", Text, nullable=False),
)  # fmt: skip
"""An effect that disagreed with what was already written: set aside here, so that neither version is lost."""

TRANSITIONS: Final = Table(
    "transitions", METADATA, *_key(),
    Column("site", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("alert", Text, nullable=False, index=True),
    Column("patient", Text, nullable=False),
    Column("session", Text),
    Column("rule", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("doc", Text, nullable=False),
    UniqueConstraint("site", "seq"),
    Index(None, "site", "at"),
    Index(None, "site", "patient", "at"),
)  # fmt: skip

ALERTS: Final = Table(
    "alerts", METADATA,
    Column("alert", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("onset_at", String(32), nullable=False),
    Column("doc", Text, nullable=False),
    Index(None, "site", "phase"),
)  # fmt: skip
"""How each alert stands now, folded from its transitions (alert_document.py). `rank` is its priority as a number."""

AUDIT: Final = Table(
    "audit", METADATA, *_key(),
    Column("site", Text, nullable=False),
    Column("patient", Text),
    Column("session", Text),
    Column("at", String(32), nullable=False),
    Column("kind", Text, nullable=False),
    Column("doc", Text, nullable=False),
    Index(None, "site", "at"),
    Index(None, "session", "at"),
    Index(None, "patient", "at"),
    Index(None, "site", "kind", "at"),
)  # fmt: skip

AUDIT_CHAIN: Final = Table(
    "audit_chain", METADATA,
    Column("site", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("kind", Text, nullable=False),
    Column("who", Text),
    Column("patient", Text),
    Column("shard", Integer),
    Column("offset_", BigInteger),
    Column("n", Integer),
    Column("key", Text),
    Column("doc", Text),
    Column("digest", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "shard", "offset_", "n"),
    Index(None, "key"),
    Index(None, "site", "kind", "number"),
    Index(None, "site", "who", "number"),
    Index(None, "site", "patient", "number"),
)  # fmt: skip
"""Everything that is audited, a site's one after the other, each bound to the one before by `hash` (chain.py). What is an effect
names its place and keeps its content there; anything else has it in `doc`."""

AUDIT_HEADS: Final = Table(
    "audit_heads", METADATA,
    Column("site", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)  # fmt: skip
"""Where each site's chain ends."""

FORECASTS: Final = Table(
    "forecasts", METADATA, *_key(),
    Column("site", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("known", Text, nullable=False),
    Column("doc", Text, nullable=False),
    Index(None, "site", "patient", "as_of"),
    Index(None, "site", "as_of"),
)  # fmt: skip
"""Every forecast that was made, so that each can be held against what happened."""

LATEST_FORECASTS: Final = Table(
    "latest_forecasts", METADATA,
    Column("site", Text, primary_key=True),
    Column("patient", Text, primary_key=True),
    Column("as_of", String(10), nullable=False),
    Column("doc", Text, nullable=False),
)  # fmt: skip
"""Each patient's newest, so that a page of all patients reads one row each."""

FORECAST_CACHE: Final = Table(
    "kept", METADATA,
    Column("site", Text, primary_key=True),
    Column("patient", Text, primary_key=True),
    Column("entries", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
)  # fmt: skip
"""The forecaster's cache of each patient, made from `entries` entries. Derived: without it the next forecast takes longer."""

FORECAST_QUEUE: Final = Table(
    "forecast_queue", METADATA,
    Column("site", Text, primary_key=True),
    Column("patient", Text, primary_key=True),
    Column("as_of", Integer, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("doc", Text, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Index(None, "due_us"),
)  # fmt: skip
"""Forecasts that the workers of a network ask for (forecast_queue.py); one clinic has no need of it."""

VITALS_HOURS: Final = Table(
    "vitals_hours", METADATA,
    Column("site", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("patient", Text, primary_key=True),
    Column("hour_us", BigInteger, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Index(None, "site", "patient", "hour_us"),
)  # fmt: skip
"""An hour of a session's vitals by the minute (minutes.py). `session` is empty where it has no name. `next_offset`: the parts of
all frames below it are in it."""

DEAD_LETTERS: Final = Table(
    "dead_letters", METADATA, *_key(),
    Column("site", Text, nullable=False, index=True),
    Column("at", String(32), nullable=False),
    Column("doc", Text, nullable=False),
)  # fmt: skip

OUTBOX: Final = Table(
    "outbox", METADATA,
    Column("key", Text, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("doc", Text, nullable=False),
    Column("addressed", Boolean, nullable=False),
    Column("sent_us", BigInteger),
    Column("for_", String(16), nullable=False, server_default="watch"),
    Column("trace", Text),
    Index(None, "addressed"),
    Index(None, "sent_us"),
)  # fmt: skip
"""One row per page owed, and who it is for. `addressed`: it has its deliveries. `sent_us`: when the first destination took it."""

PAGE_ALERTS: Final = Table(
    "page_alerts", METADATA,
    Column("alert", Text, primary_key=True),
    Column("key", Text, primary_key=True),
)  # fmt: skip
"""Which pages spoke of which alert."""

DELIVERIES: Final = Table(
    "deliveries", METADATA,
    Column("key", Text, primary_key=True),
    Column("person", Text, primary_key=True, server_default=""),
    Column("destination", Text, primary_key=True),
    Column("place", Integer, nullable=False, server_default="0"),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("last_error", Text),
    Index(None, "destination", "state", "due_us"),
)  # fmt: skip
"""One page to one person by one destination; `person` is empty where it is for whoever is there. `place` counts the person's
methods from 0. `due_us` is when somebody may next try: for `sending` that is the end of the sender's lease."""

DELIVERY_TRIES: Final = Table(
    "tries", METADATA,
    Column("key", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("error", Text),
)  # fmt: skip
"""The last tries of each delivery: a ring, in which `slot` is the attempt modulo its size (tries.py)."""

DESTINATIONS: Final = Table(
    "destinations", METADATA,
    Column("name", Text, primary_key=True),
    Column("last_success_us", BigInteger),
    Column("failing_since_us", BigInteger),
    Column("last_error", Text),
    Column("reported", Boolean, nullable=False),
)  # fmt: skip
"""How each destination does. `failing_since_us`: the first of the failures since the last success. `reported`: the journal has it
that it fails."""

PROVIDER_EVENTS: Final = Table(
    "heard", METADATA,
    Column("id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
)  # fmt: skip
"""The ids of what providers sent us (a reply, a key pressed, an incident's turn) and that has counted: none counts twice."""

CHECKPOINTS: Final = Table(
    "checkpoints", METADATA,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("format", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("state", LargeBinary, nullable=False),
    Column("daily", Boolean, nullable=False, server_default=false()),
)  # fmt: skip
"""States of shards. `daily`: one that stays as long as the frames behind it, where the others go with the second one after."""
