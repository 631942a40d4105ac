"""A session's doses, by start: added, corrected, stopped, and summed up.

Doses within `ONE_DOSE_WITHIN` of the first are one dose: the devices of a spray, an injection in two halves. A later one
begins another course, and what is counted from the dose (phase, observation, lasting dissociation) is counted from the start
of the last course: half an hour after a second infusion, dissociation is what it does, not what has lasted.
Never here: what a drug does to a body, whether a dose was right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from models.instants import DAY, MINUTE
from models.tables.dose_limits import ONE_DOSE_WITHIN
from models.tables.drugs import protocol_of

LASTING_AFTER: Final = 120 * MINUTE
"""Dissociation is gone by 1.5 h after the spray and by 80-120 min after an infusion starts; the label's observation is 2 h."""


@dataclass(frozen=True, slots=True)
class SessionDose:
    """One dose as entered: start, drug, route, mg, minutes that it was to take; when and at how many mg it was stopped, if
    it was.
    """

    at_us: int
    drug: str | None
    route: str | None
    amount_mg: float | None
    minutes: float | None
    id: str | None = None
    stopped_us: int | None = None
    given_mg: float | None = None

    def ends_us(self, planned_minutes: float | None) -> int:
        """When it ends, µs: when stopped, else after the minutes entered, planned, or usual, the first that are under a day."""
        if self.stopped_us is not None:
            return self.stopped_us
        said = (self.minutes, planned_minutes)
        usual = protocol_of(self.drug, self.route).dose_min
        return self.at_us + round(next((m for m in said if m is not None and 0 < m * MINUTE < DAY), usual) * MINUTE)

    @property
    def mg(self) -> float | None:
        return self.amount_mg if self.given_mg is None else self.given_mg


def add_dose(doses: Sequence[SessionDose], given: SessionDose, replaces: str | None) -> list[SessionDose]:
    """The doses with one more, by start; the entry with the id `replaces` is dropped. Corrected to 0 mg it is taken back; one
    that was stopped stays so, whatever else of it was wrong.
    """
    kept = [dose for dose in doses if replaces is None or dose.id != replaces]
    if replaces is not None and given.amount_mg == 0:
        return kept
    for wrong in (dose for dose in doses if dose not in kept and dose.stopped_us is not None):
        given = replace(given, stopped_us=wrong.stopped_us, given_mg=wrong.given_mg)
    return sorted([*kept, given], key=lambda dose: dose.at_us)


def stop_dose(doses: Sequence[SessionDose], at_us: int, given_mg: float | None) -> list[SessionDose]:
    """The doses with the last one that began by `at_us` stopped. No dose had begun by then: unchanged."""
    begun = [n for n, dose in enumerate(doses) if dose.at_us <= at_us]
    return [
        replace(dose, stopped_us=at_us, given_mg=given_mg) if begun and n == begun[-1] else dose
        for n, dose in enumerate(doses)
    ]


def last_course(doses: Sequence[SessionDose]) -> Sequence[SessionDose]:
    """The doses of the last course, by start; empty if there are none."""
    first = 0
    for n, dose in enumerate(doses):
        if dose.at_us > doses[first].at_us + ONE_DOSE_WITHIN:
            first = n
    return doses[first:]


def total_mg(doses: Sequence[SessionDose]) -> float | None:
    """The mg of all doses; None if any amount is unknown."""
    amounts = [dose.mg for dose in doses]
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None
