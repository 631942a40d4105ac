"""Erasing what a data directory says of a person in words, while what the rules decided of a pseudonym stays as it was.

In: a directory that no service runs on, and an alias. Out of it go the name (with every earlier key, so that no old copy gives
it), and each free text of that patient's: notes, details, reasons, lines that were set aside, and whatever else is named. In
their place stands a mark by chance, different for each text, so that what was a repeat is one still and nothing else becomes one.
What stays: times, doses, vitals, scores, alerts, under the alias, which from here on leads to nobody.
How replay and both chains hold: frames are rewritten with the mark, what was decided of them has the same mark, and digests are
made anew. A frame's link stays and another one is written beside it (`journal_erased`); the audit's entries stay as they are,
and one that is appended to it, `record.erased`, names each entry whose content is another now, with its digest.
Why so: `decisions/0001-erasing-words-and-keeping-decisions.md`. Cost: it reads the whole journal, and writes the file anew once.
Never here: backups, which are copies elsewhere (docs/privacy.md says what becomes of them).
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final

import msgpack
import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.aliases import aliases_at, stored_names
from alerts.store.chain import ERASED, audited_event, content_digest, extend
from alerts.store.ledger import clean
from alerts.store.store import Store
from alerts.store.tables import AUDIT_CHAIN
from deploy.upkeep.verify import DATABASE
from models.instants import iso
from models.tables.conditions import WEIGHED, interactions_of, weigh_conditions
from models.tables.form_items import slug
from models.tables.forms import ScoreRefused, score_of
from models.tables.suicidality import hidden_in, item_9_unknown, risk_of
from models.tables.symptoms import alarming
from streams.journal.chain import NO_LINK, link_of
from streams.journal.frame import FORMAT
from streams.journal.journal import ERASED_LINKS
from streams.ward.home.rules import BOOKING
from streams.ward.rules.help_asked import ASKED_AGAIN
from streams.ward.session_entries import OXYGEN_OFF

FREE_TEXTS: Final = frozenset(("note", "detail", "line"))
"""The fields of an entry that somebody fills in words; `reason` is one where a session ends and where a limit is changed."""
SHORTEST: Final = 3
"""Characters of a text that is looked for elsewhere too: a shorter one is a part of many words."""
_BEGINS: Final = "[erased "
_FREE_WITHIN: Final = {"limits": FREE_TEXTS | {"reason"}, "unread": frozenset(("value",))}
"""And in which parts of an entry other fields are free."""
_EVENTS: Final = -1
"""Where a packed frame has its events (streams/journal/frame.py), of both formats."""


@dataclass(slots=True)
class Erased:
    """What was erased. `texts`: how many different ones; `left`: files in which one still stands, and which must be looked at."""

    texts: int = 0
    frames: int = 0
    documents: int = 0
    left: list[str] = field(default_factory=list)


def _is_read(name: str) -> bool:
    """Whether a table knows a condition or a medication by this name, so that it decides something."""
    return any(not weigh_conditions(drug, [name]).unknown or interactions_of(drug, [name]) for drug in WEIGHED)


def _judged(instrument: str, items: Any, score: float | None) -> tuple[object, ...]:
    """What is made of a check-in's answers."""
    try:
        total: object = score_of(instrument, items, score)
    except ScoreRefused as why:
        total = (why.field, str(why))
    told = [risk_of(instrument, items, score), item_9_unknown(instrument, items), bool(hidden_in(instrument, items))]
    return (total, *told, *(alarming(items, score) if instrument == "symptoms" else ()))


