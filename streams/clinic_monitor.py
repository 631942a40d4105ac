"""What the chair's monitor shows of a body, and what of it arrives: rounding, artefacts, gaps, repeats and late batches.

Artefacts keep clear of events, with a margin, so that every event is visible in the lines that arrive. Real artefacts do
not: an event under movement is what recorded data are for.
Good at: the rates and lengths of dropouts, out-of-range values and jumps of the sedation recordings (hfnosedrct, 83 h).
Bad at:  artefacts that look like events for minutes (a cold hand, a cannula half out).
Cost:    about 1 ms a session, and some 30 bytes a second of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.channels import STALE_AFTER, STATUSES
from models.instants import SECOND, iso
from streams.clinic_body import Body, wander
from streams.clinic_hazards import TECHNICAL, Floats
from streams.clinic_plan import SessionPlan

Line = tuple[int, dict[str, Any]]
"""When it arrives (µs), and the observation."""

MISSING: Final = -1

# Per hour of monitoring.
PROBE_OFF_PER_HOUR: Final = 3.9
"""The recordings have 7.8 gaps of SpO2 an hour (median 8 s, a quarter over 20 s, 10 % over 64 s); half, for people who sit."""
MOVEMENTS_PER_HOUR: Final = 3.7
"""Jumps of the pulse by more than 15 /min in the recordings."""
OUT_OF_RANGE_PER_HOUR: Final = 0.3
"""Recordings: 5 seconds in 100,000 hold 0 or 1 % SpO2, or a pulse above 200, in 0.012 runs an hour; more here, to be seen."""
FROZEN_PER_HOUR: Final = 0.15
"""A number that stands still for one to three minutes; chosen by us: the recordings cannot tell it from a calm heart."""
GAPS_PER_HOUR: Final = 1.0
"""Lost stretches of 3-15 s; chosen by us, a wireless hop. Single samples: see `LOST`."""
LATE_PER_HOUR: Final = 0.15
"""Stretches of 20-120 s that a gateway held back and sent at once; chosen by us."""
LOST: Final = 0.002
REPEATED: Final = 0.002
"""Shares of lines lost, and sent twice; chosen by us: a sender that retries."""

_PROBE_OFF, _ARTEFACT = STATUSES.index("probe-off"), STATUSES.index("artefact")
_BLOCK: Final = 256


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch that the reader of the lines waits through, seconds since the session's start."""

    rule: str
    from_s: int
    to_s: int


@dataclass(frozen=True, slots=True)
class Screen:
    """One session's device lines: a row per second since the monitor was switched on, at `on_us`.

    `order` lists the rows that arrive, in order of arrival at `arrives_us`; a row may be absent or come twice. `silences`
    are the planned ones, and those of chance that are long enough to make a value stale.
    """

    device: str
    names: tuple[str, ...]
    on_us: int
    values: npt.NDArray[np.int16]
    status: npt.NDArray[np.uint8]
    order: npt.NDArray[np.int32]
    arrives_us: npt.NDArray[np.int64]
    late: npt.NDArray[np.bool_]
    silences: tuple[Silence, ...]

    def lines(self) -> Iterator[Line]:
        """The vitals in order of arrival, made a block at a time, so that a session waits as numbers and not as text."""
        names, device = self.names, self.device
        for begin in range(0, len(self.order), _BLOCK):
            rows = self.order[begin : begin + _BLOCK]
            times = self._times(rows)
            plain = ((self.values[rows] >= 0).all(axis=1) & ~self.late[rows]).tolist()
            arrivals = self.arrives_us[begin : begin + _BLOCK].tolist()
            blocks = zip(rows.tolist(), times, plain, arrivals, self.values[rows].tolist(), strict=True)
            for row, at, is_plain, arrives_us, values in blocks:
                line: dict[str, Any] = {"kind": "vitals", "at": at + "Z", "device": device}
                if is_plain:
                    line.update(zip(names, values, strict=True))
                else:
                    self._fill(line, row, values, arrives_us)
                yield arrives_us, line

    def _times(self, rows: npt.NDArray[np.int32]) -> list[str]:
        at_us = self.on_us + rows.astype(np.int64) * SECOND
        times: list[str] = np.datetime_as_string(at_us.astype("datetime64[us]"), unit="ms").tolist()
        return times

    def _fill(self, line: dict[str, Any], row: int, values: list[int], arrives_us: int) -> None:
        line.update((name, value) for name, value in zip(self.names, values, strict=True) if value != MISSING)
        said = {name: STATUSES[code] for name, code in zip(self.names, self.status[row].tolist(), strict=True) if code}
        if said:
            line["status"] = said
        if self.late[row]:
            line["received_at"] = iso(arrives_us)


