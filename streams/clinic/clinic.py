"""The invented clinic: a seed in; observations of patients, monitors and staff, and the truth beside them, out.

For demonstrations, benchmarks and tests that need an answer to score against. Nothing here was measured on anyone: effect
sizes, rates and artefacts follow the sources beside them, their coincidence in one person is made up.
The same seed gives the same bytes; more sessions leave the earlier ones as they were. Lines come in order of arrival, so
a late batch is out of order of `at`, carries `received_at`, and a repeated line comes twice.

    people ─► plan (booking, hazards) ─► body ─► monitor, notes ─► lines
                                           └────────────────────► truth

Bad at: a patient's course over weeks (one session a patient), staff who forget, and physiology finer than a second.
Cost:   2-4 µs a line; memory grows with the sessions open at once (0.4 MB each), not with their number.
Never here: a wall clock, the network, or chance that the seed does not fix.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from zlib import crc32

from models.instants import HOUR, MINUTE, SECOND
from streams.clinic.body import simulate_body
from streams.clinic.conditions import ORDINARY, Staff
from streams.clinic.hazards import HAZARD
from streams.clinic.held_out import FAMILIES
from streams.clinic.monitor import show
from streams.clinic.notes import opening, write_down
from streams.clinic.people import SimulatedDrug
from streams.clinic.plan import Booking, plan_session
from streams.clinic.truth import true_events

OPENS_US: Final = 1_772_438_400 * SECOND
"""2026-03-02T08:00:00Z, a Monday."""

TURN: Final = 160 * MINUTE
"""From one start in a chair to the next: preparation, two hours from the dose, leaving, cleaning. Chosen by us."""

_Arrival = tuple[int, int, int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Clinic:
    """Bookings whose sessions are simulated when their lines are read. Lines that would arrive at `closes_us` or later never
    do.
    """

    seed: int
    bookings: tuple[Booking, ...]
    closes_us: int

    def observations(self) -> Iterator[dict[str, Any]]:
        """All observations, in order of arrival."""
        return (line for _, line in self.arrivals())

    def arrivals(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The same, each with the instant at which it arrives, for whoever plays the day in time."""
        open_bookings = [booking for booking in self.bookings if booking.start_us < self.closes_us]
        for arrives_us, _, _, line in heapq.merge(*(self._session(booking) for booking in open_bookings)):
            if arrives_us >= self.closes_us:
                return
            yield arrives_us, line

    def truth(self) -> list[dict[str, Any]]:
        """The truth: one record per event, with what has to be found by when; the fields are in `truth.py`."""
        events: list[dict[str, Any]] = []
        for booking in self.bookings:
            if booking.start_us < self.closes_us:
                plan = plan_session(self.seed, booking)
                body = simulate_body(plan)
                events += true_events(plan, write_down(plan, body), show(plan, body), self.closes_us)
        return sorted(events, key=lambda event: (event["from"], event["session"], event["rule"]))

    def _session(self, booking: Booking) -> Iterator[_Arrival]:
        plan = plan_session(self.seed, booking)
        number = booking.number
        # The opening comes before the body is lived: a merge asks every session for its first line at once.
        beginning = opening(plan)
        for n, (arrives_us, line) in enumerate(beginning):
            yield arrives_us, number, n, line
        n = len(beginning)
        body = simulate_body(plan)
        notes = write_down(plan, body).lines
        screen = show(plan, body)
        del body
        written = 0
        for arrives_us, line in screen.lines():
            while written < len(notes) and notes[written][0] <= arrives_us:
                yield notes[written][0], number, n, notes[written][1]
                written += 1
                n += 1
            yield arrives_us, number, n, line
            n += 1
        for entered_us, line in notes[written:]:
            yield entered_us, number, n, line
            n += 1


