"""The forecaster: keeps every patient's forecast up to date, beside the ward and never in its way.

A forecast is due when an entry of a patient's course came in (a moment later, since the instruments of one form come
together), and for every patient at the end of each of their days, answered or not. It is made by a process of its own
(`worker.py`) from the store's entries, and goes into the journal as `forecast.made`, so that a replay has it too.
The scheduler has no state to lose: which forecasts are missing is read off the ward, which counts the entries that each newest
forecast was made from. So a restart, a crash or a second scheduler loses nothing and makes nothing twice (id: patient, day, and
a hash of the course). A cache of each patient is written beside the forecast (`cache.py`): it saves time and changes nothing.
Patients are forecast in jobs of many: at night, all of a clinic's, each job's forecasts being written while the next are made.
The same job can run in another process on another machine: it needs the store, and somewhere to append; that role is not built.
Bad at: nothing that pages depends on it; if it falls behind, forecasts are old, and say of which day they are.
Cost: a look at every patient each minute, 2 µs each. Never here: a filter, a threshold, a page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Final, Protocol

from pydantic import ValidationError

from alerts.effects import AuditEntry, FrameEffects
from alerts.store.forecast_cache import CachedState
from alerts.store.store import Store
from models.calendar import iso_day
from models.instants import DAY, to_datetime
from models.wire.live import ForecastToKeep
from models.wire.observations import ForecastMade
from streams.forecasts.jobs import ForecastOutcome, ForecastRequest, PatientInput
from streams.forecasts.worker import Worker, WorkerFailed
from streams.ward.home.rows import AtHome, starts_us

log = logging.getLogger(__name__)

SETTLE_S: Final = 3.0
"""How long a patient's entries may keep coming before a forecast is made of them. Chosen by us: a form's instruments are sent
together, and nobody waits for a forecast."""
SCAN_EVERY_S: Final = 60.0
"""How often every patient is checked: the end of somebody's day is forecast within a minute of it."""
PATIENTS_PER_JOB: Final = 64
"""Patients of one job: a tenth of a second, or half a second without caches, so that a page of one patient does
not wait long behind a clinic's night. The pool of 64 costs half as much a patient as that of 32."""
PER_FRAME_WATCHED: Final = 8
"""Forecasts in one frame, and caches in one transaction, while a session is open. While 480 patients were forecast, 99 in
100 frames of vitals were decided and written within 54 ms (without, 20 to 30; with 16 a frame, 120), on a busy machine of two
cores."""
PER_FRAME_UNWATCHED: Final = 64
"""The same while no session is open: no vitals can wait behind it."""
INACTIVE_AFTER: Final = 168 * DAY
"""Patients without an entry for twice the horizon have left the clinic and are not forecast. Chosen by us."""
FORECAST_RETRY_S: Final = 5.0
"""How long to wait after a failure of the store, the journal or the process."""

PatientKey = tuple[str, str]


class ShardView(Protocol):
    """What the scheduler reads from the shard's owner."""

    def at_home(self, only: Collection[tuple[str, str]] | None) -> Iterable[AtHome]: ...

    def clock_us(self) -> int: ...

    def recalibration(self, site: str) -> dict[str, Any] | None: ...

    def watches(self) -> bool:
        """Whether a session is open."""


