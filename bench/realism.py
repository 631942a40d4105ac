"""How like the published figures the invented clinic is: each figure, its source, what comes out, and how far it may be off.

    python -m bench.realism

People are treated for four weeks (eight sessions of a course) by each drug, on the ordinary day, with what goes wrong at its
published rates; figures are taken from what cuffs and scales would have shown, as the papers' were.
tests/streams/clinic/test_clinic_realism.py fails where a figure leaves its tolerance. A figure agreeing
says that its average is right, not that a person is.
Cost: some 6 s for 200 people a drug.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.clinic.body import Physiology, simulate_body
from streams.clinic.clinic import OPENS_US
from streams.clinic.notes import DisplayedCuff, Notes, write_down
from streams.clinic.people import SimulatedDrug
from streams.clinic.plan import Booking, SessionPlan, plan_session

VISITS: Final = 8
"""Twice a week for four weeks: the label's induction, and the time that most figures are about."""
PEOPLE: Final = 200
SEED: Final = 20


@dataclass(frozen=True, slots=True)
class Session:
    """One session, lived."""

    person: int
    plan: SessionPlan
    body: Physiology
    notes: Notes

    @property
    def rest(self) -> DisplayedCuff:
        """The last cuff before the dose."""
        return [cuff for cuff in self.notes.cuffs if cuff.at_s < self.plan.dose_s][-1]

    @property
    def after(self) -> list[DisplayedCuff]:
        return [cuff for cuff in self.notes.cuffs if cuff.at_s > self.plan.dose_s]

    def rises(self, side: str) -> list[float]:
        return [getattr(cuff, side) - getattr(self.rest, side) for cuff in self.after]

    def rise_at(self, side: str, minute: float) -> float | None:
        """At the cuff of this minute's round, if there was one."""
        near = [cuff for cuff in self.after if abs(cuff.at_s - self.plan.dose_s - 60 * minute - 15) < 100]
        return getattr(near[0], side) - getattr(self.rest, side) if near else None

    def at(self, channel: str, minute: float) -> float:
        """What the body has, at this minute after the dose."""
        value: float = self.body.channels[channel][self.plan.dose_s + round(60 * minute)]  # type: ignore[index]  # numpy's element is a float
        return value

    def score_at_rounds(self, channel: str) -> list[float]:
        """What the whole scale would say at the protocol's rounds."""
        return [round(self.at(channel, minute)) for minute in self.plan.protocol.checkin_min]


def treated(drug: SimulatedDrug, people: int, visits: int = VISITS, seed: int = SEED) -> list[Session]:
    """So many people, each for so many sessions."""
    sessions = []
    for person in range(people):
        for visit in range(1, visits + 1):
            number = person * visits + visit - 1
            plan = plan_session(seed, Booking(number, OPENS_US, "1", drug, person=person, visit=visit))
            body = simulate_body(plan)
            notes = write_down(plan, body)
            if any(cuff.at_s < plan.dose_s for cuff in notes.cuffs):
                sessions.append(Session(person, plan, body, notes))
    return sessions


@dataclass(frozen=True, slots=True)
class Cohort:
    """What was lived: infusions and sprays."""

    infusions: Sequence[Session]
    sprays: Sequence[Session]


def cohort(people: int = PEOPLE) -> Cohort:
    return Cohort(treated("ketamine", people), treated("esketamine", people))