def simulate(
    sessions: int = 12,
    seed: int = 1,
    hours: float = 8.0,
    start_us: int = OPENS_US,
    chairs: int = 12,
    adverse: float | Iterable[tuple[int, str, float]] = 5.0,
    family: str | None = None,
) -> Clinic:
    """A clinic's day.

    Args:
        sessions: how many. They fill the chairs, then the chairs' next turns while the day lasts, then a further wing of
            as many chairs, so that a session's place does not depend on how many follow.
        seed: of everything.
        hours: when the recording ends, whoever is still treated.
        start_us: when the clinic opens.
        chairs: in a wing.
        adverse: multiplies the published rates of everything that goes wrong, or exactly what shall go wrong, as (session's
            number from 0, event, minute after the dose), and nothing else. Published rates show nothing on most days.
        family: one of `FAMILIES`, all of whose sessions have its conditions; what goes wrong is what it stages, and only that.
    """
    if family is not None and family not in FAMILIES:
        raise ValueError(f"no family {family!r}: there are {', '.join(FAMILIES)}")
    if sessions < 0 or chairs < 1 or hours <= 0:
        raise ValueError(f"sessions={sessions}, chairs={chairs}, hours={hours}: a clinic needs chairs and time")
    turns = max(1, int(hours * HOUR // TURN))
    fixed: dict[int, list[tuple[str, float]]] = {}
    rate = 0.0
    conditions = ORDINARY
    if family is not None:
        conditions = FAMILIES[family].conditions
        # Other people and other events in every family.
        seed = seed << 32 | crc32(family.encode())
    elif isinstance(adverse, (int, float)):
        rate = float(adverse)
    else:
        for number, event, minute in adverse:
            if event not in HAZARD or not 0 <= number < sessions:
                raise ValueError(
                    f"no event {event!r} in session {number}: {sessions} sessions, events {', '.join(HAZARD)}"
                )
            fixed.setdefault(number, []).append((event, minute))
    bookings = []
    for number in range(sessions):
        wing, place = divmod(number, chairs * turns)
        turn, chair = divmod(place, chairs)
        # Starts are staggered over half an hour, seven minutes apart, as one nurse can start them.
        start = start_us + turn * TURN + (7 * chair % 30) * MINUTE + 40 * SECOND
        name = str(wing * chairs + chair + 1)
        bookings.append(Booking(number, start, name, None, None, rate, tuple(fixed.get(number, ())), conditions))
    return Clinic(seed, tuple(bookings), start_us + round(hours * HOUR))


DEMO_SEED: Final = 22
"""A day on which hardly anything else happens in the first quarter of an hour: a visitor sees what is shown."""
_DEMO_MINUTE: Final = (-5, 31, 12, 38, -2, 36, 64, 22, 48, 4, 98, 80)
"""Chairs 1 to 12: the minute of the protocol when the demonstration opens. Some before the dose, most of them busy."""
_DEMO: Final = replace(ORDINARY, staff=Staff())
"""Nobody forgets a recheck while somebody is looking."""
_DEMO_DRUG: Final[tuple[SimulatedDrug, ...]] = (
    "ketamine",
    "esketamine",
    "ketamine",
    "ketamine",
    "esketamine",
    "esketamine",
)
# Minutes after opening: what a visitor sees first comes within the first minutes, the rest spread over the hour.
_DEMO_EVENTS: Final[Mapping[int, Sequence[tuple[str, float]]]] = {
    2: (("probe-off", 1.5),),
    3: (("hypertension", -4.0),),  # in the body since then; the cuff at 40 min shows it, two minutes after opening
    1: (("desaturation", 1.0),),
    5: (("sedation", 2.5),),
    7: (("bradypnoea", 14.0),),
    0: (("severe-dissociation", 22.0),),
    9: (("hypotension", 30.0),),
    4: (("no-data", 26.0),),
}


def demo_clinic(
    seed: int = DEMO_SEED, start_us: int = OPENS_US, chairs: int = 12, hours: float = 8.0,
    events: Mapping[int, Sequence[tuple[str, float]]] = _DEMO_EVENTS,
) -> Clinic:  # fmt: skip
    """A clinic in the middle of its day at `start_us`: patients before, in and after their dose, and a few things going wrong.

    `arrivals()` begins up to two hours before `start_us` with what led there; feed that at once, then play. Within
    minutes of opening: SpO2 falls in chair 2, chair 3 loses its probe, chair 4 reads above 180/110 twice, chair 6 is sedated;
    or what `events` has in their place: by chair from 0, what goes wrong how many minutes after opening.
    """
    bookings = []
    closes_us = start_us + round(hours * HOUR)
    dose_s = 7 * 60
    for turn in range(1 + int((closes_us - start_us) // TURN) + 1):
        for chair in range(chairs):
            minute = _DEMO_MINUTE[chair % len(_DEMO_MINUTE)]
            fixed = tuple((event, minute + after) for event, after in events.get(chair, ())) if turn == 0 else ()
            bookings.append(
                Booking(
                    number=turn * chairs + chair,
                    start_us=start_us - minute * MINUTE - dose_s * SECOND + turn * TURN,
                    chair=str(chair + 1),
                    drug=_DEMO_DRUG[chair % len(_DEMO_DRUG)],
                    dose_s=dose_s,
                    adverse=8.0 if turn else 0.0,
                    fixed=fixed,
                    conditions=_DEMO,
                )
            )
    return Clinic(seed, tuple(bookings), closes_us)