class _Marks:
    """What stands for each text, the same for the same."""

    def __init__(self, named: Iterable[str]) -> None:
        self._marks: dict[str, str] = {}
        self._named = {text: self.of(text) for text in named if text}

    def of(self, text: str) -> str:
        """The mark of a free text. Whether oxygen was taken away is read out of one, and stays."""
        if text not in self._marks:
            kept = sorted(OXYGEN_OFF & set(slug(text).split("-")))
            self._marks[text] = f"{_BEGINS}{secrets.token_hex(4)}]{''.join(f' {word}' for word in kept)}"
        return self._marks[text]

    @property
    def texts(self) -> list[str]:
        return [text for text in self._marks if len(text) >= SHORTEST]

    def record(self, said: dict[str, Any]) -> dict[str, Any]:
        """An entry as sent, with marks for its free texts, for what no table reads, and for what is named, wherever it stands."""
        changed = dict(said)
        match said.get("kind"):
            case "checkin":
                changed["items"] = self._unread_answers(said)
            case "patient.registered":
                for name in ("conditions", "medications"):
                    if said.get(name):
                        changed[name] = [
                            each if _is_read(each) or each.startswith(_BEGINS) else self.of(each) for each in said[name]
                        ]
        if changed.get("items", "") is None:
            del changed["items"]
        free = FREE_TEXTS | ({"reason"} if said.get("kind") == "session.ended" else set())
        # A visit's date, and that help is asked for again, are read out of the same field, and are no words.
        decides = {"detail"} if said.get("what") == BOOKING or said.get("detail") == ASKED_AGAIN else set()
        found: dict[str, Any] = self._without_words(changed, free - decides)
        return found

    def _unread_answers(self, said: dict[str, Any]) -> Any:
        """A check-in's answers, with marks for those that change nothing of what is made of them."""
        items: Any = said.get("items")
        instrument = said["instrument"]
        places = list(items) if isinstance(items, dict) else range(len(items)) if isinstance(items, list) else []
        for place in places:
            text = items[place]
            if isinstance(text, str) and text and not text.startswith(_BEGINS):
                tried = dict(items) if isinstance(items, dict) else list(items)
                tried[place] = self.of(text)
                if _judged(instrument, tried, said.get("score")) == _judged(instrument, items, said.get("score")):
                    items = tried
        return items

    def _without_words(self, value: Any, free: frozenset[str]) -> Any:
        match value:
            case dict():
                return {
                    key: self.of(each)
                    if key in free and isinstance(each, str) and each and not each.startswith(_BEGINS)
                    else self._without_words(each, _FREE_WITHIN.get(key, free))
                    for key, each in value.items()
                }
            case list():
                return [self._without_words(each, free) for each in value]
            case str():
                return self._without(value, self._named)
            case _:
                return value

    def derived(self, value: Any) -> Any:
        """What was made of entries, with the marks of all texts that are known by now."""
        match value:
            case dict():
                return {key: self.derived(each) for key, each in value.items()}
            case list() | tuple():
                return [self.derived(each) for each in value]
            case str():
                return self._without(value, self._marks)
            case _:
                return value

    def _without(self, text: str, marks: dict[str, str]) -> str:
        for known in sorted(marks, key=len, reverse=True):
            if known in text and (text == known or len(known) >= SHORTEST):
                text = text.replace(known, marks[known])
        return text


def erase(
    data: Path, site: str, patient: str, named: Sequence[str], who: str, reason: str, now_us: int,
    say: Callable[[str], None] = lambda line: None,
) -> Erased:  # fmt: skip
    """Erase a person's words from the database of a directory; the lock of the directory is the caller's.

    Args:
        named: texts that must stand nowhere any more, the person's name first among them.
        who, reason: as the audit has them; the reason must not hold what is erased.

    Raises:
        LookupError: nothing is known of that alias at the site.
    """
    store = Store(f"sqlite:///{data / DATABASE}")
    found, marks = Erased(), _Marks(named)
    try:
        with store.database.writing() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
            whose = _Whose.of(connection, site, patient)
            lines = _frames(connection, whose, marks, found)
            replaced = _documents(connection, whose, marks, lines, found)
            _checkpoints(connection, marks)
            about = {"reason": reason, "frames": found.frames, "replaced": replaced}
            extend(
                connection, store.database.insert,
                [audited_event(clean(site), iso(now_us), ERASED, who, clean(patient), about)],
            )  # fmt: skip
    finally:
        store.close()
    say(
        f"erased {len(marks.texts)} texts in {found.frames} frames and {found.documents} documents; writing the file anew"
    )
    with closing(sqlite3.connect(data / DATABASE, isolation_level=None)) as database:
        # What was deleted in earlier years lies in free pages; and the log of changes still holds what was just taken out.
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found.texts = len(marks.texts)
    found.left = still_in(data, marks.texts)
    return found


