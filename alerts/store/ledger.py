"""Writing one frame's effects: each once, all together, and never over what is there.

The first transaction to write a frame's key (shard, offset, n) wins. Everybody who comes later is compared with it: the same
content is a repeat and changes nothing; other content is a `Conflict`, returned and set aside in its own table, because two
versions of what happened to a patient are something to look into, not something to choose between here.
Of the synthetic patient nothing is written but the pages that are owed: what it does each minute is nobody's history.
Cost: eight statements for a frame with one alert, three of them its audit (chain.py). Never here: transactions, clocks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import AuditEntry, DeadLetter, Effect, Forecast, FrameEffects, Page, Transition, encode
from alerts.store.alert_document import fold
from alerts.store.chain import ChainLink, audited_effect, content_digest, extend
from alerts.store.tables import (
    ALERTS,
    AUDIT,
    CONFLICTS,
    DEAD_LETTERS,
    EFFECTS,
    FORECASTS,
    LATEST_FORECASTS,
    OUTBOX,
    PAGE_ALERTS,
    TRANSITIONS,
)
from alerts.store.turns import spare_answered
from models.instants import from_iso
from models.synthetic import SYNTHETIC_SITE
from models.tables.rules import Priority
from models.wire.live import AlertState

Columns = dict[str, Any]
Insert = Callable[[sa.Table], Any]
"""An INSERT of the database at hand, which knows ON CONFLICT (`Database.insert`)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """An effect that disagrees with what is already written. Digests are of content; empty where there is no such effect."""

    shard: int
    offset: int
    n: int
    kind: str
    stored: str
    offered: str
    reason: str


class WrittenMeanwhile(Exception):
    """Another owner of the shard wrote this frame between our two statements: start again, and compare."""


class _Row(NamedTuple):
    key: dict[str, int]
    effect: Effect
    kind: str
    digest: str
    doc: str


def write(connection: Connection, insert: Insert, frame: FrameEffects, trace: str | None = None) -> list[Conflict]:
    """Write a frame's effects in the caller's transaction. `trace`: what its pages go on with (alerts/tracing.py).

    Raises:
        WrittenMeanwhile: roll back and call again.
    """
    statements = _statements(insert)
    rows = _kept_rows(frame)
    of_frame = {"of_shard": frame.shard, "of_offset": frame.offset}
    stored = {row.n: (row.kind, row.digest) for row in connection.execute(statements.stored, of_frame)}
    if stored:
        conflicts = list(_disagreements(frame, rows, stored))
    elif rows:
        offered = [{**row.key, "kind": row.kind, "digest": row.digest} for row in rows]
        won = connection.scalars(statements.effects, offered).all()
        if len(won) < len(rows):
            raise WrittenMeanwhile
        conflicts = [
            *_write_transitions(connection, statements, [row for row in rows if row.kind == "transition"]),
            *_write_pages(connection, statements, [row for row in rows if row.kind == "page"], trace),
        ]
        entries = [_columns(row, "site", "patient", "session", "at", "kind") for row in rows if row.kind == "audit"]
        if entries:
            connection.execute(statements.audit, entries)
        letters = [_columns(row, "site", "at") for row in rows if row.kind == "dead-letter"]
        if letters:
            connection.execute(statements.dead_letters, letters)
        _write_forecasts(connection, statements, [row for row in rows if row.kind == "forecast"])
        extend(connection, insert, [entry for row in rows if (entry := _audited(row)) is not None])
    else:
        conflicts = []
    probes = [
        _row(frame, n, effect) for n, effect in enumerate(frame.effects)
        if isinstance(effect, Page) and effect.site == SYNTHETIC_SITE
    ]  # fmt: skip
    if probes:
        _write_pages(connection, statements, probes, trace)
    if conflicts:
        docs = {row.key["n"]: row.doc for row in rows}
        connection.execute(statements.conflicts, [_aside(it, docs) for it in conflicts])
    return conflicts


