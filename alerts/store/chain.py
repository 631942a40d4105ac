"""The audit chain: everything that is audited at a site, one after the other, each entry bound to the one before by its hash.

An entry's hash is SHA-256 over the hash of the entry before, its place and its facts, among them the digest of its content. So
an entry that is changed, taken out or moved no longer fits those after it, and whoever knows a later head (it is published in the
log and the metrics) knows whether the tail was cut. A frame's transitions, entries and pages are chained in the very transaction
that writes them; their content stays where it is, and only its digest is here.
Cost: three statements a frame that has any. Bad at: whoever can write to the file can make a whole new chain, which only a
published head shows. Never here: transactions (the caller's), clocks, whether a chain is whole (chain_checked.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import AuditEntry, Effect, Page, Transition
from alerts.store.tables import AUDIT, AUDIT_CHAIN, AUDIT_HEADS, CONFLICTS, OUTBOX, TRANSITIONS
from models.wire.audit import AuditEntryOut, AuditOut

CHAINED: Final = {"transition": Transition, "audit": AuditEntry, "page": Page}
"""The effects that are audited, by their kind in the store."""
ERASED: Final = "record.erased"
"""The kind of an entry that says which entries' contents are others than they were: a person's words were erased from them."""
BEFORE_THE_FIRST: Final = ""
"""What stands for the hash of an entry before the first one."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One thing that is audited. `digest`: of its content, which is `doc`, or that of the effect at `place`.

    `key`: of a page, its own; of what was noted elsewhere first, what keeps it from being chained twice.
    """

    site: str
    at: str
    kind: str
    who: str | None
    patient: str | None
    digest: str
    doc: str | None = None
    place: tuple[int, int, int] | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Where a site's chain ends: the number of its last entry, and that one's hash."""

    site: str
    number: int
    hash: str


