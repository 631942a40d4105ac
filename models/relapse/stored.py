"""Stored particles: the filter's state of a patient as bytes, so that a night's forecasts need not begin at the first dose.

A state is the particles at the end of a day as half floats (which they are already, see `filter.py`), beside a fingerprint
of the course that made them. What is stored after a forecast is the state at the end of the day before: of its own day more
entries may come, and they must not make the state useless. It only saves time: where the fingerprint is not that of the course
as known now (a late or corrected entry), it is thrown away and the course is run again from the first dose. So a forecast from
a stored state is the same to the last bit as one from the history.
Cost: 49 kB a patient; 1 ms to carry a day on and forecast, in batches. Never here: where the bytes are stored
(`streams/forecasts/cache.py`).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from models.arrays import Ints
from models.relapse.filter import FIELDS, Cloud, begin, untreated_of, walk
from models.relapse.forecaster import RUNS_AT_ONCE, Forecasts, empty, forecast_states, joined, put, untreated
from models.relapse.history import Course
from models.relapse.priors import PARTICLES

_HEAD: Final = struct.Struct("<4sHHQ16siiiiiiii")
_MAGIC: Final = b"CSF1"
"""A change of the model changes this: states of another model are refused, and every course is run again."""


def pack_particles(cloud: Cloud, row: int, course: Course) -> bytes:
    """The bytes of one patient's particles: row `row` of the cloud, at the end of the cloud's day."""
    day = int(cloud.day[row])
    head = _HEAD.pack(
        _MAGIC, FIELDS, cloud.fields.shape[2], int(cloud.key[row]), _fingerprint(course, day), day, int(cloud.dosed[row]),
        int(cloud.lasting[row]), *(int(count) for count in cloud.counts[row]), int(cloud.mood_day[row]), int(cloud.changing[row]),
    )  # fmt: skip
    return head + np.ascontiguousarray(cloud.fields[:, row]).astype("<f2").tobytes()


def unpack_particles(state: bytes, course: Course, particles: int = PARTICLES) -> Cloud | None:
    """The cloud of one patient; None where the state is another model's, or of a course that this one does not continue."""
    if len(state) != _HEAD.size + 2 * FIELDS * particles or state[:4] != _MAGIC:
        return None
    _, fields, count, key, fingerprint, day, dosed, lasting, *counts, mood_day, changing = _HEAD.unpack_from(state)
    if (fields, count, key) != (FIELDS, particles, course.key) or day > course.as_of:
        return None
    if fingerprint != _fingerprint(course, day):
        return None
    values = np.frombuffer(state, "<f2", offset=_HEAD.size).reshape(FIELDS, 1, particles)
    return Cloud(
        fields=values.astype(np.float32), base=np.array([untreated_of(course)[0]], np.float32), key=np.array([key], np.uint64), day=_one(day), dosed=_one(dosed),
        lasting=_one(lasting), counts=np.array([counts], np.int64), mood_day=_one(mood_day), changing=_one(changing),
    )  # fmt: skip


def _one(value: int) -> Ints:
    return np.array([value], np.int64)


def carry_on(courses: Sequence[Course], states: Sequence[bytes | None]) -> tuple[Forecasts, list[bytes | None]]:
    """Forecasts of courses, one a patient, from stored states, and the states to store now: those of the day before.

    Args:
        states: in the order of the courses; None where nothing is stored.
    """
    made = empty(len(courses))
    stored: list[bytes | None] = [None] * len(courses)
    begun: list[tuple[int, Cloud]] = []
    for place, (course, state) in enumerate(zip(courses, states, strict=True)):
        if course.start is None:
            made.mean[place], made.sd[place] = untreated(course)
            continue
        cloud = None if state is None else unpack_particles(state, course)
        begun.append((place, begin([course]) if cloud is None else cloud))
    begun.sort(key=lambda pair: int(pair[1].day[0]) - courses[pair[0]].as_of)
    for low in range(0, len(begun), RUNS_AT_ONCE):
        places = [place for place, _ in begun[low : low + RUNS_AT_ONCE]]
        cloud = joined([each for _, each in begun[low : low + RUNS_AT_ONCE]])
        mine = [courses[place] for place in places]
        entries = [course.entries for course in mine]
        today = np.array([course.as_of for course in mine])
        for _ in walk(cloud, entries, np.maximum(cloud.day, today - 1)):
            pass
        for row, place in enumerate(places):
            stored[place] = pack_particles(cloud, row, courses[place])
        for _ in walk(cloud, entries, today):
            pass
        answers = forecast_states(cloud, np.array([course.tau for course in mine]))
        for row, place in enumerate(places):
            put(made, place, answers, row)
    return made, stored


def _fingerprint(course: Course, day: int) -> bytes:
    """A digest of everything that the filter is given up to a day."""
    values = (
        course.start,
        course.baseline,
        course.screens,
        *(tuple(entry) for entry in course.entries if entry.day <= day),
    )
    return hashlib.blake2b(repr(values).encode(), digest_size=16).digest()
