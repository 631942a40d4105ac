"""`python -m bench.forecast.night`: a night of 100,000 patients, each re-forecast for the day that ended, from what is kept.

Nothing is reckoned: the service itself does it, with its journal, ward, desk, store and forecasting process, on a data
directory in which every patient's state lies. Some 2,000 patients of the invented families live through half a year; each
is enrolled under as many aliases as it takes, with their facts and the filter's state under the alias's own key. Nobody is in
a chair. Then the clock passes midnight, and the clock by the wall runs until the ward has heard of every forecast.
Bad at: a night in which much is new (those who spoke were forecast when they spoke). Needs 12 GB of disk, given back afterwards.
Cost: some 5 minutes to prepare, then the night.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import resource
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from alerts.store.forecast_cache import CachedState
from bench.cohort.cohort import simulate
from bench.cohort.families import SCORED
from bench.cohort.records import FIRST, lines_of
from bench.cohort.records import alias as alias_of
from bench.figures import Figure, heading, table
from deploy.settings import Settings
from deploy.wiring import Service
from models.instants import iso, to_us
from models.relapse.chance import patient_key
from models.relapse.pool import name_of
from models.wire.observations import OBSERVATION
from streams.forecasts.cache import pack_cache, unpack_cache
from streams.forecasts.jobs import ForecastRequest, PatientInput, make_forecasts
from streams.forecasts.shipped import shipped_pool
from streams.journal.appender_clock import AppenderClock
from streams.journal.frame import FULL, FrameBuilder
from streams.shard import Shard
from streams.ward.home.rows import AtHome, starts_us

ENROLLED: Final = 100_000
DIFFERENT: Final = 2_000
SEED: Final = 11
NIGHT: Final = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=200, hours=15)
"""Three in the afternoon in London: everywhere in the cohort's zones a day has ended since the forecasts before."""
DAY_BEFORE: Final = NIGHT - timedelta(days=1, hours=15)
"""Nothing is heard from here on: who says something is forecast then, and not at night."""
_KEY: Final = struct.Struct("<Q")
_KEY_AT: Final = 8
"""Where a state says whose draws it was made with (`models/relapse/stored.py`)."""
STEP: Final = 500
SAID_EVERY_S: Final = 30.0