class Forecaster:
    """Follows one shard.

    Args:
        store: where patients' entries are. shard: the patients, and the shard's clock.
        append: durable when it returns. worker: the process that does the work; its owner ends it.
    """

    def __init__(
        self, store: Store, shard: ShardView, append: Callable[[list[ForecastMade]], Awaitable[None]],
        worker: Worker, settles_s: float = SETTLE_S,
    ) -> None:  # fmt: skip
        self._store = store
        self._shard = shard
        self._append = append
        self._worker = worker
        self.settles_s = settles_s
        self._changed: dict[PatientKey, float] = {}
        self._tried: dict[PatientKey, tuple[int, int]] = {}
        """(day, entries) of each patient's last attempt, made or failed: the ward needs a moment to see the forecast."""
        self._news = asyncio.Event()
        self._halt = asyncio.Event()
        self.made = 0
        self.failed = 0
        self.waiting = 0
        self.last_failure: str | None = None

    def note_effects(self, effects: FrameEffects) -> None:
        """Note whose course the effects of a frame changed. Called once they are in the store."""
        now = asyncio.get_running_loop().time()
        for effect in effects.effects:
            if isinstance(effect, AuditEntry) and effect.patient is not None:
                self._changed.setdefault((effect.site, effect.patient), now)
        if self._changed:
            self._news.set()

    def stop(self) -> None:
        """Make `run` return soon; what was not made is made after the next start."""
        self._halt.set()
        self._news.set()

    def health(self) -> dict[str, Any]:
        """Counts of forecasts made, failed and still to make, and the last failure."""
        return {"made": self.made, "failed": self.failed, "waiting": self.waiting, "last_failure": self.last_failure}

    async def run(self) -> None:
        """Make forecasts as they fall due, until `stop`."""
        loop = asyncio.get_running_loop()
        everybody_at = loop.time()
        while not self._halt.is_set():
            everybody = loop.time() >= everybody_at
            if everybody:
                everybody_at = loop.time() + SCAN_EVERY_S
            try:
                await self._make_all(None if everybody else self._settled(loop.time()))
            except Exception as wrong:  # noqa: BLE001  # a forecaster that died would be missed by nobody for days
                self.last_failure = f"{type(wrong).__name__}: {wrong}"
                log.error("forecasts are late, trying again: %s", self.last_failure)
                everybody_at = loop.time() + FORECAST_RETRY_S
            self._news.clear()
            if self._changed:
                settled_at = min(self._changed.values()) + self.settles_s
                await _at_most(self._halt, min(settled_at, everybody_at) - loop.time())
            else:
                await _at_most(self._news, everybody_at - loop.time())

    async def make_missing(self) -> None:
        """Make all forecasts that are missing now, of every patient."""
        await self._make_all(None)

    async def _make_all(self, only: set[PatientKey] | None) -> None:
        wanted = self._wanted(only)
        self.waiting = len(wanted)
        writing: asyncio.Task[None] | None = None
        try:
            for low in range(0, len(wanted), PATIENTS_PER_JOB):
                if self._halt.is_set():
                    return
                made = await self._made(wanted[low : low + PATIENTS_PER_JOB])
                if writing is not None:
                    await writing
                writing = asyncio.create_task(self._write(made))
                self.waiting = max(0, len(wanted) - low - PATIENTS_PER_JOB)
        finally:
            if writing is not None:
                await writing

    def _settled(self, now: float) -> set[PatientKey]:
        """Take out of the changed patients those whose last entry is `settles_s` old."""
        settled = {key for key, since in self._changed.items() if now - since >= self.settles_s}
        for key in settled:
            del self._changed[key]
        return settled

    def _wanted(self, only: set[PatientKey] | None) -> list[tuple[ForecastRequest, int]]:
        """The missing forecasts by site and patient, each with the patient's number of entries now."""
        clock_us = self._shard.clock_us()
        if clock_us <= 0:
            return []
        now = to_datetime(clock_us)
        days: dict[Any, int] = {}
        found = []
        for row in self._shard.at_home(only):
            if only is None and row.key in self._changed:
                continue  # its entries may still be coming
            if not row.enrolled or clock_us - row.changed_us > INACTIVE_AFTER:
                continue
            zone = row.tz
            today = days.get(zone) or days.setdefault(zone, now.astimezone(zone).toordinal())
            # The day that ended last, if no entry came since; else today, as far as it is known.
            as_of = today if row.forecast_entries != row.entries else today - 1
            if row.forecast_day >= as_of and row.forecast_entries == row.entries:
                continue
            if self._tried.get(row.key) == (as_of, row.entries):
                continue
            request = ForecastRequest(
                row.site, row.patient, as_of, starts_us(as_of + 1, zone), self._shard.recalibration(row.site)
            )
            found.append((request, row.entries))
        return sorted(found, key=lambda each: (each[0].site, each[0].patient))

    async def _made(self, wanted: list[tuple[ForecastRequest, int]]) -> list[ForecastOutcome]:
        """The outcomes of the requests that succeeded; the others are counted as failed and logged."""
        jobs = await asyncio.to_thread(self._inputs, wanted)
        answers = await self._answers(jobs)
        refused = [
            place for place, made in enumerate(answers) if made.forecast is None and jobs[place][1].entries is None
        ]
        if refused:
            # The cache may be at fault: once more from the entries alone.
            again = await self._answers(
                await asyncio.to_thread(self._inputs, [wanted[place] for place in refused], False)
            )
            for place, made in zip(refused, again, strict=True):
                answers[place] = made
        for (request, count), made in zip(wanted, answers, strict=True):
            self._tried[request.site, request.patient] = (request.as_of, count)
            if why_not := self._why_not(made):
                self.failed += 1
                self.last_failure = f"{request.patient} as of {iso_day(request.as_of)}: {why_not}"
                log.warning("no forecast: %s", self.last_failure)
        return [made for made in answers if not self._why_not(made)]

    def _why_not(self, made: ForecastOutcome) -> str:
        """Why there is no forecast, or none that the journal may have; empty: there is one. A patient's stops nobody else's."""
        if made.forecast is None:
            return made.why_not
        try:
            self._record(made.request, made.forecast)
        except ValidationError as refused:
            error = refused.errors(include_url=False, include_context=False)[0]
            return f"not a forecast: {'.'.join(map(str, error['loc']))}: {error['msg']}"
        return ""

    async def _write(self, made: list[ForecastOutcome]) -> None:
        """Write the patients' caches and append the forecasts, a frame's worth at a time."""
        low = 0
        while low < len(made):
            part = made[low : low + (PER_FRAME_WATCHED if self._shard.watches() else PER_FRAME_UNWATCHED)]
            states = [
                CachedState(m.request.site, m.request.patient, m.entries_read, m.cached)
                for m in part
                if m.cached is not None
            ]
            try:
                await asyncio.to_thread(self._store.save_cached_states, states)
                await self._append(
                    [self._record(each.request, each.forecast) for each in part if each.forecast is not None]
                )
            except BaseException:
                for each in made[low:]:
                    self._tried.pop((each.request.site, each.request.patient), None)
                raise
            self.made += len(part)
            low += len(part)

    async def _answers(self, jobs: list[tuple[ForecastRequest, PatientInput]]) -> list[ForecastOutcome]:
        """The outcomes of the jobs: all at once or, where that fails, one by one, so that only the faulty one fails."""
        try:
            return await self._worker.forecasts(jobs)
        except WorkerFailed as failed:
            if len(jobs) == 1:
                return [ForecastOutcome(jobs[0][0], None, str(failed))]
        answers = []
        for job in jobs:
            try:
                answers += await self._worker.forecasts([job])
            except WorkerFailed as failed:
                answers.append(ForecastOutcome(job[0], None, str(failed)))
        return answers

    def _inputs(
        self, wanted: list[tuple[ForecastRequest, int]], use_cache: bool = True
    ) -> list[tuple[ForecastRequest, PatientInput]]:
        """Each request with its input: the cache alone where it has read all entries, else the entries too."""
        sites: dict[str, list[str]] = {}
        for request, _ in wanted:
            sites.setdefault(request.site, []).append(request.patient)
        cached = {
            (site, name): found
            for site, patients in sites.items() if use_cache
            for name, found in self._store.cached_states(site, patients).items()
        }  # fmt: skip
        fresh = {
            (request.site, request.patient) for request, count in wanted
            if (found := cached.get((request.site, request.patient))) is not None and found.entries == count
        }  # fmt: skip
        entries: dict[PatientKey, list[dict[str, Any]]] = {}
        for site, patients in sites.items():
            rest = [name for name in patients if (site, name) not in fresh]
            if rest:
                entries.update({(site, name): got for name, got in self._store.courses(site, rest).items()})
        found_of = ((request, (request.site, request.patient)) for request, _ in wanted)
        return [
            (request, PatientInput(entries.get(key), cached[key].state if key in cached else None)) for request, key in found_of
        ]  # fmt: skip

    def _record(self, request: ForecastRequest, forecast: ForecastToKeep) -> ForecastMade:
        name = f"forecast-{request.patient}-{forecast['as_of']}-{forecast['known']}-{forecast['entries']}"
        return ForecastMade.model_validate(
            {
                **forecast, "at": to_datetime(max(self._shard.clock_us(), 0)), "site": request.site,
                "source": "forecaster", "id": name[:200],
            },
            strict=False,
        )  # fmt: skip


async def _at_most(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await news.wait()
    except TimeoutError:
        pass
