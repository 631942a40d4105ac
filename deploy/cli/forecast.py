"""`chairside forecast`: recorded observations in, forecasts out, at one origin or at many.

Reads everything first, because a line's place in a file means nothing here: what counts is when it happened and when it was
received. Patients are distinguished by their alias alone, over all files given: a dose that another clinic recorded is this
patient's dose. Clinics that use one alias for two people need a run each.
Cost: about 35 ms a patient and year, 1 ms a forecast; large inputs use every core. Never here: the model.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from models.calendar import days_between, zone_of
from models.relapse.document import forecast_document
from models.relapse.facts import Fact, fact_of
from models.relapse.forecaster import forecast_many
from models.relapse.history import PatientHistory
from models.relapse.pool import pooled
from models.tables.forms import ScoreRefused
from models.wire.observations import SetAside
from streams.forecasts.shipped import shipped_pool
from streams.intake.json import read_lines
from streams.intake.whole_lines import Progress, whole_lines

AT_ONCE: Final = 32
"""Patients of one piece of work: a second or two, so that a bar moves and the cores end together."""
WORTH_A_PROCESS: Final = 1500
"""Forecasts below which starting another process takes longer than it saves."""

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """The origins, and the options of each forecast. Days are ordinals of the patient's own calendar."""

    first: int
    last: int
    every: int
    horizon: int
    with_cdf: bool

    @property
    def origins(self) -> Sequence[int]:
        return days_between(self.first, self.last, self.every)


@dataclass(slots=True)
class Patients:
    """The facts of every patient, and how many lines were bad."""

    facts: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    bad: int = 0

    def read(self, path: Path, on_bad_line: Warn, progress: Progress | None = None) -> None:
        """Take a file's lines; `on_bad_line` hears of every bad one, `progress` how many bytes more were read.

        Raises:
            UnreadableFile: it cannot be opened or unpacked.
        """
        number = 0
        for chunk in whole_lines(path, lambda file, odd: on_bad_line(f"{file}: {odd}"), progress):
            for line in io.BytesIO(chunk):
                number += 1
                if reason := self._take(line):
                    self.bad += 1
                    on_bad_line(f"{path.name}:{number}: {reason}")

    def _take(self, line: bytes) -> str:
        """Add a line's fact; a message if the line is bad, else None."""
        for record in read_lines([line.strip()]).records:
            if isinstance(record, SetAside):
                return f"{record.field}: {record.reason}" if record.field else record.reason
            try:
                fact = fact_of(record)
            except ScoreRefused as refused:
                return f"{refused.field}: {refused}"
            if fact is None or record.patient is None:
                continue
            if record.kind == "vitals":
                # A million samples say no more than the first: that the patient was seen.
                self._see(record.patient, fact)
                continue
            self.facts[record.patient].append(fact)
            if record.kind == "patient.registered" and record.timezone and zone_of(record.timezone) is None:
                return f"timezone: there is no zone {record.timezone!r}; days follow each observation's own offset"
        return ""

    def _see(self, patient: str, fact: Fact) -> None:
        facts = self.facts[patient]
        if facts and facts[0].kind == "seen" and facts[0].name == "vitals":
            facts[0] = min(
                facts[0], fact._replace(name="vitals"), key=lambda each: (max(each.received, each.at), each.at)
            )
        else:
            facts.insert(0, fact._replace(name="vitals"))


def forecast_lines(patients: Patients, question: Question, done: Callable[[int], None] | None = None) -> Iterator[str]:
    """Forecasts as JSON lines, by patient and origin. `done` is called with how many more patients are finished."""
    aliases = sorted(patients.facts)
    pieces = [
        [(alias, patients.facts[alias]) for alias in aliases[low : low + AT_ONCE]]
        for low in range(0, len(aliases), AT_ONCE)
    ]
    cores = min(len(pieces), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if cores < 2 or len(aliases) * len(question.origins) < WORTH_A_PROCESS:
        for piece in pieces:
            yield from _answered(piece, question)
            if done is not None:
                done(len(piece))
        return
    # A fresh interpreter each: a fork of one with threads may hang.
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        for piece, lines in zip(pieces, pool.map(_answered, pieces, [question] * len(pieces)), strict=True):
            yield from lines
            if done is not None:
                done(len(piece))


def _answered(piece: Sequence[tuple[str, list[Fact]]], question: Question) -> list[str]:
    courses = []
    for alias, facts in piece:
        history = PatientHistory(alias, facts)
        found = (history.course(day) for day in question.origins)
        courses += [course for course in found if course is not None]
    made, model = pooled(courses, forecast_many(courses), shipped_pool())
    documents = (
        forecast_document(course, made, row, model=model, horizon=question.horizon, with_cdf=question.with_cdf)
        for row, course in enumerate(courses)
    )
    return [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in documents]


def day_named(text: str) -> int:
    """The day of YYYY-MM-DD, within the years that an observation may have.

    Raises:
        ValueError: it is no such day.
    """
    day = date.fromisoformat(text)
    if not 1900 <= day.year < 2200:
        raise ValueError(f"{text} is not within 1900 to 2199")
    return day.toordinal()