def lived(different: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Patients of all families and what had been received of them by the day before the night."""
    for family in SCORED:
        cohort = simulate(family, different // len(SCORED), SEED)
        for patient in range(cohort.size):
            found = [line for line in lines_of(cohort, patient) if datetime.fromisoformat(line["at"]) < DAY_BEFORE]
            if found:
                yield alias_of(cohort, patient), found


def prepared(service: Service, enrolled: int, different: int) -> tuple[int, int]:
    """Enrol everybody: rows in the ward, states in the store. How many there are, and bytes of one state."""
    people = dict(lived(different))
    say(f"{len(people):,} courses of {sum(map(len, people.values())):,} entries …")
    shard = Shard(clock="observed")
    builder, offset = FrameBuilder(), 0
    for line in sorted(
        (line for lines in people.values() for line in lines),
        key=lambda line: to_us(datetime.fromisoformat(line["at"])),
    ):
        builder.add(OBSERVATION.validate_json(json.dumps(line)))
        if len(builder) >= FULL:
            shard.step(offset, 0, builder.seal())
            offset += 1
    shard.step(offset, 0, builder.seal())
    rows = shard.ward.home.patients
    aliases = -(-enrolled // len(people))
    size = number = 0
    home = service.owner.shard.ward.home
    names = sorted(people)
    for low in range(0, len(names), STEP):
        part = names[low : low + STEP]
        asked = []
        for name in part:
            row = rows["main", name]
            day = (NIGHT - timedelta(days=1)).astimezone(row.tz).toordinal() - 1
            asked.append(
                (
                    ForecastRequest("main", name, day, starts_us(day + 1, row.tz)),
                    PatientInput([{**line, "received_at": line["at"]} for line in people[name]]),
                )
            )
        states = []
        for made in make_forecasts(asked, shipped_pool()):
            if made.cached is None or made.forecast is None:
                raise ValueError(f"{made.request.patient}: {made.why_not}")
            row = rows["main", made.request.patient]
            if made.entries_read != row.entries:
                raise ValueError(f"{made.request.patient}: {made.entries_read} entries, not {row.entries}")
            known = unpack_cache("main", made.request.patient, made.cached)
            for copy in range(aliases):
                if number >= enrolled:
                    break
                name = f"{made.request.patient}-{copy:02}"
                state = known.particles
                if state is not None:
                    state = state[:_KEY_AT] + _KEY.pack(patient_key(name)) + state[_KEY_AT + _KEY.size :]
                packed = pack_cache("main", name, replace(known, particles=state))
                states.append(CachedState("main", name, made.entries_read, packed))
                size += len(packed)
                number += 1
                mine = AtHome.unpacked(row.packed())
                mine.patient, mine.forecast_day, mine.forecast_entries = name, made.request.as_of, row.entries
                home.patients[mine.key] = mine
                home.schedule(mine)
                if len(states) == STEP:
                    service.store.save_cached_states(states)
                    states = []
        service.store.save_cached_states(states)
        say(f"{number:,} enrolled")
    return number, size // max(number, 1)


async def night(folder: Path, enrolled: int, different: int) -> list[Figure]:
    """Prepare, and let it pass."""
    began = perf_counter()

    def now_us() -> int:
        return to_us(NIGHT) + round((perf_counter() - began) * 1e6)

    service = Service(folder, Settings(), now_us=AppenderClock(now_us, now_us))
    number, size = prepared(service, enrolled, different)
    forecaster = service.forecaster
    if forecaster is None:
        raise ValueError("the service does not forecast")
    async with service.running():
        # The service looks for itself, each minute.
        await _until(lambda: forecaster.maker.waiting > 0)
        before = perf_counter()
        spent = _spent(resource.RUSAGE_SELF)
        done = asyncio.ensure_future(
            _until(lambda: forecaster.maker.made + forecaster.maker.failed >= number and not service.owner.behind)
        )
        while not (await asyncio.wait([done], timeout=SAID_EVERY_S))[0]:
            say(f"{forecaster.maker.made:,} of {number:,} after {(perf_counter() - before) / 60:.1f} min")
        wall = perf_counter() - before
        failed = forecaster.maker.failed
        heard = sum(row.forecast_day >= NIGHT.toordinal() - 1 for row in service.views.at_home())
    own = _spent(resource.RUSAGE_SELF) - spent
    child = _spent(resource.RUSAGE_CHILDREN)
    if failed or heard != number:
        raise ValueError(f"{failed} failed, the ward heard of {heard} of {number}")
    disk = await asyncio.to_thread(_on_disk, folder)
    what = f"a night of {number:,}"
    return [
        Figure("night", f"{what}, by the wall", [wall / 60], "min", "≤ 10" if number == ENROLLED else ""),
        Figure("night", f"{what}, processor: service", [own / 60], "min"),
        Figure("night", f"{what}, processor: forecasting process", [child / 60], "min"),
        Figure("night", "forecasts made, written, and heard of by the ward", [number / wall], "patients/s"),
        Figure("night", "kept of a patient", [size], "B"),
        Figure("night", f"on disk afterwards, {number:,} states and forecasts", [disk / 1e9], "GB"),
    ]


async def _until(so: Callable[[], bool]) -> None:
    while not so():  # noqa: ASYNC110  # what is waited for are counters of the service, which nobody signals
        await asyncio.sleep(0.05)


def _on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _spent(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecast.night", description="How long a night takes.")
    parser.add_argument("--patients", type=int, default=ENROLLED)
    parser.add_argument("--different", type=int, default=DIFFERENT)
    parser.add_argument("--folder", type=Path, help="where the data directory is made, and deleted afterwards")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="chairside-night-", dir=options.folder) as folder:
        found = asyncio.run(night(Path(folder), options.patients, options.different))
    print(
        f"{heading('python -m bench.forecast.night', SEED)} · {name_of(shipped_pool())}, as of {iso(to_us(NIGHT))[:10]}\n\n{table(found)}"
    )


if __name__ == "__main__":
    main()