def audited_event(
    site: str, at: str, kind: str, who: str | None, patient: str | None, about: Mapping[str, Any], key: str | None = None
) -> ChainLink:  # fmt: skip
    """What is audited and is no effect: a sign-in, a refused request, a page that was opened."""
    doc = json.dumps(about, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    doc = doc.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return ChainLink(site, at, kind, who, patient, _digest_of(doc), doc, key=key)


def audited_effect(effect: Effect, place: tuple[int, int, int], digest: str) -> ChainLink | None:
    """An effect of a frame as it is chained; None: its kind is not audited."""
    match effect:
        case Transition():
            by = effect.evidence.get("by")
            who = by if isinstance(by, str) else None
            return ChainLink(
                effect.site, effect.at, f"transition.{effect.transition}", who, effect.patient, digest, place=place
            )
        case AuditEntry():
            return ChainLink(effect.site, effect.at, effect.kind, effect.by, effect.patient, digest, place=place)
        case Page():
            return ChainLink(effect.site, effect.at, "page", None, effect.patient, digest, place=place, key=effect.key)
        case _:
            return None


def entry_hash(previous: str, number: int, entry: ChainLink) -> str:
    """The hash of an entry, from that of the one before and all its own facts."""
    facts = [
        previous, entry.site, number, entry.at, entry.kind, entry.who, entry.patient, entry.place, entry.key, entry.digest,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def extend(connection: Connection, insert: Callable[[sa.Table], Any], entries: Sequence[ChainLink]) -> None:
    """Append entries to their sites' chains, in order. The texts in them are such as the database can hold."""
    sites = sorted({entry.site for entry in entries})
    if not sites:
        return
    statements = _statements(insert)
    ends = {row.site: (row.number, row.hash) for row in connection.execute(statements.ends, {"sites": sites})}
    if missing := [site for site in sites if site not in ends]:
        empty = [{"site": site, "number": 0, "hash": BEFORE_THE_FIRST} for site in missing]
        connection.execute(statements.begin, empty)
        ends = {row.site: (row.number, row.hash) for row in connection.execute(statements.ends, {"sites": sites})}
    rows = []
    for entry in entries:
        number, previous = ends[entry.site]
        hashed = entry_hash(previous, number + 1, entry)
        ends[entry.site] = (number + 1, hashed)
        rows.append(_row(entry, number + 1, hashed))
    connection.execute(statements.entries, rows)
    last = [{"of_site": site, "last": ends[site][0], "hashed": ends[site][1]} for site in sites]
    connection.execute(statements.move, last)


class _Statements:
    """The statements that append. Built once for a database, as the ledger's are."""

    def __init__(self, insert: Callable[[sa.Table], Any]) -> None:
        named = AUDIT_HEADS.c.site.in_(sa.bindparam("sites", expanding=True))
        # In one order, so that two who extend several chains do not wait for each other.
        self.ends = sa.select(AUDIT_HEADS).where(named).order_by(AUDIT_HEADS.c.site).with_for_update()
        self.begin = insert(AUDIT_HEADS).on_conflict_do_nothing()
        self.entries = sa.insert(AUDIT_CHAIN)
        self.move = (
            sa.update(AUDIT_HEADS).where(AUDIT_HEADS.c.site == sa.bindparam("of_site"))
            .values(number=sa.bindparam("last"), hash=sa.bindparam("hashed"))
        )  # fmt: skip


_statements = lru_cache(maxsize=8)(_Statements)


def extend_once(connection: Connection, insert: Callable[[sa.Table], Any], entries: Sequence[ChainLink]) -> None:
    """Append entries, but for those whose key is there already."""
    keys = [entry.key for entry in entries if entry.key is not None]
    there = set(connection.scalars(sa.select(AUDIT_CHAIN.c.key).where(AUDIT_CHAIN.c.key.in_(keys)))) if keys else set()
    extend(connection, insert, [entry for entry in entries if entry.key is None or entry.key not in there])


# ---- reading -----------------------------------------------------------------------------------------------------


def heads(connection: Connection) -> list[AuditHead]:
    """Where each site's chain ends."""
    found = connection.execute(sa.select(AUDIT_HEADS).order_by(AUDIT_HEADS.c.site))
    return [AuditHead(row.site, row.number, row.hash) for row in found]


def contents_of(connection: Connection, rows: Sequence[sa.Row[Any]]) -> dict[int, tuple[str, str] | None]:
    """Of entries of one site, by their number: the kind of what they record in the store, and its document.

    None: it is no longer there. What is no effect has the empty kind.
    """
    found: dict[int, tuple[str, str] | None] = {row.number: ("", row.doc or "") for row in rows if row.shard is None}
    effects = [row for row in rows if row.shard is not None]
    if not effects:
        return found
    frames = sorted({(row.shard, row.offset_) for row in effects})
    docs: dict[tuple[int, int, int], tuple[str, str]] = {}
    for kind, table in (("transition", TRANSITIONS), ("audit", AUDIT)):
        for row in connection.execute(sa.select(table).where(_of_frames(table, frames))):
            docs[row.shard, row.offset_, row.n] = (kind, row.doc)
    keys = [row.key for row in effects if row.key is not None]
    pages = {row.key: row.doc for row in connection.execute(sa.select(OUTBOX).where(OUTBOX.c.key.in_(keys)))}
    # What disagreed with what was there is set aside, and is what its entry is about all the same.
    aside = {
        (row.shard, row.offset_, row.n, row.offered): (row.kind, row.doc)
        for row in connection.execute(sa.select(CONFLICTS).where(_of_frames(CONFLICTS, frames)))
    }
    for row in effects:
        place = (row.shard, row.offset_, row.n)
        page = ("page", pages[row.key]) if row.key in pages else None
        found[row.number] = aside.get((*place, row.digest)) or (docs.get(place) if row.key is None else page)
    return found


def _of_frames(table: sa.Table, frames: Sequence[tuple[int, int]]) -> sa.ColumnElement[bool]:
    """Rows of these frames, and perhaps of others. Not as a list of tuples: for one SQLite reads the whole table."""
    shards, offsets = {shard for shard, _ in frames}, [offset for _, offset in frames]
    return sa.and_(table.c.shard.in_(sorted(shards)), table.c.offset_.in_(offsets))


def entry_of(row: sa.Row[Any]) -> ChainLink:
    """The entry that a row holds."""
    place = None if row.shard is None else (row.shard, row.offset_, row.n)
    return ChainLink(row.site, row.at, row.kind, row.who, row.patient, row.digest, row.doc, place, row.key)


def content_digest(kind: str, doc: str) -> str:
    """The digest of a content: of an effect's with its kind, as the store has it; of anything else's of the document alone."""
    return _digest_of(f"{kind}\n{doc}" if kind else doc)


def audit_page(
    connection: Connection, site: str, before: int | None, limit: int, kind: str | None, who: str | None, patient: str | None
) -> AuditOut:  # fmt: skip
    """Entries of a site below a number, the last first; `kind` is one, or the beginning of several before a dot."""
    wanted = sa.select(AUDIT_CHAIN).where(AUDIT_CHAIN.c.site == site)
    if before is not None:
        wanted = wanted.where(AUDIT_CHAIN.c.number < before)
    if kind is not None:
        below = AUDIT_CHAIN.c.kind.startswith(f"{kind}.", autoescape=True)
        wanted = wanted.where((AUDIT_CHAIN.c.kind == kind) | below)
    for column, value in ((AUDIT_CHAIN.c.who, who), (AUDIT_CHAIN.c.patient, patient)):
        if value is not None:
            wanted = wanted.where(column == value)
    rows = list(connection.execute(wanted.order_by(AUDIT_CHAIN.c.number.desc()).limit(limit + 1)))
    shown = rows[:limit]
    contents = contents_of(connection, shown)
    end = next((head for head in heads(connection) if head.site == site), None)
    entries: list[AuditEntryOut] = [
        {
            "number": row.number, "at": row.at, "kind": row.kind, "who": row.who, "patient": row.patient,
            "doc": None if (content := contents[row.number]) is None else json.loads(content[1]), "hash": row.hash,
        }
        for row in shown
    ]  # fmt: skip
    return {
        "site": site, "head": None if end is None else {"number": end.number, "hash": end.hash}, "entries": entries,
        "next": shown[-1].number if len(rows) > limit else None,
    }  # fmt: skip


def following(connection: Connection, site: str, after: int, limit: int) -> list[sa.Row[Any]]:
    """Entries of a site above a number, in order."""
    wanted = sa.select(AUDIT_CHAIN).where(AUDIT_CHAIN.c.site == site, AUDIT_CHAIN.c.number > after)
    return list(connection.execute(wanted.order_by(AUDIT_CHAIN.c.number).limit(limit)))


def _row(entry: ChainLink, number: int, hashed: str) -> dict[str, Any]:
    shard, offset, n = entry.place or (None, None, None)
    return {
        "site": entry.site, "number": number, "at": entry.at, "kind": entry.kind, "who": entry.who, "patient": entry.patient,
        "shard": shard, "offset_": offset, "n": n, "key": entry.key, "doc": entry.doc, "digest": entry.digest, "hash": hashed,
    }  # fmt: skip


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
