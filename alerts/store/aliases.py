"""Aliases that are one person, as the audit has them: what is stored under either is of the one that stays.

Nothing is written anew when two are merged: an entry stays under the alias that it came with, and what is read of a person is
read of all their aliases. Cost: one look by an index for each read. Never here: whether two may be merged
(`streams/ward/merging.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.ledger import clean
from alerts.store.tables import AUDIT
from models.aliases import ALL_OF, Aliases
from models.arrays import Document

MERGED: Final = "patient.merged"
_LEAVES: Final = 3
"""How deep a person's own limits lie: rule, priority, channel."""


def aliases_at(connection: Connection, site: str) -> Aliases:
    """The merged aliases of a site."""
    wanted = (
        sa.select(AUDIT.c.doc)
        .where(AUDIT.c.site == clean(site), AUDIT.c.kind == MERGED)
        .order_by(AUDIT.c.shard, AUDIT.c.offset_, AUDIT.c.n)
    )
    found = Aliases()
    for doc in connection.scalars(wanted):
        entry = json.loads(doc)
        found.merge(site, entry["patient"], entry["doc"]["merged"])
    return found


def names_of(aliases: Aliases, site: str, patient: str) -> list[str]:
    """The names under which anything is stored of the person who goes by an alias; that of the one that stays first."""
    return [clean(alias) for alias in aliases.all_of(site, patient)]


def stored_names(connection: Connection, site: str, patient: str) -> list[str]:
    """`names_of`, for who needs nothing else of the site's aliases."""
    return names_of(aliases_at(connection, site), site, patient)


def told_apart(entries: Sequence[Document], survivor: str) -> list[Document]:
    """A person's entries as sent, with other ids where two aliases had the same: they are of two entries, and no repeat."""
    whose: dict[str, set[str]] = {}
    for entry in entries:
        if entry.get("id") is not None:
            whose.setdefault(entry["id"], set()).add(entry.get("patient", survivor))
    shared = {id_ for id_, aliases in whose.items() if len(aliases) > 1}
    if not shared:
        return list(entries)
    return [
        {**entry, **{name: _own(alias, entry[name]) for name in ("id", "replaces") if entry.get(name) in shared}}
        if (alias := entry.get("patient", survivor)) != survivor else entry
        for entry in entries
    ]  # fmt: skip


def _own(alias: str, id_: str) -> str:
    return blake2b(f"{alias}\x1f{id_}".encode(), digest_size=16).hexdigest()


def registered(entries: Iterable[Document], survivor: str, fields: Sequence[str]) -> Document:
    """What is registered of a person, and when anything was said of them last: by their registrations and merges, in order.

    As the ward has it (`streams/ward/people.py`): each field as it was said last; of lists, when two aliases are merged, all of
    both; of own limits those of the alias that stays before the other's.
    """
    said: dict[str, dict[str, tuple[int, Any]]] = {}
    for number, entry in enumerate(entries):
        mine = said.setdefault(entry["patient"], {})
        if entry["kind"] != MERGED:
            sent = entry["doc"]
            mine |= {name: (number, sent[name]) for name in fields if sent.get(name) is not None}
            mine["at"] = (number, entry["at"])
            continue
        for name, theirs in said.pop(entry["doc"]["merged"], {}).items():
            own = mine.get(name)
            if own is None:
                mine[name] = theirs
                continue
            newer = max(own, theirs, key=lambda each: each[0])
            if name in ALL_OF:
                mine[name] = (newer[0], list(dict.fromkeys((*own[1], *theirs[1]))))
            elif name == "limits":
                mine[name] = (newer[0], _limits(own[1], theirs[1]))
            else:
                mine[name] = newer
    return {name: value for name, (_, value) in said.get(survivor, {}).items()}


def _limits(own: Mapping[str, Any], theirs: Mapping[str, Any], depth: int = _LEAVES) -> dict[str, Any]:
    """Limits of both; where both have one, their own."""
    found = {**theirs, **own}
    if depth > 1:
        found |= {name: _limits(own[name], theirs[name], depth - 1) for name in own.keys() & theirs.keys()}
    return found