def show(plan: SessionPlan, body: Body) -> Screen:
    """What the monitor shows of this body, and which of it arrives when."""
    rng = plan.rng("monitor")
    # Taken off a few seconds before the session is closed: a line after that would be a patient nobody knows.
    seconds = np.arange(connected_s(plan), plan.end_s - 6)
    names, values = _rounded(rng, plan, body, seconds)
    status = np.zeros(values.shape, dtype=np.uint8)
    chances = _disturb(rng, names, values, status, _clear(plan, seconds))
    for event in plan.events:
        if event.name == "probe-off":
            _take_off(names, values, status, slice(*np.searchsorted(seconds, (event.from_s, event.to_s))))
    at_us = plan.start_us + plan.phase_us + seconds * SECOND
    arrives_us = at_us.copy()
    late = np.zeros(len(seconds), dtype=np.bool_)
    lost = rng.random(len(seconds)) < LOST
    clear = _clear(plan, seconds)
    for stretch in _stretches(rng, clear, GAPS_PER_HOUR, (3, 15)):
        lost[stretch] = True
    for stretch in _stretches(rng, clear, LATE_PER_HOUR, (20, 120)):
        arrives_us[stretch] = at_us[stretch.stop - 1] + 300_000
        late[stretch] = True
        chances.append(Silence("no-data", stretch.start, stretch.stop - 1))
    for event in plan.events:
        if event.name == "no-data":
            lost[slice(*np.searchsorted(seconds, (event.from_s, event.to_s)))] = True
    arriving = np.flatnonzero(~lost)
    again = arriving[rng.random(len(arriving)) < REPEATED]
    again = again[again < len(seconds) - 10]
    rows = np.concatenate([arriving, again])
    when = np.concatenate([arrives_us[arriving], arrives_us[again] + rng.integers(200, 3_000, size=len(again)) * 1_000])
    sorting = np.argsort(when, kind="stable")
    on_s = int(seconds[0])
    silences = [Silence(event.name, event.from_s, event.to_s) for event in plan.events if event.name in TECHNICAL]
    silences += [
        Silence(chance.rule, on_s + chance.from_s, on_s + chance.to_s)
        for chance in chances
        if (chance.to_s - chance.from_s) * SECOND >= STALE_AFTER
    ]
    return Screen(
        plan.device,
        names,
        int(at_us[0]),
        values,
        status,
        rows[sorting].astype(np.int32),
        when[sorting].astype(np.int64),
        late,
        tuple(silences),
    )


def connected_s(plan: SessionPlan) -> int:
    """When the monitor begins to send, seconds since the session's start."""
    return max([plan.monitor_s, *(event.to_s for event in plan.events if event.name == "never-started")])


def _rounded(
    rng: np.random.Generator, plan: SessionPlan, body: Body, seconds: npt.NDArray[np.int64]
) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
    # Whole numbers, as devices show them. The pulse is the same heart seen through a finger, a little apart.
    second: Floats = seconds.astype(np.float64)
    hr = body.channels["hr"][seconds]
    columns = {
        "hr": hr,
        "pulse": hr + wander(rng, second - second[0], 8, 0.5),
        "rr": body.channels["rr"][seconds],
        "spo2": body.channels["spo2"][seconds],
    }
    if plan.capnography:
        columns["etco2"] = body.channels["etco2"][seconds]
    return tuple(columns), np.rint(np.column_stack(list(columns.values()))).astype(np.int16)


def _clear(plan: SessionPlan, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where an artefact may be: two minutes off every event, and not in the first and last three minutes."""
    clear: npt.NDArray[np.bool_] = (seconds > seconds[0] + 180) & (seconds < seconds[-1] - 180)
    for event in plan.events:
        begin, end = event.span_s()
        clear &= (seconds < begin - 120) | (seconds > end + 120)
    return clear


def _stretches(
    rng: np.random.Generator, clear: npt.NDArray[np.bool_], per_hour: float, lasts_s: tuple[int, int]
) -> Iterator[slice]:
    for _ in range(int(rng.poisson(per_hour * len(clear) / 3600))):
        begin = int(rng.integers(len(clear)))
        stretch = slice(begin, begin + int(rng.integers(lasts_s[0], lasts_s[1] + 1)))
        if clear[stretch].all() and stretch.stop < len(clear):
            yield stretch


def _take_off(
    names: tuple[str, ...], values: npt.NDArray[np.int16], status: npt.NDArray[np.uint8], stretch: slice
) -> None:
    for name in ("spo2", "pulse"):
        values[stretch, names.index(name)] = MISSING
        status[stretch, names.index(name)] = _PROBE_OFF


def _disturb(
    rng: np.random.Generator,
    names: tuple[str, ...],
    values: npt.NDArray[np.int16],
    status: npt.NDArray[np.uint8],
    clear: npt.NDArray[np.bool_],
) -> list[Silence]:
    """Movement, standing numbers, nonsense and short dropouts, in this order: what is off shows nothing.

    Returns:
        The dropouts, by row.
    """
    dropouts = []
    hr, pulse, rr, spo2 = (names.index(name) for name in ("hr", "pulse", "rr", "spo2"))
    for stretch in _stretches(rng, clear, MOVEMENTS_PER_HOUR, (2, 8)):
        values[stretch, pulse] += int(rng.integers(18, 60))
        values[stretch, spo2] -= int(rng.integers(2, 14))
        values[stretch, rr] += int(rng.integers(0, 14))
        values[stretch, hr] += int(rng.integers(0, 35))
        if rng.random() < 0.3:  # some monitors notice
            values[stretch, spo2] = MISSING
            status[stretch, spo2] = _ARTEFACT
    for stretch in _stretches(rng, clear, FROZEN_PER_HOUR, (60, 180)):
        column = (hr, pulse, rr)[int(rng.integers(3))]
        values[stretch, column] = values[stretch.start, column]
    for stretch in _stretches(rng, clear, OUT_OF_RANGE_PER_HOUR, (1, 4)):
        column, nonsense = ((spo2, 0), (spo2, 1), (pulse, 255), (hr, 300))[int(rng.integers(4))]
        values[stretch, column] = nonsense
        status[stretch, column] = 0
    for stretch in _stretches(rng, clear, PROBE_OFF_PER_HOUR, (3, 24)):
        # A third lasts longer, up to 55 s; beyond that somebody should have come, and it is an event.
        longer = slice(stretch.start, stretch.stop + int(rng.random() < 0.3) * int(rng.integers(5, 32)))
        _take_off(names, values, status, longer)
        dropouts.append(Silence("probe-off", longer.start, longer.stop))
    return dropouts