class _Statements:
    """The statements that write a frame. Built once for a database: to build one takes longer than SQLite takes to run it."""

    def __init__(self, insert: Insert) -> None:
        self.stored = sa.select(EFFECTS).where(
            EFFECTS.c.shard == sa.bindparam("of_shard"), EFFECTS.c.offset_ == sa.bindparam("of_offset")
        )
        self.effects = insert(EFFECTS).on_conflict_do_nothing().returning(EFFECTS.c.n)
        self.transitions = insert(TRANSITIONS).on_conflict_do_nothing().returning(TRANSITIONS.c.n)
        self.alerts_of = sa.select(ALERTS.c.alert, ALERTS.c.doc).where(
            ALERTS.c.alert.in_(sa.bindparam("names", expanding=True))
        )
        alert = insert(ALERTS)
        self.alerts = alert.on_conflict_do_update(
            index_elements=["alert"],
            set_={name: alert.excluded[name] for name in ("seq", "phase", "rank", "doc")},
            where=alert.excluded.seq > ALERTS.c.seq,
        )
        self.pages = insert(OUTBOX).on_conflict_do_nothing().returning(OUTBOX.c.key)
        self.page_alerts = insert(PAGE_ALERTS).on_conflict_do_nothing()
        self.pages_of = sa.select(OUTBOX.c.key, OUTBOX.c.digest).where(
            OUTBOX.c.key.in_(sa.bindparam("keys", expanding=True))
        )
        self.audit, self.dead_letters = sa.insert(AUDIT), sa.insert(DEAD_LETTERS)
        self.forecasts = sa.insert(FORECASTS)
        latest = insert(LATEST_FORECASTS)
        self.latest_forecasts = latest.on_conflict_do_update(
            index_elements=["site", "patient"],
            set_={name: latest.excluded[name] for name in ("as_of", "doc")},
            where=latest.excluded.as_of >= LATEST_FORECASTS.c.as_of,
        )
        self.conflicts = insert(CONFLICTS).on_conflict_do_nothing()


_statements = lru_cache(maxsize=8)(_Statements)


def _write_transitions(connection: Connection, statements: _Statements, rows: Sequence[_Row]) -> list[Conflict]:
    """Append the transitions and bring their alerts up to date."""
    if not rows:
        return []
    columns = ("site", "seq", "alert", "patient", "session", "rule", "at")
    won = set(connection.scalars(statements.transitions, [_columns(row, *columns) for row in rows]))
    fresh = [row.effect for row in rows if row.key["n"] in won and isinstance(row.effect, Transition)]
    names = {clean(step.alert) for step in fresh}
    found = connection.execute(statements.alerts_of, {"names": sorted(names)})
    alerts: dict[str, AlertState] = {row.alert: json.loads(row.doc) for row in found}
    for step in fresh:
        alerts[clean(step.alert)] = fold(alerts.get(clean(step.alert)), step)
    if alerts:
        connection.execute(statements.alerts, [alert_columns(alert) for alert in alerts.values()])
    spare_answered(connection, fresh)
    return [_conflict(row, "", "another transition has its site and seq") for row in rows if row.key["n"] not in won]


def _write_pages(
    connection: Connection, statements: _Statements, rows: Sequence[_Row], trace: str | None
) -> list[Conflict]:
    """Insert the pages into the outbox. One that is there already, owed or sent, is left as it is."""
    if not rows:
        return []
    pages = {clean(row.effect.key): row.effect for row in rows if isinstance(row.effect, Page)}
    won = connection.scalars(statements.pages, [_page_columns(row) | {"trace": trace} for row in rows]).all()
    spoken = [{"alert": clean(alert), "key": key} for key in won for alert in dict.fromkeys(pages[key].alerts)]
    if spoken:
        connection.execute(statements.page_alerts, spoken)
    found = connection.execute(statements.pages_of, {"keys": list(pages)})
    stored: dict[str, str] = {row.key: row.digest for row in found}
    taken = ((row, stored[_page_columns(row)["key"]]) for row in rows)
    return [_conflict(row, digest, "another page has its key") for row, digest in taken if digest != row.digest]


