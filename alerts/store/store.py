"""The store: what became of every frame, for boards, pagers and auditors to read.

A frame's effects are written in one transaction, once: a frame that comes again changes nothing, and one that comes again
with other content is reported and stored apart, never written over the first. So a crash, a repeated frame or two owners
of one shard do no harm, and an alert's transition, its audit entry and its page are all there or all not.
Cost: one fsync a frame that has effects. Bad at: vitals, which belong in the history, not here.
Never here: a clock (instants come from the caller), a decision about an alert.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alerts.effects import FrameEffects
from alerts.store import (
    alert_list,
    archive,
    burden,
    chain,
    destinations,
    forecast_cache,
    forecast_queue,
    ledger,
    minutes,
    outbox,
    receipts,
    repeats,
    resource_rows,
    story,
)
from alerts.store.aliases import stored_names
from alerts.store.chain import AuditHead, ChainLink
from alerts.store.database import Database
from alerts.store.destinations import DestinationState
from alerts.store.forecast_cache import CachedState
from alerts.store.forecast_queue import QueuedForecast
from alerts.store.ledger import Conflict, WrittenMeanwhile, clean
from alerts.store.outbox import Lane, OwedPage, PageCounts, Recipients, Tried
from alerts.store.receipts import PagedAlert, Receipt
from alerts.store.session_record import StoredSession, stored_patient, stored_session
from alerts.store.story import AlertSpan
from alerts.store.tables import (
    ALERTS,
    AUDIT,
    CHECKPOINTS,
    CONFLICTS,
    DEAD_LETTERS,
    EFFECTS,
    TRANSITIONS,
)
from models.arrays import Document
from models.wire.audit import AuditOut
from models.wire.home import CountsOfBurden, KeptForecastOut
from models.wire.live import AlertOut, DeadLetterOut, EntryOut, TraceOut, TransitionOut
from models.wire.on_call import AlertStoryOut


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A shard's state after all frames below `next_offset`."""

    next_offset: int
    state: bytes


