"""Making forecasts: requests in, `forecast.made` in the journal and each patient's cache in the store.

Used by whoever has requests: the scheduler of one clinic (scheduler.py), and the forecaster processes of a network.
Patients are forecast in jobs of many, each job's forecasts being written while the next are made; one patient's trouble fails
that patient alone, with its reason. Making one twice changes nothing (id: patient, day, and a hash of the course).
Never here: which forecasts are missing, a filter, a threshold.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from pydantic import ValidationError

from alerts.store.forecast_cache import CachedState
from alerts.store.store import Store
from models.calendar import iso_day
from models.instants import to_datetime
from models.wire.live import ForecastToKeep
from models.wire.observations import ForecastMade
from streams.forecasts.jobs import ForecastOutcome, ForecastRequest, PatientInput
from streams.forecasts.worker import Worker, WorkerFailed

log = logging.getLogger(__name__)

PATIENTS_PER_JOB: Final = 64
"""Patients of one job: a tenth of a second, or half a second without caches, so that a page of one patient does
not wait long behind a clinic's night. The pool of 64 costs half as much a patient as that of 32."""
PER_FRAME_WATCHED: Final = 8
"""Forecasts in one frame, and caches in one transaction, while a session is open. While 480 patients were forecast, 99 in
100 frames of vitals were decided and written within 54 ms (without, 20 to 30; with 16 a frame, 120), on a busy machine of two
cores."""
PER_FRAME_UNWATCHED: Final = 64
"""The same while no session is open: no vitals can wait behind it."""

PatientKey = tuple[str, str]
Wanted = tuple[ForecastRequest, int]
"""A forecast to make, and the patient's number of entries when it was found missing."""


class Maker:
    """Makes forecasts. `made`, `failed` and `last_failure` count them since the start.

    Args:
        store: where patients' entries are. append: durable when it returns.
        worker: the process that does the work; its owner ends it. now_us: the instant that a forecast is said to be made at.
        watches: whether a session is open that large frames would delay.
        unwritten: told of the requests whose forecasts were made and could not be written.
    """

    def __init__(
        self, store: Store, append: Callable[[list[ForecastMade]], Awaitable[None]], worker: Worker, now_us: Callable[[], int],
        watches: Callable[[], bool] = lambda: True, unwritten: Callable[[Sequence[ForecastRequest]], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._store = store
        self._append = append
        self._worker = worker
        self._now_us = now_us
        self._watches = watches
        self._unwritten = unwritten
        self.made = 0
        self.failed = 0
        self.waiting = 0
        self.last_failure: str | None = None

    async def make(self, wanted: Sequence[Wanted], halted: Callable[[], bool] = lambda: False) -> None:
        """Return when all that can be made are in the journal, or `halted`.

        Raises:
            Whatever store or journal raise; what was made by then is written or reported to `unwritten`.
        """
        self.waiting = len(wanted)
        writing: asyncio.Task[None] | None = None
        try:
            for low in range(0, len(wanted), PATIENTS_PER_JOB):
                if halted():
                    return
                made = await self._made(wanted[low : low + PATIENTS_PER_JOB])
                if writing is not None:
                    await writing
                writing = asyncio.create_task(self._write(made))
                self.waiting = max(0, len(wanted) - low - PATIENTS_PER_JOB)
        finally:
            if writing is not None:
                await writing

    async def _made(self, wanted: Sequence[Wanted]) -> list[ForecastOutcome]:
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
        for (request, _), made in zip(wanted, answers, strict=True):
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
            part = made[low : low + (PER_FRAME_WATCHED if self._watches() else PER_FRAME_UNWATCHED)]
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
                self._unwritten([each.request for each in made[low:]])
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

    def _inputs(self, wanted: Sequence[Wanted], use_cache: bool = True) -> list[tuple[ForecastRequest, PatientInput]]:
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
                **forecast, "at": to_datetime(max(self._now_us(), 0)), "site": request.site,
                "source": "forecaster", "id": name[:200],
            },
            strict=False,
        )  # fmt: skip
