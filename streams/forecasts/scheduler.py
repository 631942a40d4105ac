"""The forecaster: keeps every patient's forecast up to date, beside the ward and never in its way.

A forecast is due when an entry of a patient's course came in (a moment later, since the instruments of one form come
together), and for every patient at the end of each of their days, answered or not. It is made from the store's entries
(making.py), and goes into the journal as `forecast.made`, so that a replay has it too.
A scheduler has no state to lose: which forecasts are missing is read off the ward, which counts the entries that each newest
forecast was made from. So a restart, a crash or a second scheduler loses nothing. One clinic makes what it finds missing by
itself (`Forecaster`); the workers of a network ask for it (queue.py), and forecaster processes share the work.
Bad at: nothing that pages depends on it; if it falls behind, forecasts are old, and say of which day they are.
Cost: a look at every patient each minute, 2 µs each. Never here: a filter, a threshold, a page.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Final, Protocol

from alerts.effects import AuditEntry, FrameEffects
from alerts.store.store import Store
from models.instants import DAY, to_datetime
from models.wire.observations import ForecastMade
from streams.forecasts.jobs import ForecastRequest
from streams.forecasts.making import Maker, PatientKey, Wanted
from streams.forecasts.worker import Worker
from streams.ward.home.rows import AtHome, starts_us

log = logging.getLogger(__name__)

SETTLE_S: Final = 3.0
"""How long a patient's entries may keep coming before a forecast is made of them. Chosen by us: a form's instruments are sent
together, and nobody waits for a forecast."""
SCAN_EVERY_S: Final = 60.0
"""How often every patient is checked: the end of somebody's day is forecast within a minute of it."""
INACTIVE_AFTER: Final = 168 * DAY
"""Patients without an entry for twice the horizon have left the clinic and are not forecast. Chosen by us."""
FORECAST_RETRY_S: Final = 5.0
"""How long to wait after a failure of the store, the journal or the process."""


class ShardView(Protocol):
    """What the scheduler reads from the shard's owner."""

    def at_home(self, only: Collection[tuple[str, str]] | None) -> Iterable[AtHome]: ...

    def clock_us(self) -> int: ...

    def recalibration(self, site: str) -> dict[str, Any] | None: ...

    def watches(self) -> bool:
        """Whether a session is open."""


class Scheduler(ABC):
    """Finds the forecasts that are missing, and has them made.

    Args:
        shard: the patients, and their clock. settles_s: how long a patient's entries may keep coming.
    """

    def __init__(self, shard: ShardView, settles_s: float = SETTLE_S) -> None:
        self._shard = shard
        self.settles_s = settles_s
        self._changed: dict[PatientKey, float] = {}
        self._tried: dict[PatientKey, tuple[int, int]] = {}
        """(day, entries) of each patient's last attempt, made or failed: the ward needs a moment to see the forecast."""
        self._news = asyncio.Event()
        self._halt = asyncio.Event()
        self.late_because: str | None = None
        """Why the last round came to nothing; None if it did not."""

    @abstractmethod
    async def have_made(self, wanted: Sequence[Wanted]) -> None:
        """Make these, or have them made by others. What raises is tried again."""

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

    async def run(self) -> None:
        """Make forecasts as they fall due, until `stop`."""
        loop = asyncio.get_running_loop()
        everybody_at = loop.time()
        while not self._halt.is_set():
            everybody = loop.time() >= everybody_at
            if everybody:
                everybody_at = loop.time() + SCAN_EVERY_S
            try:
                await self.make_missing(None if everybody else self._settled(loop.time()))
            except Exception as wrong:  # noqa: BLE001  # a forecaster that died would be missed by nobody for days
                self.late_because = f"{type(wrong).__name__}: {wrong}"
                log.error("forecasts are late, trying again: %s", self.late_because)
                everybody_at = loop.time() + FORECAST_RETRY_S
            self._news.clear()
            if self._changed:
                settled_at = min(self._changed.values()) + self.settles_s
                await _at_most(self._halt, min(settled_at, everybody_at) - loop.time())
            else:
                await _at_most(self._news, everybody_at - loop.time())

    async def make_missing(self, only: set[PatientKey] | None = None) -> None:
        """Make the forecasts that are missing now, of these patients or of everybody."""
        wanted = self._wanted(only)
        self._tried |= {(request.site, request.patient): (request.as_of, count) for request, count in wanted}
        try:
            await self.have_made(wanted)
        except BaseException:
            self.again([request for request, _ in wanted])
            raise

    def again(self, requests: Sequence[ForecastRequest]) -> None:
        """Have what these requests ask for found missing again."""
        for each in requests:
            self._tried.pop((each.site, each.patient), None)

    def _settled(self, now: float) -> set[PatientKey]:
        """Take out of the changed patients those whose last entry is `settles_s` old."""
        settled = {key for key, since in self._changed.items() if now - since >= self.settles_s}
        for key in settled:
            del self._changed[key]
        return settled

    def _wanted(self, only: set[PatientKey] | None) -> list[Wanted]:
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


class Forecaster(Scheduler):
    """The scheduler of one clinic: it makes what it finds missing.

    Args:
        store, append, worker: see `Maker`. shard: the patients, and the shard's clock.
    """

    def __init__(
        self, store: Store, shard: ShardView, append: Callable[[list[ForecastMade]], Awaitable[None]],
        worker: Worker, settles_s: float = SETTLE_S,
    ) -> None:  # fmt: skip
        super().__init__(shard, settles_s)
        self.maker = Maker(store, append, worker, shard.clock_us, shard.watches, self.again)

    async def have_made(self, wanted: Sequence[Wanted]) -> None:
        await self.maker.make(wanted, self._halt.is_set)

    def health(self) -> dict[str, Any]:
        """Counts of forecasts made, failed and still to make, and the last failure."""
        maker = self.maker
        last = self.late_because or maker.last_failure
        return {"made": maker.made, "failed": maker.failed, "waiting": maker.waiting, "last_failure": last}


async def _at_most(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await news.wait()
    except TimeoutError:
        pass
