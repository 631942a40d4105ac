"""Readiness for discharge: whether a person may leave after a treatment, why not yet, and about when.

The criteria are those of the modified Aldrete score at its full marks (circulation, oxygen, consciousness), of the esketamine
label (at least 2 h and until sedation, dissociation and other changes have resolved) and of the ketamine consensus (vital
signs near baseline, MOAA/S 5, dissociation resolved). One criterion not met is one reason; no sum of points hides it.
What is not known is a reason too: nobody is ready for want of a measurement.
Bad at: gait, the escort, how a person feels about going home: a nurse decides, this lists what speaks against it.
Never here: a clock, an alert, an estimate of anything measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Final

from models.instants import MINUTE
from models.session.reports import AWAKE, DISTRESSED, GONE, Report
from models.tables.drugs import TreatmentProtocol
from models.tables.symptoms import STANDS_FOR

CUFF_LASTS: Final = 30 * MINUTE
"""A pressure this old says nothing of now: two of the intervals after an infusion (15 min, Riva-Posse 2018). Chosen by us."""
SCORE_LASTS: Final = 60 * MINUTE
"""So do scores; the spray's label asks about hourly. Once somebody is awake and clear they stay so: ours, generous therefore."""
NEAR_BASELINE: Final = 0.20
"""Modified Aldrete and PADSS give full marks within 20 % of the baseline."""
OXYGEN_ENOUGH: Final = 92.0
"""Modified Aldrete (1995): above 92 % on room air has full marks."""
PRESSURE_BACK: Final = 120 * MINUTE
"""The pressure is usually back at its pre-dose level within 2 h [S9]; after an infusion within 1.5 h (Szarmach 2020)."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a session at an instant. Pressures in mmHg, SpO2 in %; None: never measured."""

    now_us: int
    protocol: TreatmentProtocol
    dose_us: int | None
    dosing: bool
    baseline: tuple[float | None, float | None]
    cuff: tuple[int, float, float] | None
    spo2: tuple[int, float] | None
    moaas: Report | None
    cadss: Report | None
    distress: Report | None
    symptoms: Report | None
    open_conditions: tuple[str, ...]
    unanswered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """What speaks against leaving. `over_us`: about when it should be over (None: nobody can say), `measured`: it was seen,
    and is not merely unknown.
    """

    words: str
    over_us: int | None
    measured: bool


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether, why not, and about when: `expected_us` is None where somebody is ready, or nobody can say."""

    ready: bool
    expected_us: int | None
    reasons: tuple[Reason, ...]

    @property
    def words(self) -> list[str]:
        return [reason.words for reason in self.reasons]


def readiness(known: Known, dissociation_over_us: int | None = None, gone_min: float = 100) -> Readiness:
    """Whether a person may leave.

    Args:
        known: what was measured and said.
        dissociation_over_us: when dissociation is estimated to be over; None: `gone_min` after the dose, as is usual.
        gone_min: when it usually is, in minutes from the start of the dose (100: near baseline after 80-120, Singh 2016).
    """
    if known.dose_us is None:
        return Readiness(False, None, (Reason("No dose yet", None, measured=False),))
    usual_us = known.dose_us + round(gone_min * MINUTE)
    clear_us = dissociation_over_us or usual_us
    reasons = [
        *_observed(known),
        *_awake(known, usual_us),
        *_clear(known, clear_us),
        *_circulation(known),
        *_oxygen(known),
        *(Reason(title, None, measured=True) for title in known.open_conditions),
        *_complaints(known),
        *(Reason(what, known.now_us, measured=False) for what in known.unanswered),
    ]
    if not reasons:
        return Readiness(True, None, ())
    ends = [reason.over_us for reason in reasons]
    latest = max((end for end in ends if end is not None), default=None)
    # What should be over by now and is not: nobody can say when it will be.
    unknown = None in ends or any(
        reason.measured and reason.over_us is not None and reason.over_us < known.now_us for reason in reasons
    )
    return Readiness(False, None if unknown or latest is None else max(latest, known.now_us), tuple(reasons))


def _ago(known: Known, at_us: int) -> str:
    minutes = max((known.now_us - at_us) // MINUTE, 0)
    return "now" if minutes == 0 else f"{minutes} min ago"


def _observed(known: Known) -> list[Reason]:
    if known.dose_us is None:
        return []
    if known.dosing:
        return [
            Reason("The dose is running", known.dose_us + round(known.protocol.observe_min * MINUTE), measured=True)
        ]
    until_us = known.dose_us + round(known.protocol.observe_min * MINUTE)
    if known.now_us >= until_us:
        return []
    left = -((known.now_us - until_us) // MINUTE)
    return [
        Reason(
            f"Observed for {known.protocol.observe_min:g} min from the dose: {left} min to go", until_us, measured=True
        )
    ]


def _awake(known: Known, usual_us: int) -> list[Reason]:
    report = _since_dose(known, known.moaas)
    if report is None:
        return [Reason("MOAA/S not scored since the dose", known.now_us, measured=False)]
    if report.score < AWAKE:
        return [Reason(f"MOAA/S {report.score:g}, {_ago(known, report.at_us)}", usual_us, measured=True)]
    return _aged(known, report, "MOAA/S")


def _clear(known: Known, clear_us: int) -> list[Reason]:
    report = _since_dose(known, known.cadss)
    if report is None:
        return [Reason("Dissociation not scored since the dose", known.now_us, measured=False)]
    name = "CADSS-6" if report.instrument == "cadss-6" else "CADSS"
    if report.scale[1] > GONE:
        return [Reason(f"{name} {report.score:g}, {_ago(known, report.at_us)}", clear_us, measured=True)]
    return _aged(known, report, name)


def _since_dose(known: Known, report: Report | None) -> Report | None:
    """A score from before the dose says nothing of after it."""
    return None if report is None or known.dose_us is None or report.at_us < known.dose_us else report


def _aged(known: Known, report: Report, name: str) -> list[Reason]:
    if known.now_us - report.at_us <= SCORE_LASTS:
        return []
    return [Reason(f"{name} last scored {_ago(known, report.at_us)}", known.now_us, measured=False)]


def _circulation(known: Known) -> list[Reason]:
    if known.cuff is None or known.dose_us is None:
        return [Reason("No blood pressure", known.now_us, measured=False)]
    at_us, sbp, dbp = known.cuff
    if at_us < known.dose_us:
        return [Reason("No blood pressure since the dose", known.now_us, measured=False)]
    far = [
        f"{name} pressure {value:g}, baseline {base:g}"
        for name, value, base in (("Systolic", sbp, known.baseline[0]), ("Diastolic", dbp, known.baseline[1]))
        if base is not None and not isnan(value) and abs(value - base) > NEAR_BASELINE * base
    ]
    if far:
        return [Reason(f"{', '.join(far)}, {_ago(known, at_us)}", known.dose_us + PRESSURE_BACK, measured=True)]
    if known.now_us - at_us > CUFF_LASTS:
        return [Reason(f"Last blood pressure {_ago(known, at_us)}", known.now_us, measured=False)]
    return []


def _oxygen(known: Known) -> list[Reason]:
    if known.spo2 is None:
        return [Reason("No oxygen saturation", known.now_us, measured=False)]
    at_us, spo2 = known.spo2
    if spo2 <= OXYGEN_ENOUGH:
        return [Reason(f"SpO2 {spo2:g} %, {_ago(known, at_us)}", None, measured=True)]
    if known.now_us - at_us > CUFF_LASTS:
        return [Reason(f"Last oxygen saturation {_ago(known, at_us)}", known.now_us, measured=False)]
    return []


def _complaints(known: Known) -> list[Reason]:
    found = []
    distress, symptoms = known.distress, known.symptoms
    if distress is not None and distress.score >= DISTRESSED:
        found.append(Reason(f"Distress {distress.score:g} of 10, {_ago(known, distress.at_us)}", None, measured=True))
    if symptoms is not None and symptoms.score and known.now_us - symptoms.at_us <= STANDS_FOR:
        found.append(Reason(f"{symptoms.note.capitalize()}, {_ago(known, symptoms.at_us)}", None, measured=True))
    return found
