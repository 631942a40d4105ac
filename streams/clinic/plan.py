"""The plan of one invented session: patient, chair, protocol, times, and what will go wrong.

A booking has what the clinic decides, the plan adds what chance decides. Every part of a session draws from its own
stream, keyed by the session's number and the part, so that more sessions, or another kind of artefact, change nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from models.instants import SECOND
from streams.clinic.conditions import ORDINARY, Conditions, Rhythm
from streams.clinic.delivery import DeviceClock, draw_clock
from streams.clinic.hazards import STOPPED_AFTER_S, STOPS_THE_DOSE, HazardEvent, draw_events
from streams.clinic.people import (
    PROTOCOLS,
    DrugResponse,
    SimulatedDrug,
    SimulatedPatient,
    SimulatedProtocol,
    draw_patient,
    draw_response,
)
from streams.clinic.trials import ScriptedAnswer, stage

Part = Literal["people", "plan", "body", "monitor", "notes", "trials", "clock", "rhythm", "staff", "day"]
_PARTS: Final[tuple[Part, ...]] = (
    "people", "plan", "body", "monitor", "notes", "trials", "clock", "rhythm", "staff", "day",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Booking:
    """A session as booked. Where `drug` or `dose_s` is None, chance decides."""

    number: int
    start_us: int
    chair: str
    drug: SimulatedDrug | None = None
    dose_s: int | None = None
    adverse: float = 1.0
    fixed: tuple[tuple[str, float], ...] = ()
    conditions: Conditions = ORDINARY
    person: int | None = None
    """The person's number; None: a new one, the booking's own."""
    visit: int | None = None
    """Which session of the person's course."""


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """A session before it happens; `*_s` are seconds since its start."""

    seed: int
    number: int
    session: str
    visit: int
    person: SimulatedPatient
    response: DrugResponse
    protocol: SimulatedProtocol
    chair: str
    device: str
    planned_mg: float
    planned_minutes: int
    start_us: int
    dose_s: int
    stopped_s: int | None
    monitor_s: int
    end_s: int
    phase_us: int
    """The device's sub-second: a monitor does not tick with the wall clock."""
    capnography: bool
    scale: Literal["cadss", "cadss-6"]
    """Most clinics ask the short one."""
    events: tuple[HazardEvent, ...]
    answers: tuple[ScriptedAnswer, ...]
    conditions: Conditions
    rhythm: Rhythm
    clock: DeviceClock

    def at_us(self, second: float) -> int:
        """The instant, to the millisecond that a line shows."""
        return self.start_us + round(second * 1_000) * (SECOND // 1_000)

    def rng(self, part: Part) -> np.random.Generator:
        return random_stream(self.seed, self.number, part)


def random_stream(seed: int, number: int, part: Part) -> np.random.Generator:
    """The random stream of one part of one session; the key is what `SeedSequence.spawn` would give it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, _PARTS.index(part))))


def plan_session(seed: int, booking: Booking) -> SessionPlan:
    who = booking.number if booking.person is None else booking.person
    people, day = random_stream(seed, who, "people"), random_stream(seed, booking.number, "day")
    rng = random_stream(seed, booking.number, "plan")
    # Half and half: both protocols should be seen in a small clinic. Chosen by us.
    drawn: SimulatedDrug = "ketamine" if rng.random() < 0.5 else "esketamine"
    protocol = PROTOCOLS[booking.drug or drawn]
    infusion = protocol.route == "iv"
    person = draw_patient(people, alias=f"P{who + 1:04d}")
    # Of the registry's people three in four came nine times or more: any of the first twelve, chosen by us.
    visit = int(day.integers(1, 13)) if booking.visit is None else booking.visit
    response = draw_response(people, day, protocol, visit, person)
    prepare_s = int(rng.integers(390, 540))
    dose_s = prepare_s if booking.dose_s is None else booking.dose_s
    sprays = 2 if rng.random() < 0.5 else 3
    planned_minutes = 40 if infusion else 5 * (sprays - 1)  # label: five minutes of rest between two 28 mg devices
    monitor_s = int(rng.integers(20, 45))
    # Two hours from the dose (label, REMS), and the minutes it takes to leave.
    end_s = dose_s + 120 * 60 + int(rng.integers(150, 480))
    phase_us = int(rng.integers(100, 900)) * 1_000
    capnography = bool(rng.random() < 0.4)  # some chairs; chosen by us
    events = draw_events(rng, infusion, dose_s, booking.adverse, booking.fixed)
    conditions = booking.conditions
    trials = random_stream(seed, booking.number, "trials")
    rhythm = conditions.rhythms[int(trials.integers(len(conditions.rhythms)))]
    if conditions.trials.hovering:
        # So that 179 is not a rise of 40 as well: fit to be treated, just.
        person = replace(person, sbp=139.0, dbp=88.0)
        response = replace(
            response, sedation=min(response.sedation, 1.2), dissociation=min(response.dissociation, 10.0)
        )
    staged, answers, breathes = stage(trials, conditions.trials, booking.number, person, dose_s, end_s)
    events = tuple(sorted((*events, *staged), key=lambda event: event.from_s))
    stops = [event.from_s + STOPPED_AFTER_S for event in events if event.name in STOPS_THE_DOSE]
    return SessionPlan(
        seed=seed,
        number=booking.number,
        session=f"S{booking.number + 1:04d}",
        visit=visit,
        person=person,
        response=response,
        protocol=protocol,
        chair=booking.chair,
        device=f"monitor-{booking.chair}",
        planned_mg=round(0.5 * person.weight_kg, 1) if infusion else 28.0 * sprays,
        planned_minutes=planned_minutes,
        start_us=booking.start_us,
        dose_s=dose_s,
        # What was sprayed cannot be stopped.
        stopped_s=next((at_s for at_s in stops if infusion and at_s < dose_s + 60 * planned_minutes), None),
        monitor_s=monitor_s,
        end_s=end_s,
        phase_us=phase_us,
        capnography=capnography or breathes,
        scale="cadss" if day.random() < 0.2 else "cadss-6",
        events=events,
        answers=answers,
        conditions=conditions,
        rhythm=rhythm,
        clock=draw_clock(random_stream(seed, booking.number, "clock"), conditions.delivery, end_s),
    )