class Store:
    """Effects, alerts, outbox and checkpoints. Synchronous; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)

    def migrate(self) -> None:
        """Bring the schema up to this version. Call it before anything else; again is harmless."""
        self.database.migrate()

    def close(self) -> None:
        self.database.close()

    # Writing what a frame did

    def commit(self, frame: FrameEffects, trace: str | None = None) -> list[Conflict]:
        """Write one frame's effects, all or none; durable when this returns. `trace`: what its pages go on with.

        Returns:
            Where the frame disagrees with what is already written. A repeat of the same frame disagrees nowhere. What was
            offered is kept in `conflicts`, what was stored stays.
        """
        while frame.to_write:
            try:
                with self.database.writing() as connection:
                    conflicts = ledger.write(connection, self.database.insert, frame, trace) if frame.effects else []
                    minutes.write_minutes(connection, self.database.insert, frame)
                    return conflicts
            except WrittenMeanwhile:
                continue
        return []

    # Reading it back

    def transitions(self, after: int = 0, limit: int = 1000, site: str = "main") -> list[TransitionOut]:
        """A site's transitions with a `seq` above `after`, in order."""
        wanted = (
            sa.select(TRANSITIONS.c.doc)
            .where(TRANSITIONS.c.site == clean(site), TRANSITIONS.c.seq > after)
            .order_by(TRANSITIONS.c.seq)
            .limit(limit)
        )
        return self._documents(wanted)

    def snapshot(self, site: str) -> tuple[int, list[AlertOut], bool]:
        """A site's last `seq` and its open alerts, both of the same moment, so that a feed resumes without a gap; and whether
        more are open than these, which are the worst.
        """
        with self.database.reading() as connection:
            last = connection.scalar(sa.select(sa.func.max(TRANSITIONS.c.seq)).where(TRANSITIONS.c.site == clean(site)))
            found, more = alert_list.alerts_page(connection, ALERTS.c.site == clean(site), open_only=True)
            return last or 0, found, more is not None

    def alerts(self, site: str | None = None, open_only: bool = False, limit: int = 1000) -> list[AlertOut]:
        """Alerts as they stand (the worst of those that are open, or the last changed), worst first, then oldest."""
        return self.alerts_page(site, open_only, None, limit)[0]

    def alerts_page(
        self, site: str | None, open_only: bool, after: str | None, limit: int
    ) -> tuple[list[AlertOut], str | None]:
        """The same, after a cursor; with the next one, None where that was all.

        Raises:
            BadCursor: the cursor is none of ours.
        """
        mine = [ALERTS.c.site == clean(site)] if site is not None else []
        with self.database.reading() as connection:
            return alert_list.alerts_page(connection, *mine, open_only=open_only, after=after, limit=limit)

    def alert(self, alert: str) -> AlertOut | None:
        """The present document of an alert, with its pages; None if there is none of that id."""
        with self.database.reading() as connection:
            found, _ = alert_list.alerts_page(connection, ALERTS.c.alert == clean(alert))
        return found[0] if found else None

    def alerts_now(self, alerts: Sequence[str]) -> list[alert_list.AlertNow]:
        """Alerts as they stand, in this order."""
        with self.database.reading() as connection:
            return alert_list.alerts_now(connection, alerts)

    def story(self, alert: str) -> AlertStoryOut | None:
        """What is written of an alert: its transitions, its pages and their deliveries; None if there is none of that id."""
        with self.database.reading() as connection:
            return story.story(connection, alert)

    def alerts_of(self, patient: str) -> list[AlertSpan]:
        """A patient's alerts, in the order in which they were raised."""
        with self.database.reading() as connection:
            return story.alerts_of(connection, patient)

    def entries(
        self, site: str | None = None, session: str | None = None, patient: str | None = None, limit: int = 1000
    ) -> list[EntryOut]:
        """The last audit entries of a site, session or patient, in the order in which things happened."""
        equal = {"site": site, "session": session}
        if patient is None or site is None:
            return self._latest(AUDIT, {**equal, "patient": patient}, limit)
        with self.database.reading() as connection:
            names = stored_names(connection, site, patient)
        return self._latest(AUDIT, equal, limit, AUDIT.c.patient.in_(names))

    def configuration(self, site: str) -> tuple[str | None, str]:
        """The hash of the configuration that a site was given last, and where that stands: an id that changes with each."""
        mine = sa.and_(AUDIT.c.site == clean(site), AUDIT.c.kind == "site.configured")
        order = (AUDIT.c.shard.desc(), AUDIT.c.offset_.desc(), AUDIT.c.n.desc())
        with self.database.reading() as connection:
            row = connection.execute(
                sa.select(AUDIT.c.doc, AUDIT.c.offset_, AUDIT.c.n).where(mine).order_by(*order).limit(1)
            ).one_or_none()
        return (None, "new") if row is None else (json.loads(row.doc)["doc"].get("hash"), f"{row.offset_}-{row.n}")

    def dead_letters(self, site: str | None = None, limit: int = 1000) -> list[DeadLetterOut]:
        """The last lines that could not be used, in order."""
        return self._latest(DEAD_LETTERS, {"site": site}, limit)

    def conflicts(self) -> int:
        """How many effects disagreed with what was written. Anything but 0 is a defect."""
        with self.database.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(CONFLICTS)) or 0

    def next_offset(self, shard: int) -> int:
        """The offset behind the last frame of a shard whose effects are here. May be asked before `migrate`."""
        if not sa.inspect(self.database.engine).has_table(EFFECTS.name):
            return 0
        with self.database.reading() as connection:
            last = connection.scalar(sa.select(sa.func.max(EFFECTS.c.offset_)).where(EFFECTS.c.shard == shard))
        return 0 if last is None else last + 1

    def last_seqs(self, shard: int, before_offset: int) -> dict[str, int]:
        """Site → the `seq` of its last transition of a shard's frames below an offset."""
        wanted = sa.select(TRANSITIONS.c.site, sa.func.max(TRANSITIONS.c.seq)).group_by(TRANSITIONS.c.site)
        wanted = wanted.where(TRANSITIONS.c.shard == shard, TRANSITIONS.c.offset_ < before_offset)
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(wanted)}

    def digests(self, shard: int) -> list[tuple[int, int, str, str]]:
        """Every effect of a shard as (offset, n, kind, digest): to compare with a linear replay of its journal."""
        wanted = sa.select(EFFECTS.c.offset_, EFFECTS.c.n, EFFECTS.c.kind, EFFECTS.c.digest)
        with self.database.reading() as connection:
            rows = connection.execute(wanted.where(EFFECTS.c.shard == shard).order_by(EFFECTS.c.offset_, EFFECTS.c.n))
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    # Patients at home; see alerts/store/archive.py and alerts/store/burden.py

    def courses(self, site: str, patients: Sequence[str]) -> dict[str, list[Document]]:
        """What was entered of patients, in order of arrival, each entry with its `received_at`."""
        with self.database.reading() as connection:
            return archive.course(connection, site, patients)

    def registration(self, site: str, patient: str) -> Document:
        """What is registered of a patient, each field as it was last said."""
        with self.database.reading() as connection:
            return archive.registration(connection, site, patient)

    def cached_states(self, site: str, patients: Sequence[str]) -> dict[str, CachedState]:
        """The forecaster's caches of patients; who has none is missing."""
        with self.database.reading() as connection:
            return forecast_cache.cached_states(connection, site, patients)

    def save_cached_states(self, states: Sequence[CachedState]) -> None:
        """Write the forecaster's caches of patients, over the earlier ones."""
        if states:
            with self.database.writing() as connection:
                forecast_cache.save_states(connection, self.database.insert, states)

    def ask_forecasts(self, wanted: Sequence[QueuedForecast], now_us: int) -> None:
        """Put requests for forecasts into the queue."""
        if wanted:
            with self.database.writing() as connection:
                forecast_queue.ask(connection, self.database.insert, wanted, now_us)

    def claim_forecasts(self, now_us: int, lease_us: int, limit: int) -> list[QueuedForecast]:
        """Take requests for forecasts; each must be done within the lease or it becomes due again."""
        with self.database.writing() as connection:
            return forecast_queue.claim_forecasts(connection, now_us, lease_us, limit)

    def forecasts_done(self, made: Sequence[QueuedForecast]) -> None:
        """Take requests out of the queue."""
        if made:
            with self.database.writing() as connection:
                forecast_queue.done(connection, made)

    def give_up_forecasts(self, now_us: int) -> list[QueuedForecast]:
        """The requests that have had all their tries; each is given to one caller, who says so."""
        with self.database.reading() as connection:
            if not forecast_queue.has_spent(connection, now_us):
                return []
        with self.database.writing() as connection:
            return forecast_queue.give_up(connection, now_us)

    def forecasts_waiting(self) -> int:
        """How many requests for forecasts are in the queue and not given up."""
        with self.database.reading() as connection:
            return forecast_queue.count_waiting(connection)[0]

    def forecasts_given_up(self) -> int:
        """How many requests for forecasts were given up."""
        with self.database.reading() as connection:
            return forecast_queue.count_waiting(connection)[1]

    def sessions_of(self, site: str, patient: str) -> tuple[list[Document], dict[str, int]]:
        """What was entered in a patient's sessions, and how many alerts each session raised."""
        with self.database.reading() as connection:
            entered = archive.in_sessions(connection, site, patient)
            return entered, archive.alerts_by_session(connection, site, patient)

    def forecasts(
        self, site: str, patient: str | None = None, as_of: str | None = None, history: bool = False
    ) -> list[KeptForecastOut]:
        """Each patient's newest forecast; those of a day; or, as history, the last one of every patient and day."""
        with self.database.reading() as connection:
            if history or as_of is not None:
                return archive.past_forecasts(connection, site, patient, as_of)
            return archive.latest_forecasts(connection, site, patient)

    def trace(self, site: str, session: str, patient: str | None = None) -> TraceOut:
        """A session's vitals by the minute, of the patient in it last if no other is named."""
        with self.database.reading() as connection:
            return minutes.trace(connection, site, session, patient)

    def stored_session(self, site: str, session: str, patient: str | None = None) -> StoredSession | None:
        """What a session's record is made of; None: nobody ever entered anything in it."""
        with self.database.reading() as connection:
            return stored_session(connection, site, session, patient)

    def stored_patient(self, site: str, patient: str) -> list[StoredSession] | None:
        """What a patient's whole record is made of: what is in no session, then each session; None: nothing ever was entered."""
        with self.database.reading() as connection:
            return stored_patient(connection, site, patient)

    def is_known(self, site: str, patient: str) -> bool:
        """Whether anything is stored of a patient of a site."""
        with self.database.reading() as connection:
            return resource_rows.is_known(connection, site, patient)

    def burden(self, site: str, since_us: int) -> CountsOfBurden:
        """What was alerted at a site since an instant, and how its pages were answered."""
        with self.database.reading() as connection:
            return burden.burden(connection, site, since_us)

    def _latest(
        self, table: sa.Table, equal: dict[str, str | None], limit: int, *also: sa.ColumnElement[bool]
    ) -> list[Any]:  # fmt: skip
        order = (table.c.at, table.c.shard, table.c.offset_, table.c.n)
        wanted = sa.select(table.c.doc).where(*also).order_by(*(column.desc() for column in order)).limit(limit)
        for name, value in equal.items():
            if value is not None:
                wanted = wanted.where(table.c[name] == clean(value))
        return self._documents(wanted)[::-1]

    def _documents(self, wanted: sa.Select[Any]) -> list[Any]:
        """Stored documents, as they were written."""
        with self.database.reading() as connection:
            return [json.loads(doc) for doc in connection.scalars(wanted)]

    # The audit; see alerts/store/chain.py

    def chain_events(self, events: Sequence[ChainLink]) -> None:
        """Append to the audit what is no effect of a frame; durable when this returns. What is there by its key is left out."""
        if events:
            with self.database.writing() as connection:
                chain.extend_once(connection, self.database.insert, events)

    def audit_heads(self) -> list[AuditHead]:
        """Where each site's audit ends."""
        with self.database.reading() as connection:
            return chain.heads(connection)

    def audit_page(
        self, site: str, before: int | None = None, limit: int = 100, kind: str | None = None, who: str | None = None,
        patient: str | None = None,
    ) -> AuditOut:  # fmt: skip
        """A site's audit, the last entries first; see `chain.audit_page`."""
        texts = [clean(each) for each in (kind, who, patient)]
        with self.database.reading() as connection:
            return chain.audit_page(connection, clean(site), before, limit, *texts)

    # Checkpoints

    def save_checkpoint(
        self, shard: int, next_offset: int, state: bytes, state_format: int = 1, *, daily: bool = False
    ) -> bool:
        """Store a shard's state; False if there is one as far on already. The last two of each format remain, and daily ones.

        After an upgrade the old version's checkpoints stay, so that going back is possible.
        """
        mine = sa.and_(CHECKPOINTS.c.shard == shard, CHECKPOINTS.c.format == state_format)
        with self.database.writing() as connection:
            newest = connection.scalar(sa.select(sa.func.max(CHECKPOINTS.c.next_offset)).where(mine))
            if newest is not None and newest >= next_offset:
                return False
            row = {"shard": shard, "format": state_format, "next_offset": next_offset, "state": state, "daily": daily}
            connection.execute(self.database.insert(CHECKPOINTS).on_conflict_do_nothing(), [row])
            if newest is not None:
                connection.execute(
                    sa.delete(CHECKPOINTS).where(mine, ~CHECKPOINTS.c.daily, CHECKPOINTS.c.next_offset < newest)
                )
            return True

    def second_checkpoint(self, shard: int, state_format: int) -> int:
        """Where the last checkpoint but one stands, the frames from which on a start may need; 0 where there is none."""
        wanted = sa.select(CHECKPOINTS.c.next_offset).order_by(CHECKPOINTS.c.next_offset.desc()).offset(1).limit(1)
        with self.database.reading() as connection:
            found = connection.scalar(wanted.where(CHECKPOINTS.c.shard == shard, CHECKPOINTS.c.format == state_format))
        return found or 0

    def prune_checkpoints(self, shard: int, before: int) -> None:
        """Delete daily checkpoints from which nothing can be replayed, because the frames behind them are no longer kept."""
        with self.database.writing() as connection:
            connection.execute(
                sa.delete(CHECKPOINTS).where(
                    CHECKPOINTS.c.shard == shard, CHECKPOINTS.c.daily, CHECKPOINTS.c.next_offset < before
                )
            )

    def load_checkpoint(self, shard: int, state_format: int = 1, before: int | None = None) -> Checkpoint | None:
        """The furthest state of a shard, or the furthest below `before`, should that one be unreadable."""
        wanted = sa.select(CHECKPOINTS.c.next_offset, CHECKPOINTS.c.state)
        wanted = wanted.where(CHECKPOINTS.c.shard == shard, CHECKPOINTS.c.format == state_format)
        if before is not None:
            wanted = wanted.where(CHECKPOINTS.c.next_offset < before)
        with self.database.reading() as connection:
            row = connection.execute(wanted.order_by(CHECKPOINTS.c.next_offset.desc()).limit(1)).one_or_none()
        return Checkpoint(row.next_offset, bytes(row.state)) if row else None

    def newest_state_format(self, shard: int | None = None) -> int | None:
        """The latest format that a checkpoint of a shard, or of any, was written in; None where there is none.

        May be asked before `migrate`: of a database that has no tables yet, too.
        """
        if not sa.inspect(self.database.engine).has_table(CHECKPOINTS.name):
            return None
        wanted = sa.select(sa.func.max(CHECKPOINTS.c.format))
        if shard is not None:
            wanted = wanted.where(CHECKPOINTS.c.shard == shard)
        with self.database.reading() as connection:
            newest: int | None = connection.scalar(wanted)
        return newest

    # The outbox; see alerts/store/outbox.py

    def start_paging(self, names: Sequence[str], alone: bool) -> None:
        """Prepare the outbox for a pager that starts, with the destinations of these names.

        `alone`: no other runs, so every lease still open is a dead sender's.
        """
        with self.database.writing() as connection:
            outbox.retire(connection, names)
            destinations.enrol(connection, self.database.insert, names)
            if alone:
                outbox.release(connection)

    def claim_pages(
        self, destination: str, recipients: Recipients | Sequence[str], now_us: int, lease_us: int,
        room: int | Mapping[Lane, int] = 1,
    ) -> list[OwedPage]:  # fmt: skip
        """Take due pages for a destination; each must be marked within the lease or it becomes due again.

        `recipients`: whom pages that nobody was given yet are for, by site and audience, or all of these destinations.
        `room`: how many of each lane; a number: that many of each.
        """
        to = recipients if callable(recipients) else outbox.everybody(recipients)
        with self.database.reading() as connection:
            if not outbox.has_work(connection, destination, now_us):
                return []
        with self.database.writing() as connection:
            outbox.address(connection, self.database.insert, to, now_us)
            rooms = room if isinstance(room, Mapping) else dict.fromkeys(outbox.LANES, room)
            return outbox.claim(connection, destination, now_us, lease_us, rooms)

    def due_destinations(self, recipients: Recipients, now_us: int) -> set[str]:
        """Where a page can be sent now, after every page has been given its deliveries."""
        with self.database.reading() as connection:
            unaddressed = outbox.has_unaddressed(connection)
        if unaddressed:
            with self.database.writing() as connection:
                outbox.address(connection, self.database.insert, recipients, now_us)
        with self.database.reading() as connection:
            return outbox.due_destinations(connection, now_us)

    def mark_pages(self, tried: Sequence[Tried], now_us: int) -> None:
        """Write what became of tries to send pages."""
        if tried:
            with self.database.writing() as connection:
                outbox.mark_tried(connection, self.database.insert, tried, now_us)

    def superseded_pages(self) -> set[tuple[str, str]]:
        """Pages that were given up for a later one that says the same (`repeats.py`), by key and the person."""
        with self.database.reading() as connection:
            return repeats.said_again(connection)

    def forget_pages(self, keys: Collection[str]) -> None:
        """Take pages out of the outbox: for the synthetic patient's, which are nobody's history."""
        if keys:
            with self.database.writing() as connection:
                outbox.forget_pages(connection, keys)

    def receive(self, receipt: Receipt, now_us: int, retry_us: int, most_tries: int) -> str:
        """Write what a provider tells of a try; why that changes nothing, or an empty text."""
        with self.database.writing() as connection:
            return receipts.receive(
                connection, self.database.insert, receipt, now_us, retry_us, most_tries
            )  # fmt: skip

    def paged(self, names: Collection[str], since_us: int) -> list[PagedAlert]:
        """The alerts about which somebody was paged by these destinations since then, the newest first."""
        with self.database.reading() as connection:
            return receipts.paged(connection, names, since_us)

    def was_heard(self, id_: str) -> bool:
        """Whether what a provider sent under this id has counted already."""
        with self.database.reading() as connection:
            return receipts.was_heard(connection, id_)

    def record_heard(self, id_: str, now_us: int) -> None:
        """What a provider sent under this id has counted."""
        with self.database.writing() as connection:
            receipts.record_heard(connection, self.database.insert, id_, now_us)

    def unsent_pages(self) -> dict[str, str]:
        """Pages that nobody got yet, but for those that are over: by key, the alert that each is about."""
        with self.database.reading() as connection:
            return outbox.unsent(connection)

    def destinations(self) -> list[DestinationState]:
        """How each destination does, by name."""
        with self.database.reading() as connection:
            return destinations.states(connection, outbox.LIVE)

    def set_reported(self, destination: str, reported: bool) -> None:
        """Write whether the journal has it that a destination fails."""
        with self.database.writing() as connection:
            destinations.set_reported(connection, destination, reported)

    def forget_destination(self, destination: str) -> None:
        """A destination is gone, and whoever had to know that it no longer fails does."""
        with self.database.writing() as connection:
            destinations.delete_state(connection, destination)

    def page_counts(self, now_us: int) -> PageCounts:
        """For /metrics and the auditor: pages owed, sent, given up, and the age of the oldest one that nobody got."""
        with self.database.reading() as connection:
            return outbox.counts(connection, now_us)
