"""Whether an audit chain is whole: its entries in order with their contents in, what is wrong with them out.

Found: an entry that was changed, taken out, put in or moved; a tail that was cut, also when the end that the store has noted was
cut with it, if a head that was published before is given; what an entry records being gone or another than it was.
Cost: one hash an entry, and no more memory than for one. Bad at: whoever makes a whole new chain is found by a published head
alone, and what was chained after the last published one may be cut unseen. Never here: where entries come from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.chain import (
    BEFORE_THE_FIRST,
    CHAINED,
    ERASED,
    AuditHead,
    ChainLink,
    content_digest,
    contents_of,
    entry_hash,
    entry_of,
    following,
    heads,
)
from alerts.store.tables import AUDIT_CHAIN, EFFECTS

SHORTEST_HEAD: Final = 12
"""Digits of a head's hash that are enough to know it by: what the metrics hold of it, one in 2^48 by chance."""
ENTRIES_AT_ONCE: Final = 500
MOST_NAMED: Final = 20
"""Effects without an entry that are named; the chain's own faults are all named."""


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry in its place, with the kind and document of what it records; None: that is gone."""

    number: int
    hash: str
    entry: ChainLink
    content: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Tampered:
    """One thing that is wrong. `number`: the entry where it shows."""

    site: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.site} {self.number}: {self.what}"


def tampered(
    site: str, entries: Iterable[ChainedEntry], ends: Sequence[AuditHead] = (),
    passed: Callable[[str, int], None] = lambda site, number: None, begins: int = 0,
    erased: Mapping[int, str] = MappingProxyType({}),
) -> Iterator[Tampered]:  # fmt: skip
    """What is wrong with a site's chain.

    Args:
        entries: in the order of their numbers. ends: heads that the chain has had, the one that the store has noted among them.
        passed: called with the number of each entry that was looked at.
        begins: the number before the first entry, of a part of a chain; that one's own place in it cannot be checked.
        erased: the digest that the content of an entry has now, where the chain says that words were erased from it.
    """
    number, previous = begins, BEFORE_THE_FIRST if begins == 0 else None
    awaited = {(end.number, end.hash) for end in ends if end.number > begins}
    for each in entries:
        if each.number != number + 1:
            gone = each.number - number - 1
            yield Tampered(site, each.number, "its number comes twice" if gone < 0 else f"{gone} before it gone")
        elif previous is not None and each.hash != entry_hash(previous, each.number, each.entry):
            yield Tampered(site, each.number, "not as it was written, or not in its place")
        if each.content is None:
            yield Tampered(site, each.number, f"what it records is gone: {_place(each.entry)}")
        elif content_digest(*each.content) != erased.get(each.number, each.entry.digest):
            yield Tampered(site, each.number, f"what it records was changed: {_place(each.entry)}")
        awaited = {end for end in awaited if not (end[0] == each.number and each.hash.startswith(end[1]))}
        number, previous = each.number, each.hash
        passed(site, number)
    for end, _ in sorted(awaited):
        yield Tampered(site, end, "it was here, and is cut off" if end > number else "another than was published")


def _place(entry: ChainLink) -> str:
    return (
        entry.kind
        if entry.place is None
        else f"{entry.kind} of frame {entry.place[0]}:{entry.place[1]}, effect {entry.place[2]}"
    )


def tampered_in_store(
    connection: Connection,
    published: Sequence[AuditHead] = (),
    passed: Callable[[str, int], None] = lambda site, number: None,
) -> Iterator[Tampered]:
    """What is wrong with all chains of a store, and with what they record. `published`: heads known from elsewhere."""
    noted = heads(connection)
    there = set(connection.scalars(sa.select(AUDIT_CHAIN.c.site).distinct()))
    for site in sorted(there | {head.site for head in (*noted, *published)}):
        mine = [head for head in (*noted, *published) if head.site == site]
        if site in there and not any(head.site == site for head in noted):
            yield Tampered(site, 0, "where the chain ends is not noted any more")
        yield from tampered(
            site, stored_entries(connection, site), mine, passed, erased=stored_erasures(connection, site)
        )
        last = connection.scalar(sa.select(sa.func.max(AUDIT_CHAIN.c.number)).where(AUDIT_CHAIN.c.site == site)) or 0
        if any(head.number < last for head in noted if head.site == site):
            yield Tampered(site, last, "entries after the end that the store has noted")
    place = (
        AUDIT_CHAIN.c.shard == EFFECTS.c.shard,
        AUDIT_CHAIN.c.offset_ == EFFECTS.c.offset_,
        AUDIT_CHAIN.c.n == EFFECTS.c.n,
    )
    unchained = sa.select(EFFECTS).where(EFFECTS.c.kind.in_(CHAINED), ~sa.exists().where(*place))
    for row in connection.execute(
        unchained.order_by(EFFECTS.c.shard, EFFECTS.c.offset_, EFFECTS.c.n).limit(MOST_NAMED)
    ):
        yield Tampered("", 0, f"{row.kind} of frame {row.shard}:{row.offset_}, effect {row.n}, has no entry")


def erasures(said: Iterable[tuple[int, str]]) -> dict[int, str]:
    """The digests that contents have now, by the number of their entry, of the numbers and documents of `record.erased` entries.

    One says so of entries before it, never of itself or of what came later.
    """
    found: dict[int, str] = {}
    for own, doc in said:
        try:
            found.update((int(number), str(digest)) for number, digest in json.loads(doc)["replaced"] if number < own)
        except (ValueError, KeyError, TypeError):
            continue  # not as it was written, which its own entry shows
    return found


def stored_erasures(connection: Connection, site: str) -> dict[int, str]:
    """The same, of a site's chain."""
    said = sa.select(AUDIT_CHAIN.c.number, AUDIT_CHAIN.c.doc).where(
        AUDIT_CHAIN.c.site == site, AUDIT_CHAIN.c.kind == ERASED
    )
    return erasures((row.number, row.doc or "") for row in connection.execute(said.order_by(AUDIT_CHAIN.c.number)))


def stored_entries(connection: Connection, site: str, after: int = -(2**62)) -> Iterator[ChainedEntry]:
    """A site's entries in order, with what they record; those after a number."""
    while rows := following(connection, site, after, ENTRIES_AT_ONCE):
        contents = contents_of(connection, rows)
        for row in rows:
            yield ChainedEntry(row.number, row.hash, entry_of(row), contents[row.number])
        after = rows[-1].number
