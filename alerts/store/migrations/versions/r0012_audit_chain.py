"""The audit as a chain of hashes. What was written before there was one is chained here, in the order of its journal.

The chain's own functions do it: what makes a hash can never change without breaking every chain there is.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from alerts.store.chain import BEFORE_THE_FIRST, ChainLink, entry_hash

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEY = ("shard", "offset_", "n")
_EFFECTS = sa.table("effects", *map(sa.column, (*_KEY, "kind", "digest")))
_TRANSITIONS = sa.table("transitions", *map(sa.column, (*_KEY, "doc")))
_AUDIT = sa.table("audit", *map(sa.column, (*_KEY, "doc")))
_OUTBOX = sa.table("outbox", *map(sa.column, ("key", "digest", "doc")))
_AT_ONCE = 1000


def upgrade() -> None:
    chain = op.create_table(
        "audit_chain",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("who", sa.Text()),
        sa.Column("patient", sa.Text()),
        sa.Column("shard", sa.Integer()),
        sa.Column("offset_", sa.BigInteger()),
        sa.Column("n", sa.Integer()),
        sa.Column("key", sa.Text()),
        sa.Column("doc", sa.Text()),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("site", "number", name="pk_audit_chain"),
    )
    for columns in (
        ("shard", "offset_", "n"),
        ("key",),
        ("site", "kind", "number"),
        ("site", "who", "number"),
        ("site", "patient", "number"),
    ):
        op.create_index(f"ix_audit_chain_{'_'.join(columns)}", "audit_chain", list(columns))
    heads = op.create_table(
        "audit_heads",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_audit_heads"),
    )
    connection = op.get_bind()
    ends: dict[str, tuple[int, str]] = {}
    rows = []
    for entry in _before(connection):
        number, previous = ends.get(entry.site, (0, BEFORE_THE_FIRST))
        hashed = entry_hash(previous, number + 1, entry)
        ends[entry.site] = (number + 1, hashed)
        shard, offset, n = entry.place or (None, None, None)
        rows.append({
            "site": entry.site, "number": number + 1, "at": entry.at, "kind": entry.kind, "who": entry.who,
            "patient": entry.patient, "shard": shard, "offset_": offset, "n": n, "key": entry.key, "doc": None,
            "digest": entry.digest, "hash": hashed,
        })  # fmt: skip
        if len(rows) == _AT_ONCE:
            connection.execute(sa.insert(chain), rows)
            rows = []
    if rows:
        connection.execute(sa.insert(chain), rows)
    if ends:
        found = [{"site": site, "number": number, "hash": hashed} for site, (number, hashed) in ends.items()]
        connection.execute(sa.insert(heads), found)


def _before(connection: sa.Connection) -> list[ChainLink]:
    """What was written so far, in the order of its journal."""
    docs: dict[tuple[int, int, int], dict[str, object]] = {}
    for table in (_TRANSITIONS, _AUDIT):
        for row in connection.execute(sa.select(table)):
            docs[row.shard, row.offset_, row.n] = json.loads(row.doc)
    pages = {row.digest: json.loads(row.doc) for row in connection.execute(sa.select(_OUTBOX))}
    found = []
    wanted = sa.select(_EFFECTS).where(_EFFECTS.c.kind.in_(("transition", "audit", "page")))
    for row in connection.execute(wanted.order_by(*(_EFFECTS.c[name] for name in _KEY))):
        place = (row.shard, row.offset_, row.n)
        doc = pages.get(row.digest) if row.kind == "page" else docs.get(place)
        if doc is None:
            continue  # it disagreed with what was there, and is set aside
        kind, who, key = str(doc.get("kind")), doc.get("by"), None
        if row.kind == "transition":
            evidence = doc["evidence"]
            who = evidence.get("by") if isinstance(evidence, dict) else None
            kind = f"transition.{doc['transition']}"
        elif row.kind == "page":
            kind, who, key = "page", None, str(doc["key"])
        patient = doc["patient"]
        found.append(
            ChainLink(
                str(doc["site"]), str(doc["at"]), kind, who if isinstance(who, str) else None,
                patient if isinstance(patient, str) else None, row.digest, None, place, key,
            )
        )  # fmt: skip
    return found
