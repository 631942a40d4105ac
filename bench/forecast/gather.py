"""From a cohort to what the forecaster is asked: courses at every scored origin, the filter's answers, features.

The fast route: facts are made from the cohort's arrays without going over the wire, which a test holds against the
lines of the same cohort and `chairside forecast` on them. Gathered arrays may be kept in a folder, because the filter is
what takes time.
Cost: about 1 ms an origin. Never here: scores, training.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from bench.cohort.cohort import origins, simulate
from bench.cohort.days import DAYS, Cohort, Origins
from bench.cohort.families import AS_PUBLISHED, Variety
from bench.cohort.records import alias, calendar_day, lines_of
from bench.cohort.reports import STANDARD, Habits
from models.arrays import Flags, Floats, Ints
from models.relapse.facts import Fact
from models.relapse.forecaster import forecast_many
from models.relapse.history import Course, PatientHistory
from models.relapse.pool_features import rows_of
from models.relapse.priors import TREATMENT_KINDS


def facts_of(cohort: Cohort, patient: int, until: int = DAYS - 1, since: int = 0) -> list[Fact]:
    """A patient's facts, as `models.relapse.facts.fact_of` makes them of the lines."""
    facts = []
    for line in lines_of(cohort, patient, until, since):
        at = datetime.fromisoformat(line["at"])
        match line["kind"]:
            case "dose":
                facts.append(Fact("dose", at, at, "", "", "", "", line["drug"], line["route"], line["amount_mg"]))
            case "checkin":
                facts.append(Fact("score", at, at, "", "", "", "", line["instrument"], None, line["score"]))
            case _:
                facts.append(Fact("registered", at, at, "", "", "", "", "", None, line["weight_kg"], line["timezone"]))
    return facts


def courses_of(cohort: Cohort, asked: Origins) -> list[Course]:
    """What was known at each origin, in the origins' order.

    A cohort has no late and no corrected entries, so what was known earlier is the beginning of what was known at last.
    """
    found: list[Course | None] = [None] * len(asked.patient)
    for patient in np.unique(asked.patient).tolist():
        rows = np.flatnonzero(asked.patient == patient).tolist()
        days = [calendar_day(cohort, patient, int(asked.day[row])).toordinal() for row in rows]
        history = PatientHistory(alias(cohort, patient), facts_of(cohort, patient))
        whole = history.course(max(days))
        if whole is None:
            continue
        at = [entry.day for entry in whole.entries]
        for row, day in zip(rows, days, strict=True):
            entries = whole.entries[: bisect_right(at, day)]
            found[row] = replace(
                whole, as_of=day, entries=entries, outside=sum(entry.kind in TREATMENT_KINDS for entry in entries),
                improvement=history.improvement(day),
            )  # fmt: skip
    return [course for course in found if course is not None]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The scored origins of a cohort: truth, what may be learnt from, and the filter's own forecast."""

    patient: Ints
    due: Ints
    since: Ints
    further: Ints
    policy: Ints
    answered: Flags
    ill: Flags
    rows: Floats
    """Features (without those of the horizon)."""
    cdf: Floats
    """The filter's."""

    def picked(self, rows: Ints | Flags) -> Gathered:
        return Gathered(*(getattr(self, name)[rows] for name in Gathered.__slots__))


def gathered(cohort: Cohort, every: int = 7, keep: float = 1.0) -> Gathered:
    """Ask the filter at the scored origins (a share of them where `keep` is below 1)."""
    asked = origins(cohort, every)
    if keep < 1:
        kept = cohort.chance.daily_uniform[asked.patient, asked.day, 3] < keep
        asked = Origins(*(getattr(asked, name)[kept] for name in Origins.__slots__))
    courses = courses_of(cohort, asked)
    made = forecast_many(courses)
    return Gathered(
        patient=asked.patient,
        due=asked.due,
        since=asked.since,
        further=asked.further,
        policy=asked.policy,
        answered=asked.answered,
        ill=asked.severity >= cohort.tau[asked.patient],
        rows=rows_of(courses, made),
        cdf=made.cdf,
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A cohort to gather, by everything that it depends on but the forecaster itself."""

    family: str
    patients: int
    seed: int
    variety: Variety = AS_PUBLISHED
    habits: Habits = STANDARD
    keep: float = 1.0
    responders: bool = True


def gather(wanted: Wanted, folder: Path | None = None) -> Gathered:
    """Simulate and ask; from the folder where it was done before with the same forecaster."""
    kept = None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / f"{wanted.family}-{wanted.seed}-{_key(wanted)}.npz"
        if kept.is_file():
            with np.load(kept) as stored:
                return Gathered(*(stored[name] for name in Gathered.__slots__))
    cohort = simulate(
        wanted.family,
        wanted.patients,
        wanted.seed,
        variety=wanted.variety,
        habits=wanted.habits,
        responders=wanted.responders,
    )
    found = gathered(cohort, keep=wanted.keep)
    if kept is not None:
        np.savez(kept, **{name: getattr(found, name) for name in Gathered.__slots__})
    return found


SOURCES = (
    "models/relapse/filter.py",
    "models/relapse/due.py",
    "models/relapse/history.py",
    "models/relapse/forecaster.py",
    "models/tables/severity.py",
    "models/relapse/pool_features.py",
    "models/tables/drugs.py",
)


def _key(wanted: Wanted) -> str:
    root = Path(__file__).parents[2]
    sources = [*(root / name for name in SOURCES), *sorted((root / "bench" / "cohort").glob("*.py")), Path(__file__)]
    told = hashlib.blake2b(json.dumps(asdict(wanted), sort_keys=True).encode(), digest_size=6)
    for source in sources:
        told.update(source.read_bytes())
    return told.hexdigest()


def joined(parts: Sequence[Gathered]) -> Gathered:
    """One after another; patients keep apart."""
    shift = 0
    patients = []
    for part in parts:
        patients.append(part.patient + shift)
        shift += int(part.patient.max()) + 1
    rest = (np.concatenate([getattr(part, name) for part in parts]) for name in Gathered.__slots__[1:])
    return Gathered(np.concatenate(patients), *rest)
