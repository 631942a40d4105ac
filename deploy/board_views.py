"""`ShardViews`: the answers to boards, queries and the forecaster, read off the shard that runs in this process.

The only place outside the shard's owner that looks into a shard. It changes nothing, and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Protocol

from alerts.api.views import Counts, NotNow
from alerts.desk.ladders_shown import ladders
from alerts.rota.shown import RotaInForce
from alerts.store.store import Store
from models.instants import SECOND
from models.wire.home import PatientAlertOut, PatientOut, PatientsOut
from models.wire.live import ChairsOut, Series
from models.wire.on_call import LadderOut
from streams.forecasts.pages import patient_list, patient_page, today_of
from streams.forecasts.worker import Worker, WorkerFailed
from streams.journal.frame import Origin
from streams.journal.history import VitalsHistory
from streams.journal.journal import JournalReader
from streams.shard import Shard
from streams.ward.home.rows import AtHome
from streams.ward.state import Clock


class HasShard(Protocol):
    """Whoever runs a shard in this process."""

    @property
    def shard(self) -> Shard:
        """The shard as it is now."""


class ShardViews:
    """Implements `alerts.api.views.Views` and `streams.forecasts.scheduler.ShardView`.

    Args:
        owner: whose shard is read, on the event loop that runs it. journal, store: the same shard's.
        worker: the process that draws a patient's curve. now_us: the clock that stamps the journal.
    """

    def __init__(
        self,
        owner: HasShard,
        journal: JournalReader,
        store: Store,
        worker: Worker,
        now_us: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._owner = owner
        self._store = store
        self._worker = worker
        self._wall_us = now_us
        self._history = VitalsHistory(journal, self._row_of, stamped=clock == "received")

    @property
    def _shard(self) -> Shard:
        """The owner's shard now: recovering puts another in its place."""
        return self._owner.shard

    # ---- for boards and queries ---------------------------------------------------------------------------------

    async def clock(self, site: str) -> Clock:
        return self._shard.ward.clock

    async def now_us(self, site: str) -> int:
        """The appender's, or on the observed clock the shard's, which a command must not push ahead."""
        ward = self._shard.ward
        return max(ward.clock_us, 0) if ward.clock == "observed" else self._wall_us()

    async def chairs(self, site: str) -> ChairsOut:
        return self._shard.chairs(site)

    async def series(self, site: str, session: str | None, patient: str | None, minutes: int) -> Series:
        association = self._shard.ward.association
        row = (
            association.by_name.get((site, session))
            if session is not None
            else association.by_patient.get((site, association.aliases.survivor(site, patient or "")))
        )
        if row is None:
            return {}
        return await asyncio.to_thread(self._history.series, row, minutes, await self.now_us(site))

    async def patients(self, site: str) -> PatientsOut:
        forecasts = await asyncio.to_thread(self._store.forecasts, site)
        shard = self._shard
        rows = [row for row in self.at_home() if row.site == site]
        alerts: dict[str, list[str]] = {}
        for alert in shard.desk.open.values():
            if alert.subject.site == site:
                alerts.setdefault(alert.subject.patient, []).append(alert.rule)
        policy = shard.ward.home.policies(site).checkins
        return patient_list(site, rows, forecasts, alerts, policy, self.clock_us())

    async def patient(self, site: str, patient: str) -> PatientOut | None:
        home = self._shard.ward.home
        patient = self._shard.ward.association.aliases.survivor(site, patient)
        row = home.patients.get((site, patient))
        if row is None:
            return None
        policy, clock_us = home.policies(site).checkins, self.clock_us()
        entries = (await asyncio.to_thread(self._store.courses, site, [patient]))[patient]
        history = await asyncio.to_thread(self._store.forecasts, site, patient, None, True)
        entered, raised = await asyncio.to_thread(self._store.sessions_of, site, patient)
        try:
            drawn = await self._worker.page(patient, entries, today_of(row, clock_us), policy.every_days)
        except WorkerFailed as failed:
            raise NotNow(f"no curve now: {failed}") from failed
        alerts: list[PatientAlertOut] = [
            {"alert": alert.id, "rule": alert.rule, "priority": alert.priority.word, "text": alert.text}
            for alert in self._shard.desk.open.of_patient(site, patient)
        ]
        return patient_page(site, row, drawn, history, entered, raised, alerts, policy, clock_us)

    async def rota(self, site: str) -> RotaInForce:
        here = self._shard.desk.of_site(site)
        return RotaInForce(here.on_call, tuple(here.overrides))

    async def ladders(self, site: str) -> list[LadderOut]:
        return ladders(self._shard.desk, site)

    async def counts(self) -> Counts:
        shard = self._shard
        open_alerts: Counter[str] = Counter(alert.priority.word for alert in shard.desk.open.values())
        return Counts(self.open_sessions(), dict(shard.ward.counts), open_alerts)

    # ---- for the forecaster -------------------------------------------------------------------------------------

    def clock_us(self) -> int:
        """The shard's clock."""
        return self._shard.ward.clock_us

    def at_home(self, only: Collection[tuple[str, str]] | None = None) -> list[AtHome]:
        """The rows of these patients, or of all."""
        patients, aliases = self._shard.ward.home.patients, self._shard.ward.association.aliases
        if only is None:
            return list(patients.values())
        wanted = {(site, aliases.survivor(site, patient)) for site, patient in only}
        return [patients[key] for key in sorted(wanted) if key in patients]

    def recalibration(self, site: str) -> dict[str, Any] | None:
        """The correction of forecasts that the site has in force."""
        return self._shard.ward.home.policies(site).recalibration

    def watches(self) -> bool:
        """Whether a session is open."""
        return bool(self._shard.ward.association.sessions)

    # ---- for the process that runs the shard --------------------------------------------------------------------

    def open_sessions(self) -> int:
        """How many there are."""
        return len(self._shard.ward.association.sessions)

    def is_open(self, rule: str) -> bool:
        """Whether an alert of this rule is open, at any site."""
        return any(alert.rule == rule for alert in self._shard.desk.open.values())

    def overdue_s(self) -> list[float]:
        """Of each open alert that something is due of and was not done, how many seconds it is past by the shard's clock."""
        clock_us = self.clock_us()
        due = (min(alert.until_us, alert.page_due_us) for alert in self._shard.desk.open.values())
        return [(clock_us - each) / SECOND for each in due if each < clock_us]

    def configuration(self, site: str) -> str | None:
        """The hash of the configuration that the site has in force; None where it never had one."""
        found: str | None = self._shard.desk.policies(site).get("hash")
        return found

    def _row_of(self, origin: Origin) -> tuple[int, int] | None:
        # Not `find`: that one remembers what it found, and this is another thread than the ward's.
        association = self._shard.ward.association
        row = association.lookup(origin)
        return None if row is None else (row, association.cutoff_of(origin)[0])