Measure = Callable[[Cohort], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure. `low` and `high`: where the simulated one may lie."""

    name: str
    published: str
    source: str
    low: float
    high: float
    unit: str
    measure: Measure


def _mean_at(sessions: Sequence[Session], side: str, minute: float) -> float:
    return float(np.mean([rise for each in sessions if (rise := each.rise_at(side, minute)) is not None]))


def _mean_peak(sessions: Sequence[Session], side: str) -> float:
    return float(np.mean([max(each.rises(side)) for each in sessions]))


def _per_person(sessions: Sequence[Session], shows: Callable[[Session], bool]) -> float:
    """Percent of people who showed it at least once."""
    people = {each.person for each in sessions}
    return 100 * len({each.person for each in sessions if shows(each)}) / len(people)


def _per_session(sessions: Sequence[Session], shows: Callable[[Session], bool]) -> float:
    return 100 * float(np.mean([shows(each) for each in sessions]))


def _severe(each: Session) -> bool:
    return any(cuff.sbp >= 180 or cuff.dbp >= 110 for cuff in each.after)


def _first(sessions: Sequence[Session]) -> list[Session]:
    return [each for each in sessions if each.plan.visit == 1]


def _half_life(sessions: Sequence[Session]) -> float:
    """Minutes from the end of the infusion until half of the rise at 40 min is left, by the group's mean course."""
    course = np.array([np.mean([each.at("sbp", m) - each.at("sbp", -3) for each in sessions]) for m in range(40, 120)])
    return float(np.argmax(course < course[0] / 2))


def _cadss_peak_minute(sessions: Sequence[Session]) -> float:
    minutes = range(5, 120, 5)
    means = [np.mean([each.at("cadss", m) for each in sessions]) for m in minutes]
    return float(minutes[int(np.argmax(means))])


def _ready(each: Session, minute: float) -> bool:
    """No dissociation, awake, and the pressure within 20 mmHg of where it began and not high."""
    pressure = each.at("sbp", minute)
    return (
        round(each.at("cadss", minute)) <= 4
        and each.at("moaas", minute) == 5
        and pressure < 160
        and pressure - each.rest.sbp < 20
    )


def _cadss_mean(sessions: Sequence[Session], minute: float) -> float:
    return float(np.mean([each.at("cadss", minute) for each in sessions]))


# fmt: off
FIGURES: Final = (
    Figure("infusion: mean of people's largest systolic rise", "16.0-19.6", "Yale 2024 (2,342 infusions), Wan 2015", 15, 21, "mmHg", lambda c: _mean_peak(c.infusions, "sbp")),
    Figure("infusion: mean of people's largest diastolic rise", "11.0-13.4", "the same", 10, 14.5, "mmHg", lambda c: _mean_peak(c.infusions, "dbp")),
    Figure("infusion: group's systolic rise at 40 min", "7.4-16", "Zhou 2021, Vankawala 2021 (12.6), Yale 2024", 9, 16, "mmHg", lambda c: _mean_at(c.infusions, "sbp", 40)),
    Figure("infusion: group's diastolic rise at 40 min", "6.0-11", "Zhou 2021, Vankawala 2021 (8.5), Yale 2024", 6, 11, "mmHg", lambda c: _mean_at(c.infusions, "dbp", 40)),
    Figure("infusion: SD of the systolic rise at 40 min", "11.2", "Yale 2024", 9, 13, "mmHg", lambda c: float(np.std([r for e in c.infusions if (r := e.rise_at("sbp", 40)) is not None]))),
    Figure("infusion: half-life of the systolic rise", "20-30", "Szarmach 2020, Riva-Posse 2018: back within 1-1.5 h", 18, 32, "min", lambda c: _half_life(c.infusions)),
    Figure("infusion: group's systolic rise at 115 min", "back to 0", "Riva-Posse 2018, Szarmach 2020", -2, 4, "mmHg", lambda c: _mean_at(c.infusions, "sbp", 115)),
    Figure("infusion: rise in heart rate at 40 min", "1.9-4.1", "Zhou 2021, Vankawala 2021", 1.9, 4.2, "/min", lambda c: float(np.mean([e.at("hr", 38) - e.at("hr", -4) for e in c.infusions]))),
    Figure("infusion: sessions with 180 or 110", "0.98", "Yale 2024", 0.4, 2.0, "%", lambda c: _per_session(c.infusions, _severe)),
    Figure("infusion: CADSS at 40 min, first session, mean", "8-20", "trials' group means", 8, 20, "of 92", lambda c: _cadss_mean(_first(c.infusions), 40)),
    Figure("infusion: CADSS at 40 min, first session, SD", "10-15", "trials", 7, 17, "of 92", lambda c: float(np.std([e.at("cadss", 40) for e in _first(c.infusions)]))),
    Figure("infusion: dissociation at its highest", "40", "Singh 2016", 35, 45, "min", lambda c: _cadss_peak_minute(c.infusions)),
    Figure("infusion: CADSS left at 100 min, of that at 40", "near 0 by 80-120 min, in", "Singh 2016, Luckenbaugh 2014", 0, 10, "%", lambda c: 100 * _cadss_mean(c.infusions, 100) / _cadss_mean(c.infusions, 40)),
    Figure("infusion: pressure at session 8 against session 1", "no tolerance: 100", "Riva-Posse 2018, Zhou 2021", 85, 115, "%", lambda c: 100 * _mean_at([e for e in c.infusions if e.plan.visit > 6], "sbp", 40) / _mean_at([e for e in c.infusions if e.plan.visit < 3], "sbp", 40)),
    Figure("spray: mean of people's largest systolic rise", "13.3", "Doherty 2020, 18-64 years", 11, 16, "mmHg", lambda c: _mean_peak(c.sprays, "sbp")),
    Figure("spray: mean of people's largest diastolic rise", "8.7", "Doherty 2020", 7, 11, "mmHg", lambda c: _mean_peak(c.sprays, "dbp")),
    Figure("spray: group's systolic rise at 40 min", "7-9", "label, placebo-adjusted", 6.5, 10.5, "mmHg", lambda c: _mean_at(c.sprays, "sbp", 40)),
    Figure("spray: group's systolic rise at 100 min", "2-5 at 90 min", "label, placebo-adjusted", 1.5, 5, "mmHg", lambda c: _mean_at(c.sprays, "sbp", 100)),
    Figure("spray: people with a rise of 40 or 25", "8-19", "label §5.6, first four weeks", 8, 21, "%", lambda c: _per_person(c.sprays, lambda e: max(e.rises("sbp")) >= 40 or max(e.rises("dbp")) >= 25)),
    Figure("spray: people with 180 or 110", "2.0-4.9", "Doherty 2020; label table 6: 3 % and 4 %", 1.5, 7.5, "%", lambda c: _per_person(c.sprays, _severe)),
    Figure("spray: CADSS above 4, people, first sessions", "61-84", "label, by age and dose", 59, 85, "%", lambda c: _per_person([e for e in c.sprays if e.plan.visit <= 2], lambda e: max(e.score_at_rounds("cadss")) > 4)),
    Figure("spray: CADSS at 40 min, first session, mean", "7-12", "trials' group means", 6.5, 12, "of 92", lambda c: _cadss_mean(_first(c.sprays), 40)),
    Figure("spray: CADSS at session 8 against session 1", "about half (50)", "label", 38, 65, "%", lambda c: 100 * _cadss_mean([e for e in c.sprays if e.plan.visit == 8], 40) / _cadss_mean(_first(c.sprays), 40)),
    Figure("spray: dissociation at its highest", "40", "label", 30, 45, "min", lambda c: _cadss_peak_minute(c.sprays)),
    Figure("spray: CADSS left at 90 min, of that at 40", "near 0, generally gone, in", "label", 0, 30, "%", lambda c: 100 * _cadss_mean(c.sprays, 90) / _cadss_mean(c.sprays, 40)),
    Figure("spray: MOAA/S below 5, people, first session", "48-61", "label", 46, 63, "%", lambda c: _per_person(_first(c.sprays), lambda e: min(e.score_at_rounds("moaas")) < 5)),
    Figure("spray: sessions with sedation", "34.7", "REMS, 1,486,213 sessions", 27, 52, "%", lambda c: _per_session(c.sprays, lambda e: min(e.score_at_rounds("moaas")) < 5)),
    Figure("spray: sessions with dissociation", "41.0", "REMS", 34, 60, "%", lambda c: _per_session(c.sprays, lambda e: max(e.score_at_rounds("cadss")) > 4)),
    Figure("spray: sessions with high pressure", "0.9", "REMS", 0.3, 1.8, "%", lambda c: _per_session(c.sprays, _severe)),
    Figure("spray: ready to leave at 90 min", "at least 90", "8 sessions, n = 349", 85, 99, "%", lambda c: _per_session(c.sprays, lambda e: _ready(e, 90))),
    Figure("spray: not ready at 2 h", "at most 3.5", "the same", 0, 5, "%", lambda c: _per_session(c.sprays, lambda e: not _ready(e, 119))),
)
# fmt: on


def table(of: Cohort) -> Iterator[str]:
    """The figures as Markdown."""
    yield "| figure | published | source | simulated | tolerance | |"
    yield "|---|---|---|---|---|---|"
    for figure in FIGURES:
        value = figure.measure(of)
        fits = "fits" if figure.low <= value <= figure.high else "**does not fit**"
        yield (
            f"| {figure.name} | {figure.published} {figure.unit} | {figure.source} | {value:.1f} "
            f"| {figure.low:g} to {figure.high:g} | {fits} |"
        )


if __name__ == "__main__":
    for line in table(cohort(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)):
        print(line)
