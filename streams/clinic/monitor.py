"""What the chair's monitor shows of a body, and what of it arrives: rounding, artefacts, gaps, repeats and late batches.

Beside what is shown it keeps what an undisturbed monitor would have shown, and which readings were sound: the truth reads
these, nobody else. On an ordinary day artefacts keep clear of events, with a margin, so that every event is visible in the
lines that arrive; in the families of sessions they do not.
Cost: about 1 ms a session, and some 60 bytes a second of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.arrays import Flags, Floats, Ints
from models.instants import SECOND, iso
from models.tables.channels import STALE_AFTER, STATUSES
from streams.clinic.artefacts import MISSING, Signals, Silence, add_artefacts
from streams.clinic.body import Physiology, wander
from streams.clinic.delivery import deliver
from streams.clinic.hazards import TECHNICAL
from streams.clinic.plan import SessionPlan

SentLine = tuple[int, dict[str, Any]]
"""When it arrives (µs), and the observation."""

_BLOCK = 256
"""Lines written at a time: arrays become Python numbers in one go."""
_APART = 0.2
_APART_S = 20
"""Heart rate and pulse this far apart (share of the larger) for this long: one of them is not the heart's."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One session's device lines: a row per second since the monitor was switched on, `on_s` after the session's start.

    `order` lists the rows that arrive, in order of arrival at `arrives_us`; a row may be absent or come twice. `silences`,
    in seconds since the session's start, are the planned ones, and those of chance that are long enough to make a value
    stale. `sound` is what an undisturbed monitor would have shown, `spoilt` where this one cannot be believed.
    """

    device: str
    names: tuple[str, ...]
    on_s: int
    at_us: Ints
    values: npt.NDArray[np.int16]
    status: npt.NDArray[np.uint8]
    sound: npt.NDArray[np.int16]
    spoilt: Flags
    order: npt.NDArray[np.int32]
    arrives_us: Ints
    late: Flags
    cadence_s: int
    silences: tuple[Silence, ...]

    def lines(self) -> Iterator[SentLine]:
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
        times: list[str] = np.datetime_as_string(self.at_us[rows].astype("datetime64[us]"), unit="ms").tolist()
        return times

    def _fill(self, line: dict[str, Any], row: int, values: list[int], arrives_us: int) -> None:
        line.update((name, value) for name, value in zip(self.names, values, strict=True) if value != MISSING)
        status = {
            name: STATUSES[code] for name, code in zip(self.names, self.status[row].tolist(), strict=True) if code
        }
        if status:
            line["status"] = status
        if self.late[row]:
            line["received_at"] = iso(arrives_us)


def show(plan: SessionPlan, body: Physiology) -> Screen:
    """What the monitor shows of this body, and which of it arrives when."""
    rng = plan.rng("monitor")
    conditions = plan.conditions
    # Taken off a few seconds before the session is closed: a line after that would be a patient nobody knows.
    seconds = np.arange(connected_s(plan), plan.end_s - 6)
    on_s = int(seconds[0])
    names, values = _rounded(rng, plan, body, seconds)
    sound = values.copy()
    signals = Signals(names, values, np.zeros(values.shape, np.uint8), np.zeros(values.shape, np.bool_))
    clear = _clear(plan, seconds)
    _miscounted_by_the_heart(signals)
    add_artefacts(rng, signals, clear, conditions.artefacts)
    cut = np.zeros(len(seconds), dtype=np.bool_)
    for event in plan.events:
        span = slice(*np.searchsorted(seconds, (event.from_s, event.to_s)))
        if event.name == "probe-off":
            signals.take_off(span)
        elif event.name == "no-data":
            cut[span] = True
    true_us = plan.start_us + plan.phase_us + seconds * SECOND
    sent = deliver(rng, conditions.delivery, true_us, seconds, plan.clock, clear, cut)
    silences = [Silence(event.name, event.from_s, event.to_s) for event in plan.events if event.name in TECHNICAL]
    silences += [
        Silence(chance.rule, on_s + chance.from_s, on_s + chance.to_s, chance.expect)
        for chance in (*signals.noted, *sent.silences)
        if (chance.to_s - chance.from_s) * SECOND >= STALE_AFTER or chance.rule not in TECHNICAL
    ]
    return Screen(
        plan.device,
        names,
        on_s,
        sent.at_us,
        values,
        signals.status,
        sound,
        signals.spoilt,
        sent.order,
        sent.arrives_us,
        sent.late,
        sent.cadence_s,
        tuple(silences),
    )


def connected_s(plan: SessionPlan) -> int:
    """When the monitor begins to send, seconds since the session's start."""
    return max([plan.monitor_s, *(event.to_s for event in plan.events if event.name == "never-started")])


def _rounded(
    rng: np.random.Generator, plan: SessionPlan, body: Physiology, seconds: Ints
) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
    # Whole numbers, as devices show them. The pulse is the same heart seen through a finger, a little apart.
    second: Floats = seconds.astype(np.float64)
    columns = {
        "hr": body.channels["hr"][seconds],
        "pulse": body.channels["pulse"][seconds]
        + wander(rng, second - second[0], 8, 0.5 if plan.rhythm != "paced" else 0.1),
        "rr": body.channels["rr"][seconds],
        "spo2": body.channels["spo2"][seconds],
    }
    if plan.capnography:
        columns["etco2"] = body.channels["etco2"][seconds]
    return tuple(columns), np.rint(np.column_stack(list(columns.values()))).astype(np.int16)


def _clear(plan: SessionPlan, seconds: Ints) -> Flags:
    """Where an artefact may be: not in the first and last three minutes, and on an ordinary day two minutes off every event."""
    clear: Flags = (seconds > seconds[0] + 180) & (seconds < seconds[-1] - 180)
    if not plan.conditions.artefacts.anywhere:
        for event in plan.events:
            begin, end = event.span_s()
            clear &= (seconds < begin - 120) | (seconds > end + 120)
    return clear


def _miscounted_by_the_heart(signals: Signals) -> None:
    """Beats too weak for the finger: where the two counts stay apart, neither is believed, though no artefact struck."""
    hr, pulse = (signals.values[:, signals.column(name)].astype(np.float64) for name in ("hr", "pulse"))
    apart = np.abs(hr - pulse) > _APART * np.maximum(hr, pulse)
    if not apart.any():
        return
    edges = np.flatnonzero(np.diff(np.concatenate([[False], apart, [False]]).astype(np.int8)))
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - begin >= _APART_S:
            signals.spoilt[begin:end, [signals.column(name) for name in ("hr", "pulse", "spo2")]] = True
            signals.noted.append(Silence("artefact", begin, end, "either" if end - begin < 2 * _APART_S else "raise"))
