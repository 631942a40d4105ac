"""Readiness for discharge: a patient's status in; ready or the reasons why not, and about when, out.

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
from models.tables.symptoms import SYMPTOM_VALID_FOR

CUFF_VALID_FOR: Final = 30 * MINUTE
"""A pressure older than this is not of now: two of the intervals after an infusion (15 min, Riva-Posse 2018). Chosen by us."""
SCORE_VALID_FOR: Final = 60 * MINUTE
"""So do scores; the spray's label asks about hourly. Once somebody is awake and clear they stay so: ours, generous therefore."""
NEAR_BASELINE: Final = 0.20
"""Modified Aldrete and PADSS give full marks within 20 % of the baseline."""
OXYGEN_ENOUGH: Final = 92.0
"""Modified Aldrete (1995): above 92 % on room air has full marks."""
PRESSURE_BACK: Final = 120 * MINUTE
"""The pressure is usually back at its pre-dose level within 2 h [S9]; after an infusion within 1.5 h (Szarmach 2020)."""


@dataclass(frozen=True, slots=True)
class PatientStatus:
    """A session at an instant, as far as it was measured or answered.

    dosing: a dose is running. baseline: (systolic, diastolic) mmHg, each None if unknown. cuff: (when, systolic, diastolic) of
    the last good one. spo2: (when, %). Reports: the newest of each instrument. None: never measured.
    open_conditions: titles of the session's open conditions. unanswered: what is due and was not done, in words.
    """

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
    """One criterion that is not met. `over_us`: about when it should be (None: nobody can say). `measured`: it was measured or
    reported, and is not merely unknown.
    """

    words: str
    over_us: int | None
    measured: bool


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready or not, the reasons why not, and about when: `expected_us` is None if ready, or if nobody can say."""

    ready: bool
    expected_us: int | None
    reasons: tuple[Reason, ...]

    @property
    def words(self) -> list[str]:
        return [reason.words for reason in self.reasons]


def judge_readiness(status: PatientStatus, dissociation_over_us: int | None = None, gone_min: float = 100) -> Readiness:
    """Judge whether a patient may be discharged.

    Args:
        status: what was measured and reported.
        dissociation_over_us: when dissociation is estimated to be over; None: `gone_min` after the dose, as is usual.
        gone_min: when it usually is, in minutes from the start of the dose (100: near baseline after 80-120, Singh 2016).
    """
    if status.dose_us is None:
        return Readiness(False, None, (Reason("No dose yet", None, measured=False),))
    usual_us = status.dose_us + round(gone_min * MINUTE)
    clear_us = dissociation_over_us or usual_us
    reasons = [
        *_observed(status),
        *_awake(status, usual_us),
        *_clear(status, clear_us),
        *_circulation(status),
        *_oxygen(status),
        *(Reason(title, None, measured=True) for title in status.open_conditions),
        *_complaints(status),
        *(Reason(what, status.now_us, measured=False) for what in status.unanswered),
    ]
    if not reasons:
        return Readiness(True, None, ())
    ends = [reason.over_us for reason in reasons]
    latest = max((end for end in ends if end is not None), default=None)
    # What should be over by now and is not: nobody can say when it will be.
    unknown = None in ends or any(
        reason.measured and reason.over_us is not None and reason.over_us < status.now_us for reason in reasons
    )
    return Readiness(False, None if unknown or latest is None else max(latest, status.now_us), tuple(reasons))


def _ago(status: PatientStatus, at_us: int) -> str:
    minutes = max((status.now_us - at_us) // MINUTE, 0)
    return "now" if minutes == 0 else f"{minutes} min ago"


def _observed(status: PatientStatus) -> list[Reason]:
    if status.dose_us is None:
        return []
    if status.dosing:
        return [
            Reason("The dose is running", status.dose_us + round(status.protocol.observe_min * MINUTE), measured=True)
        ]
    until_us = status.dose_us + round(status.protocol.observe_min * MINUTE)
    if status.now_us >= until_us:
        return []
    minutes_to_go = -((status.now_us - until_us) // MINUTE)
    return [
        Reason(
            f"Observed for {status.protocol.observe_min:g} min from the dose: {minutes_to_go} min to go",
            until_us,
            measured=True,
        )
    ]


def _awake(status: PatientStatus, usual_us: int) -> list[Reason]:
    report = _since_dose(status, status.moaas)
    if report is None:
        return [Reason("MOAA/S not scored since the dose", status.now_us, measured=False)]
    if report.score < AWAKE:
        return [Reason(f"MOAA/S {report.score:g}, {_ago(status, report.at_us)}", usual_us, measured=True)]
    return _aged(status, report, "MOAA/S")


def _clear(status: PatientStatus, clear_us: int) -> list[Reason]:
    report = _since_dose(status, status.cadss)
    if report is None:
        return [Reason("Dissociation not scored since the dose", status.now_us, measured=False)]
    name = "CADSS-6" if report.instrument == "cadss-6" else "CADSS"
    if report.scale[1] > GONE:
        return [Reason(f"{name} {report.score:g}, {_ago(status, report.at_us)}", clear_us, measured=True)]
    return _aged(status, report, name)


def _since_dose(status: PatientStatus, report: Report | None) -> Report | None:
    """The report, or None if it was taken before the dose."""
    return None if report is None or status.dose_us is None or report.at_us < status.dose_us else report


def _aged(status: PatientStatus, report: Report, name: str) -> list[Reason]:
    if status.now_us - report.at_us <= SCORE_VALID_FOR:
        return []
    return [Reason(f"{name} last scored {_ago(status, report.at_us)}", status.now_us, measured=False)]


def _circulation(status: PatientStatus) -> list[Reason]:
    if status.cuff is None or status.dose_us is None:
        return [Reason("No blood pressure", status.now_us, measured=False)]
    at_us, sbp, dbp = status.cuff
    if at_us < status.dose_us:
        return [Reason("No blood pressure since the dose", status.now_us, measured=False)]
    far = [
        f"{name} pressure {value:g}, baseline {base:g}"
        for name, value, base in (("Systolic", sbp, status.baseline[0]), ("Diastolic", dbp, status.baseline[1]))
        if base is not None and not isnan(value) and abs(value - base) > NEAR_BASELINE * base
    ]
    if far:
        return [Reason(f"{', '.join(far)}, {_ago(status, at_us)}", status.dose_us + PRESSURE_BACK, measured=True)]
    if status.now_us - at_us > CUFF_VALID_FOR:
        return [Reason(f"Last blood pressure {_ago(status, at_us)}", status.now_us, measured=False)]
    return []


def _oxygen(status: PatientStatus) -> list[Reason]:
    if status.spo2 is None:
        return [Reason("No oxygen saturation", status.now_us, measured=False)]
    at_us, spo2 = status.spo2
    if spo2 <= OXYGEN_ENOUGH:
        return [Reason(f"SpO2 {spo2:g} %, {_ago(status, at_us)}", None, measured=True)]
    if status.now_us - at_us > CUFF_VALID_FOR:
        return [Reason(f"Last oxygen saturation {_ago(status, at_us)}", status.now_us, measured=False)]
    return []


def _complaints(status: PatientStatus) -> list[Reason]:
    found = []
    distress, symptoms = status.distress, status.symptoms
    if distress is not None and distress.score >= DISTRESSED:
        found.append(Reason(f"Distress {distress.score:g} of 10, {_ago(status, distress.at_us)}", None, measured=True))
    if symptoms is not None and symptoms.score and status.now_us - symptoms.at_us <= SYMPTOM_VALID_FOR:
        found.append(Reason(f"{symptoms.note.capitalize()}, {_ago(status, symptoms.at_us)}", None, measured=True))
    return found