def aliases_of(data: Path, site: str, patient: str) -> list[str]:
    """All aliases of the person who goes by one, in a data directory; the one that stays first."""
    store = Store(f"sqlite:///{data / DATABASE}")
    try:
        with store.database.reading() as connection:
            return aliases_at(connection, site).all_of(site, patient)
    finally:
        store.close()


def still_in(folder: Path, texts: Iterable[str]) -> list[str]:
    """The files below a folder in which one of these texts still stands, as it is or as JSON writes it."""
    wanted = {form for text in texts for form in (text.encode(), json.dumps(text)[1:-1].encode())}
    if not wanted:
        return []
    pattern = re.compile(b"|".join(map(re.escape, sorted(wanted, key=len, reverse=True))))
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and pattern.search(file.read_bytes())
    ]


@dataclass(frozen=True, slots=True)
class _Whose:
    """What is one patient's, under all aliases of theirs: sessions that nobody else was in, and alerts."""

    site: str
    aliases: tuple[str, ...]
    sessions: frozenset[str]
    alerts: frozenset[str]

    @classmethod
    def of(cls, connection: Connection, site: str, patient: str) -> _Whose:
        aliases = tuple(stored_names(connection, site, patient))
        site, marks = clean(site), ", ".join("?" * len(aliases))
        rows = connection.exec_driver_sql(
            "SELECT DISTINCT session, patient FROM audit WHERE site = ? AND session IS NOT NULL", (site,)
        )
        in_session: dict[str, set[str]] = {}
        for session, who in rows:
            in_session.setdefault(session, set()).update({who} - {None})
        sessions = frozenset(session for session, who in in_session.items() if who and who <= {*aliases})
        alerts = connection.exec_driver_sql(
            f"SELECT DISTINCT alert FROM transitions WHERE site = ? AND patient IN ({marks})", (site, *aliases)
        )
        found = cls(site, aliases, sessions, frozenset(alert for (alert,) in alerts))
        known = connection.exec_driver_sql(
            f"SELECT 1 FROM audit WHERE site = ? AND patient IN ({marks}) LIMIT 1", (site, *aliases)
        ).first()
        if known is None and not found.alerts:
            raise LookupError(f"nothing is known of {patient} at {site}")
        return found

    def has(self, entry: dict[str, Any]) -> bool:
        """Whether an entry as sent is this patient's."""
        if clean(str(entry.get("site", self.site))) not in {self.site, "main"}:
            return False
        if entry.get("patient") is not None:
            return entry["patient"] in self.aliases
        if entry.get("session") in self.sessions or entry.get("alert") in self.alerts:
            return True
        line = str(entry.get("line", ""))
        return any(json.dumps(alias, ensure_ascii=False) in line or alias in line for alias in self.aliases)


_DERIVED: Final = (("transitions", "transition"), ("forecasts", "forecast"))


