"""`chairside recalibrate`: a clinic's recorded history in, a correction of its forecasts for a person to judge out.

The history is forecast again, week by week, each time from what had been received by then, and every forecast of at least
a week before a visit is compared with the clinician's score at that visit. Nothing is put in force: what comes out is a
report (JSON), a picture (SVG), and the lines that a person may put into the clinic's configuration.
Cost: as `chairside forecast --every 7`. Never here: the fit (`models/relapse/recalibration.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from deploy.cli.forecast import AT_ONCE, Patients
from models.relapse.forecaster import forecast_many
from models.relapse.history import Course, PatientHistory
from models.relapse.pool import name_of, pooled
from models.relapse.recalibration import Pair, Recalibration, fit, pairs_of
from streams.forecasts.shipped import shipped_pool

EVERY_DAYS = 7
"""As often as patients are asked: between two answers a forecast hardly moves."""


def fit_history(patients: Patients, version: str, done: Callable[[int], None] | None = None) -> Recalibration:
    """The correction of these patients' history.

    Raises:
        TooLittle: there is not enough of it.
    """
    pairs: list[Pair] = []
    aliases = sorted(patients.facts)
    for low in range(0, len(aliases), AT_ONCE):
        piece = aliases[low : low + AT_ONCE]
        courses = [course for alias in piece for course in _courses(alias, patients)]
        if courses:
            made, _ = pooled(courses, forecast_many(courses), shipped_pool())
            pairs += pairs_of(courses, np.asarray(made.cdf))
        if done is not None:
            done(len(piece))
    return fit(pairs, name_of(shipped_pool()), version)


def _courses(alias: str, patients: Patients) -> list[Course]:
    """One patient's origins: weekly from the first entry on, and the last day of all."""
    facts = patients.facts[alias]
    history = PatientHistory(alias, facts)
    first = min(fact.at for fact in facts).toordinal()
    last = max(fact.received for fact in facts).toordinal() + 1
    found = (history.course(day) for day in [*range(first, last, EVERY_DAYS), last])
    return [course for course in found if course is not None]


def configuration_lines(correction: Recalibration) -> str:
    """The TOML lines of a configuration that put the correction in force."""
    rows = [f"{name} = {json.dumps(value)}" for name, value in correction.policy().items()]
    return "\n".join(["[recalibration]", *rows]) + "\n"


def summary_text(correction: Recalibration) -> str:
    """The lines that a person should read before putting the correction in force."""
    groups = "\n".join(
        f"  forecast {group.forecast:.2f} → {group.corrected:.2f}   ill at the visit {group.ill:.2f}   ({group.visits} visits)"
        for group in correction.bins
    )
    return (
        f"{correction.visits} visits of {correction.patients} patients, {correction.first} to {correction.last}; {correction.ill} ill at the visit.\n"
        f"log-odds → {correction.shift:+.2f} + {correction.stretch:.2f} × log-odds; "
        f"Brier {correction.brier_before:.3f} → {correction.brier_after:.3f} on the same visits.\n{groups}\n"
        "Visits that were moved up because somebody felt ill make relapses look more usual than they are: judge before use."
    )