def _write_forecasts(connection: Connection, statements: _Statements, rows: Sequence[_Row]) -> None:
    """Insert the forecasts, and update each patient's newest: that of the latest day, and of that day the last one made."""
    if not rows:
        return
    connection.execute(statements.forecasts, [_columns(row, "site", "patient", "as_of", "known") for row in rows])
    latest: dict[tuple[str, str], Columns] = {}
    for row in rows:
        columns = _columns(row, "site", "patient", "as_of")
        mine = {name: columns[name] for name in ("site", "patient", "as_of", "doc")}
        before = latest.get((mine["site"], mine["patient"]))
        if before is None or mine["as_of"] >= before["as_of"]:
            latest[mine["site"], mine["patient"]] = mine
    connection.execute(statements.latest_forecasts, list(latest.values()))


def _disagreements(
    frame: FrameEffects, rows: Sequence[_Row], stored: dict[int, tuple[str, str]]
) -> Iterable[Conflict]:  # fmt: skip
    offered = {row.key["n"]: row for row in rows}
    for n in sorted(offered.keys() | stored.keys()):
        kind, digest = stored.get(n, ("", ""))
        row = offered.get(n)
        if row is None:
            yield Conflict(frame.shard, frame.offset, n, kind, digest, "", "written before, missing now")
        elif row.digest != digest:
            yield _conflict(row, digest, "written before with other content" if digest else "not there before")


def _conflict(row: _Row, stored: str, reason: str) -> Conflict:
    return Conflict(row.key["shard"], row.key["offset_"], row.key["n"], row.kind, stored, row.digest, reason)


def _aside(it: Conflict, docs: dict[int, str]) -> Columns:
    columns = {"shard": it.shard, "offset_": it.offset, "n": it.n, "kind": it.kind}
    return {**columns, "stored": it.stored, "offered": it.offered, "doc": docs.get(it.n, "")}


_KINDS: Final = {
    Transition: "transition", Page: "page", AuditEntry: "audit", DeadLetter: "dead-letter", Forecast: "forecast",
}  # fmt: skip


def _row(frame: FrameEffects, n: int, effect: Effect) -> _Row:
    doc: str = clean(encode(effect))
    kind = _KINDS[type(effect)]
    return _Row({"shard": frame.shard, "offset_": frame.offset, "n": n}, effect, kind, content_digest(kind, doc), doc)


def _kept_rows(frame: FrameEffects) -> list[_Row]:
    """The rows of a frame's effects: of all but the synthetic patient's."""
    return [_row(frame, n, effect) for n, effect in enumerate(frame.effects) if effect.site != SYNTHETIC_SITE]


def digests_of(frame: FrameEffects) -> list[tuple[int, int, str, str]]:
    """A frame's effects as (offset, n, kind, digest), as the store has them once they are written."""
    return [(row.key["offset_"], row.key["n"], row.kind, row.digest) for row in _kept_rows(frame)]


def _audited(row: _Row) -> ChainLink | None:
    entry = audited_effect(row.effect, (row.key["shard"], row.key["offset_"], row.key["n"]), row.digest)
    if entry is None:
        return None
    texts = {name: clean(getattr(entry, name)) for name in ("site", "at", "kind", "who", "patient", "key")}
    return replace(entry, **texts)


def _columns(row: _Row, *names: str) -> Columns:
    return {**row.key, "doc": row.doc, **{name: clean(getattr(row.effect, name)) for name in names}}


def alert_columns(alert: AlertState) -> Columns:
    """An alert's row, of how it stands."""
    doc = clean(json.dumps(alert, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    columns = {"alert": alert["alert"], "site": alert["site"], "phase": alert["phase"], "onset_at": alert["onset_at"]}
    cleaned = {name: clean(value) for name, value in columns.items()}
    return {**cleaned, "seq": alert["seq"], "rank": _rank(alert["priority"]), "doc": doc}


def _page_columns(row: _Row) -> Columns:
    page = row.effect
    if not isinstance(page, Page):
        raise TypeError(f"not a page: {row.kind}")
    columns = {"key": clean(page.key), "rank": _rank(page.priority), "at_us": from_iso(page.at)}
    return {**columns, "digest": row.digest, "doc": row.doc, "addressed": False, "sent_us": None, "for_": page.audience}


def _rank(word: str) -> int:
    return int(Priority[word.upper()])


def clean(value: Any) -> Any:
    """Text as every database can hold it: PostgreSQL refuses NUL, UTF-8 refuses half a surrogate pair.

    A sender can write both, and a frame that cannot be stored would stop its shard for good.
    """
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