def _documents(
    connection: Connection, whose: _Whose, marks: _Marks, lines: Collection[str], found: Erased
) -> list[list[Any]]:
    """Rewrite the stored documents; each audited one's number and its new digest. `lines`: those that edges set aside."""
    run = connection.exec_driver_sql
    replaced: list[list[Any]] = []

    def rewrite(table: str, kind: str, place: tuple[int, int, int], before: str, made: Any) -> None:
        doc = json.dumps(made, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        if doc == before:
            return
        found.documents += 1
        digest = content_digest(kind, doc)
        where = "WHERE shard = ? AND offset_ = ? AND n = ?"
        run(f"UPDATE {table} SET doc = ? {where}", (doc, *place))
        run(f"UPDATE effects SET digest = ? {where}", (digest, *place))
        row = run(f"SELECT number FROM audit_chain {where} AND key IS NULL", place).first()
        if row is not None:
            replaced.append([row[0], digest])

    # What was entered first: it says which texts must go from all that was made of it.
    for *place, doc in run("SELECT shard, offset_, n, doc FROM audit WHERE site = ?", (whose.site,)).fetchall():
        said = json.loads(doc)
        if whose.has(
            {**said["doc"], **{name: said[name] for name in ("patient", "session") if said.get(name) is not None}}
        ):
            rewrite("audit", "audit", (place[0], place[1], place[2]), doc, {**said, "doc": marks.record(said["doc"])})
    for *place, doc in run("SELECT shard, offset_, n, doc FROM dead_letters WHERE site = ?", (whose.site,)).fetchall():
        said = json.loads(doc)
        if whose.has({"line": said["line"]}):
            made = marks.derived({**said, "line": _letter(said["line"], lines, marks)})
            rewrite("dead_letters", "dead-letter", (place[0], place[1], place[2]), doc, made)
    for (table, kind), alias in product(_DERIVED, whose.aliases):
        mine = run(f"SELECT shard, offset_, n, doc FROM {table} WHERE site = ? AND patient = ?", (whose.site, alias))
        for *place, doc in mine.fetchall():
            rewrite(table, kind, (place[0], place[1], place[2]), doc, marks.derived(json.loads(doc)))
    for key, doc in run("SELECT key, doc FROM outbox").fetchall():
        said = json.loads(doc)
        if said["site"] == whose.site and said["patient"] in whose.aliases and (made := marks.derived(said)) != said:
            text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
            digest = content_digest("page", text)
            run("UPDATE outbox SET doc = ?, digest = ? WHERE key = ?", (text, digest, key))
            run(
                "UPDATE effects SET digest = ? WHERE (shard, offset_, n) IN (SELECT shard, offset_, n FROM audit_chain WHERE key = ?)",
                (digest, key),
            )
            replaced += [[number, digest] for (number,) in run("SELECT number FROM audit_chain WHERE key = ?", (key,))]
    for alert in sorted(whose.alerts):
        for (doc,) in run("SELECT doc FROM alerts WHERE alert = ?", (alert,)).fetchall():
            text = json.dumps(marks.derived(json.loads(doc)), ensure_ascii=False, separators=(",", ":"))
            run("UPDATE alerts SET doc = ? WHERE alert = ?", (text, alert))
    for table, alias in product(("latest_forecasts", "forecast_queue"), whose.aliases):
        for (doc,) in run(f"SELECT doc FROM {table} WHERE site = ? AND patient = ?", (whose.site, alias)).fetchall():
            text = json.dumps(marks.derived(json.loads(doc)), ensure_ascii=False, separators=(",", ":"))
            run(f"UPDATE {table} SET doc = ? WHERE site = ? AND patient = ?", (text, whose.site, alias))
    for alias in whose.aliases:
        # Made of the entries, and made again when it is missing.
        run("DELETE FROM kept WHERE site = ? AND patient = ?", (whose.site, alias))
    of_events = sa.select(AUDIT_CHAIN.c.number, AUDIT_CHAIN.c.doc).where(
        AUDIT_CHAIN.c.site == whose.site, AUDIT_CHAIN.c.patient.in_(whose.aliases), AUDIT_CHAIN.c.doc.is_not(None)
    )
    for number, doc in connection.execute(of_events).all():
        made = json.dumps(marks.derived(json.loads(doc)), ensure_ascii=False, separators=(",", ":"))
        if made != doc:
            run("UPDATE audit_chain SET doc = ? WHERE site = ? AND number = ?", (made, whose.site, number))
            replaced.append([number, content_digest("", made)])
    return replaced


def _letter(line: str, lines: Collection[str], marks: _Marks) -> str:
    """The line of a dead letter: an edge's as a whole; one that the ward wrote of an entry, as that entry is now."""
    if line not in lines:
        try:
            return json.dumps(marks.record(json.loads(line)), ensure_ascii=False, separators=(",", ":"))
        except (ValueError, AttributeError, KeyError, TypeError):
            pass
    return marks.of(line)


def _frames(connection: Connection, whose: _Whose, marks: _Marks, found: Erased) -> set[str]:
    """Rewrite the journal's frames, with a link beside the one that each has; the lines that edges set aside."""
    run = connection.exec_driver_sql
    run(ERASED_LINKS)
    names = (*whose.aliases, *whose.sessions, *whose.alerts)
    # No frame is unpacked in which none of these stands.
    about = re.compile(b"|".join(re.escape(json.dumps(each, ensure_ascii=False)[1:-1].encode()) for each in names))
    last, lines = -1, set[str]()
    while True:
        rows = run(
            "SELECT offset_, received_us, payload FROM journal WHERE offset_ > ? ORDER BY offset_ LIMIT 5000", (last,)
        ).fetchall()
        if not rows:
            return lines
        last = rows[-1][0]
        for offset, received_us, payload in rows:
            made = _frame_without(bytes(payload), whose, marks, lines) if about.search(payload) else payload
            if made != payload:
                found.frames += 1
                run("UPDATE journal SET payload = ? WHERE offset_ = ?", (made, offset))
                before = run("SELECT link FROM journal_links WHERE offset_ = ?", (offset - 1,)).first()
                link = link_of(NO_LINK if before is None else bytes(before[0]), offset, received_us, made)
                run("INSERT OR REPLACE INTO journal_erased VALUES (?, ?)", (offset, link))
                # An earlier version, which knows no such link, takes the frame for one that somebody has looked at.
                run(
                    "INSERT OR REPLACE INTO journal_notes VALUES (?, ?, 'set-aside', 'words of a person were erased from it', 1)",
                    (offset, offset + 1),
                )


def _frame_without(payload: bytes, whose: _Whose, marks: _Marks, lines: set[str]) -> bytes:
    """A packed frame with marks in the events that are the patient's; its samples, which are numbers, byte for byte."""
    parts = msgpack.unpackb(payload, use_list=True, strict_map_key=False)
    if not 1 <= parts[0] <= FORMAT:
        return payload
    changed = False
    for event in parts[_EVENTS]:
        said = json.loads(event[1])
        if said.get("kind") == "line.set-aside":
            lines.add(said["line"])
        if whose.has(said) and (made := marks.record(said)) != said:
            event[1] = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
            changed = True
    return msgpack.packb(parts) if changed else payload


def _checkpoints(connection: Connection, marks: _Marks) -> None:
    """Rewrite the states that hold one of the texts."""
    run = connection.exec_driver_sql
    for shard, form, offset, state in run("SELECT shard, format, next_offset, state FROM checkpoints").fetchall():
        try:
            packed = zlib.decompress(state)
        except zlib.error:
            packed = b""  # no state: `verify` says so, and a text that is in it is found below
        if any(text.encode() in packed for text in marks.texts):
            made = zlib.compress(msgpack.packb(_restated(msgpack.unpackb(packed, strict_map_key=False), marks)), 6)
            run(
                "UPDATE checkpoints SET state = ? WHERE shard = ? AND format = ? AND next_offset = ?",
                (made, shard, form, offset),
            )


def _restated(value: Any, marks: _Marks) -> Any:
    """A state with marks; what is packed in it again is left packed, and unpacked where a text is in it."""
    match value:
        case dict():
            return {key: _restated(each, marks) for key, each in value.items()}
        case list():
            return [_restated(each, marks) for each in value]
        case str():
            return marks.derived(value)
        case bytes() if any(text.encode() in value for text in marks.texts):
            return msgpack.packb(_restated(msgpack.unpackb(value, strict_map_key=False), marks))
        case _:
            return value
