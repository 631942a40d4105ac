"""The filter: a patient's doses and scores in, how long a dose lasts in them out, as a cloud of weighted particles.

Each particle is a possible patient: a share f of the untreated severity B that treatment can take away, a gain g per dose, and
an effect that fades after each dose as a stretched exponential, whose scale is drawn anew in every cycle. What moves severity
otherwise, a slow drift D and short-term ups and downs x, is kept in closed form beside the personal zero of a mood diary
(Rao-Blackwell: a Gaussian of three dimensions per particle), so that particles are spent on what is not Gaussian.

    at a dose of strength d   A ← E + (1 − (1 − g)^d) (f − E)⁺ ;   log λc ← log λ + ω z + log(1 − exp(−n/3))
    u days later              E(u) = A exp(−(u/λc)^k) ;   s = clip(B (1 − E) + D + x, 0, 27)

Scores weigh the particles with a tempered likelihood (power 0.7), because no patient is one of these; where few carry the
weight they are drawn again and their traits moved a little (Liu & West 2001).
Good at: an honest width. Bad at: relapses that nothing announces; telling f from λ before some time off dose was seen.
Cost: about 80 µs a patient and day, in batches. All arrays are float32, and at the end of a day every number is rounded to
a half float, so that what is stored is exactly what is carried on.
Never here: a course's making (`history.py`), the crossing (`due.py`), anything of another patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32s, Floats, Ints
from models.relapse.chance import normals, stratified, uniforms
from models.relapse.day_entries import AFTER, AT, BEFORE, DayEntry
from models.relapse.history import Course
from models.relapse.priors import (
    CHANGE_DAYS,
    CHANGE_DRIFT,
    COURSES,
    ISLANDS,
    KERNEL,
    MIXED_IN,
    MOOD_REPEAT,
    MOOD_TEMPER,
    MOOD_ZERO_SD,
    OUTLIER_SHARE,
    OUTLIER_VAR,
    PARTICLES,
    ROUNDING_VAR,
    TEMPER,
    TRAITS,
    TREATMENT_KINDS,
    VISIT_SD,
)  # fmt: skip
from models.tables.severity import HIGHEST_PHQ9, LOWEST_PHQ9, RECALL_DAYS

# fmt: off
(
    EFFECT_CEILING, EFFECT_GAIN, SCALE, SHAPE, CYCLE, WOBBLE, PACE, DRIFT, NOISE, MOOD_PER, MOOD_SD, ANSWER_RATE, ANSWER_SLOPE,
) = range(len(TRAITS))
"""The traits' fields, in the order of `priors.TRAITS`: f and g (logits), log λ, log k, and so on."""
(
    EFFECT, CYCLE_SCALE, WEIGHT,
    UNTREATED, FLUCTUATION, MOOD_ZERO,
    UNTREATED_VAR, UNTREATED_FLUCTUATION_COV, UNTREATED_MOOD_COV, FLUCTUATION_VAR, FLUCTUATION_MOOD_COV, MOOD_ZERO_VAR,
) = range(len(TRAITS), len(TRAITS) + 12)
# fmt: on
"""The state's fields: A and log λc of the last dose; log weight; means, variances and covariances of D, x and mood's zero."""
FIRST_RECALL_FIELD: Final = MOOD_ZERO_VAR + 1
"""The first of seven fields: 1 − E on each day that a questionnaire looks back on, by day modulo `RECALL_DAYS`."""
FIELDS: Final = FIRST_RECALL_FIELD + RECALL_DAYS
_DOSE, _PICK, _MOVE = range(len(TRAITS) + 4, len(TRAITS) + 7)


@dataclass(slots=True)
class Cloud:
    """Particles of some patients at the end of a day.

    Args:
        fields: (FIELDS, patients, particles). base: the untreated severity B to begin with. day: of each patient. key: seeds.
        dosed: day of the last treatment.
        lasting: its kind's place in `TREATMENT_KINDS`. counts: (patients, kinds) treatments so far.
        mood_day: of the last mood report. changing: the last day on which drift is widened.
    """

    fields: Float32s
    base: Float32s
    key: NDArray[np.uint64]
    day: Ints
    dosed: Ints
    lasting: Ints
    counts: Ints
    mood_day: Ints
    changing: Ints

    def picked(self, rows: Ints | slice) -> Cloud:
        """A copy of some patients."""
        return Cloud(
            np.ascontiguousarray(self.fields[:, rows]), self.base[rows].copy(), self.key[rows].copy(), self.day[rows].copy(), self.dosed[rows].copy(),
            self.lasting[rows].copy(), self.counts[rows].copy(), self.mood_day[rows].copy(), self.changing[rows].copy(),
        )  # fmt: skip

    def weights(self) -> Float32s:
        """Normalised, (patients, particles); every island counts the same."""
        log_weight = self.fields[WEIGHT].reshape(len(self.day), ISLANDS, -1)
        raw = np.exp(log_weight - log_weight.max(axis=2, keepdims=True))
        return np.asarray(raw / (ISLANDS * raw.sum(axis=2, keepdims=True)), np.float32).reshape(len(self.day), -1)

    def today(self) -> tuple[Float32s, Float32s]:
        """Severity at the end of the day as each particle has it: mean (before clipping) and SD, (patients, particles)."""
        level = self.base[:, None] * (1 - self.effect()) + self.fields[UNTREATED] + self.fields[FLUCTUATION]
        variance = (
            self.fields[UNTREATED_VAR] + 2 * self.fields[UNTREATED_FLUCTUATION_COV] + self.fields[FLUCTUATION_VAR]
        )
        return level, np.sqrt(np.maximum(variance, 0))

    def effect(self, ahead: int = 0) -> Float32s:
        """E so many days after each patient's day, without another dose."""
        return _effect(self.fields, self.day - self.dosed + ahead)


def begin(courses: Sequence[Course], particles: int = PARTICLES) -> Cloud:
    """The prior of patients on the day before their first treatment. Every course must have a `start`."""
    n = len(courses)
    key = np.array([course.key for course in courses], np.uint64)
    start = np.array([course.start for course in courses], np.int64)
    drawn = stratified(key, len(TRAITS), particles)
    fields = np.zeros((FIELDS, n, particles), np.float32)
    for trait, (_, mean, sd) in enumerate(TRAITS):
        fields[trait] = np.float32(mean) + np.float32(sd) * drawn[trait]
    base = np.array([untreated_of(course) for course in courses], np.float32).reshape(n, 2)
    fields[CYCLE_SCALE] = fields[SCALE]
    fields[UNTREATED_VAR] = base[:, 1:] ** 2
    fields[FLUCTUATION_VAR] = np.exp(2 * fields[WOBBLE])
    fields[MOOD_ZERO_VAR] = MOOD_ZERO_SD**2
    fields[FIRST_RECALL_FIELD:] = 1
    nobody = np.full(n, -(10**6), np.int64)
    none, counts = np.zeros(n, np.int64), np.zeros((n, len(TREATMENT_KINDS)), np.int64)
    first = base[:, 0].copy()
    return Cloud(_rounded(fields), first, key, start - 1, nobody.copy(), none, counts, nobody.copy(), nobody.copy())


def untreated_of(course: Course) -> tuple[float, float]:
    """Mean and SD of the untreated severity B: 18 ± 3.5 without a score; two screening scores of a patient leave ± 2."""
    if course.baseline is None:
        return 18.0, 3.5
    own, sd = (MIXED_IN, 2.0) if course.screens > 1 else (0.8, 2.5)
    return own * course.baseline + (1 - own) * 18.0, sd


def walk(cloud: Cloud, entries: Sequence[Sequence[DayEntry]], until: Ints) -> Iterator[tuple[int, Ints]]:
    """Carry a cloud forward in place, day by day, each patient to the end of its day `until`.

    Yields after each day (how many patients were carried, their rows are the first so many): rows must be in order of how far
    they have to go, the farthest first.
    """
    left = until - cloud.day
    if (np.diff(left) > 0).any():
        raise ValueError("patients must be in order of the days they have to go, the farthest first")
    places = [0] * len(entries)
    for step in range(1, int(left[0]) + 1 if len(left) else 1):
        active = int(np.searchsorted(-left, -step, side="right"))
        today: list[tuple[int, DayEntry]] = []
        for row in range(active):
            mine, place = entries[row], places[row]
            day = int(cloud.day[row]) + 1
            while place < len(mine) and mine[place].day <= day:
                if mine[place].day == day:
                    today.append((row, mine[place]))
                place += 1
            places[row] = place
        _day(cloud, active, today)
        yield active, np.arange(active)


def _day(cloud: Cloud, active: int, today: list[tuple[int, DayEntry]]) -> None:
    """One day of the first `active` patients: drift, what came before the dose, the dose, what came after it."""
    fields = cloud.fields[:, :active]
    cloud.day[:active] += 1
    day = cloud.day[:active]
    for row, entry in today:
        if entry.kind == "change":
            cloud.changing[row] = entry.day + CHANGE_DAYS - 1
    pace = np.exp(-1 / np.exp(fields[PACE]))
    wide = np.where(cloud.changing[:active] >= day, CHANGE_DRIFT**2, 1.0).astype(np.float32)[:, None]
    # A spread of the whole scale says nothing any more, and a half float holds no years of drift.
    fields[UNTREATED_VAR] = np.minimum(fields[UNTREATED_VAR] + np.exp(2 * fields[DRIFT]) * wide, HIGHEST_PHQ9**2)
    for place in (FLUCTUATION, UNTREATED_FLUCTUATION_COV, FLUCTUATION_MOOD_COV):
        fields[place] *= pace
    fields[FLUCTUATION_VAR] = fields[FLUCTUATION_VAR] * pace**2 + np.exp(2 * fields[WOBBLE]) * (1 - pace**2)
    _observe(cloud, [(row, entry) for row, entry in today if entry.part == BEFORE], before=True)
    _dose(cloud, [(row, entry) for row, entry in today if entry.part == AT])
    effect = _effect(fields, day - cloud.dosed[:active])
    fields[FIRST_RECALL_FIELD + day % RECALL_DAYS, np.arange(active)] = _rounded(1 - effect)
    _observe(cloud, [(row, entry) for row, entry in today if entry.part == AFTER], before=False)
    _draw_again(cloud, active)
    fields[WEIGHT:FIRST_RECALL_FIELD] = _rounded(fields[WEIGHT:FIRST_RECALL_FIELD])


def _effect(fields: Float32s, days: Ints) -> Float32s:
    """E so many days after the dose; before any dose A is 0."""
    log_days = np.log(np.maximum(days, 1e-3)).astype(np.float32)[:, None]
    return np.asarray(
        fields[EFFECT] * np.exp(-np.exp(np.minimum(np.exp(fields[SHAPE]) * (log_days - fields[CYCLE_SCALE]), 20)))
    )


def _dose(cloud: Cloud, given: list[tuple[int, DayEntry]]) -> None:
    if not given:
        return
    rows = np.array([row for row, _ in given])
    strength = np.array([entry.value for _, entry in given], np.float32)[:, None]
    kind = np.array([TREATMENT_KINDS.index(entry.kind) for _, entry in given])
    gain, scale, build = (
        np.array([COURSES[each][column] for each in kind], np.float32)[:, None] for column in range(3)
    )
    mine = cloud.fields[:, rows]
    # The effect as it stands today, a day further than yesterday's.
    effect = _effect(mine, cloud.day[rows] - cloud.dosed[rows])
    g = 1 / (1 + np.exp(-(mine[EFFECT_GAIN] + gain)))
    f = 1 / (1 + np.exp(-mine[EFFECT_CEILING]))
    cloud.counts[rows, kind] += 1
    count = cloud.counts[rows, kind].astype(np.float32)[:, None]
    z = normals(cloud.key[rows], cloud.day[rows], _DOSE, mine.shape[2])
    scale = mine[SCALE] + scale + np.exp(mine[CYCLE]) * z + np.log1p(-np.exp(-count / build))
    cloud.fields[EFFECT, rows] = _rounded(effect + (1 - (1 - g) ** strength) * np.maximum(f - effect, 0))
    cloud.fields[CYCLE_SCALE, rows] = _rounded(scale)
    cloud.dosed[rows] = cloud.day[rows]
    cloud.lasting[rows] = kind


def _observe(cloud: Cloud, seen: list[tuple[int, DayEntry]], *, before: bool) -> None:
    """Weigh the particles of patients by a day's entries. Same-day readings of one patient go in one after another, in their
    order.
    """
    while seen:
        now: dict[int, DayEntry] = {}
        later = []
        for row, entry in seen:
            if row in now:
                later.append((row, entry))
            else:
                now[row] = entry
        for kind, weigh in (("week", _week), ("visit", _visit), ("mood", _mood)):
            rows = np.array([row for row, entry in now.items() if entry.kind == kind], np.int64)
            if len(rows):
                weigh(cloud, rows, [now[int(row)] for row in rows], before)
        rows = np.array([row for row, entry in now.items() if entry.kind in {"answered", "silent"}], np.int64)
        if len(rows):
            _asked(cloud, rows, [now[int(row)] for row in rows])
        seen = later


def _week(cloud: Cloud, rows: Ints, entries: list[DayEntry], before: bool) -> None:
    """The mean of seven days: up to yesterday where the score was given before today's dose, as today is not in the ring yet."""
    fields = cloud.fields[:, rows]
    level = cloud.base[rows, None] * fields[FIRST_RECALL_FIELD:].mean(axis=0)
    variance = np.exp(2 * fields[NOISE]) + (ROUNDING_VAR + _spread(entries) ** 2)
    _update(cloud, rows, fields, _values(entries) - _shown(fields, level), None, variance)


def _visit(cloud: Cloud, rows: Ints, entries: list[DayEntry], before: bool) -> None:
    """A clinician's score: of the day before, if it was given before a dose."""
    fields = cloud.fields[:, rows]
    level = _level(cloud, rows, fields, int(before))
    variance = np.full_like(level, VISIT_SD**2) + _spread(entries) ** 2
    _update(cloud, rows, fields, _values(entries) - _shown(fields, level), None, variance)


def _mood(cloud: Cloud, rows: Ints, entries: list[DayEntry], before: bool) -> None:
    fields = cloud.fields[:, rows]
    slope = fields[MOOD_PER]
    expected = fields[MOOD_ZERO] + slope * _shown(fields, _level(cloud, rows, fields, int(before)))
    variance = np.exp(2 * fields[MOOD_SD]) + ROUNDING_VAR
    yesterday = (cloud.day[rows] - cloud.mood_day[rows] <= 1)[:, None]
    power = np.where(yesterday, MOOD_TEMPER / MOOD_REPEAT, MOOD_TEMPER).astype(np.float32)
    _update(cloud, rows, fields, _values(entries) - expected, slope, variance, power)
    cloud.mood_day[rows] = cloud.day[rows]


def _asked(cloud: Cloud, rows: Ints, entries: list[DayEntry]) -> None:
    """Weigh by an answer or a silence: people in relapse answer half as often."""
    fields = cloud.fields[:, rows]
    severity = _shown(fields, _level(cloud, rows, fields, 0))
    odds = fields[ANSWER_RATE] - fields[ANSWER_SLOPE] * (severity - 10) / 4
    sign = np.where(_values(entries) > 0.5, -1.0, 1.0).astype(np.float32)
    cloud.fields[WEIGHT, rows] -= TEMPER * np.logaddexp(0, sign * odds)


def _level(cloud: Cloud, rows: Ints, fields: Float32s, back: int) -> Float32s:
    """B (1 − E) so many days ago."""
    return np.asarray(
        cloud.base[rows, None]
        * fields[FIRST_RECALL_FIELD + (cloud.day[rows] - back) % RECALL_DAYS, np.arange(len(rows))]
    )


def _shown(fields: Float32s, level: Float32s) -> Float32s:
    """Expected severity."""
    return np.asarray(np.clip(level + fields[UNTREATED] + fields[FLUCTUATION], LOWEST_PHQ9, HIGHEST_PHQ9))


def _values(entries: list[DayEntry]) -> Float32s:
    return np.array([entry.value for entry in entries], np.float32)[:, None]


def _spread(entries: list[DayEntry]) -> Float32s:
    return np.array([entry.sd for entry in entries], np.float32)[:, None]


def _update(
    cloud: Cloud,
    rows: Ints,
    fields: Float32s,
    off: Float32s,
    slope: Float32s | None,
    variance: Float32s,
    power: Float32s | float = 1.0,
) -> None:
    """Fold in a reading, `off` from what was expected: the particles' weights, and D, x and mood's zero by a Kalman step.

    6 % of readings are outliers with nine times the variance.

    Args:
        slope: of mood per point of severity; None: the reading is one of severity itself. power: below 1 a reading counts for
            less, in the weights by its power, in the Gaussian by a variance that much larger.
    """
    d, x, m = (
        fields[UNTREATED_VAR] + fields[UNTREATED_FLUCTUATION_COV],
        fields[UNTREATED_FLUCTUATION_COV] + fields[FLUCTUATION_VAR],
        fields[UNTREATED_MOOD_COV] + fields[FLUCTUATION_MOOD_COV],
    )
    own = d + x
    if slope is not None:
        own = slope * (slope * own + 2 * m) + fields[MOOD_ZERO_VAR]
        d, x, m = (
            slope * d + fields[UNTREATED_MOOD_COV],
            slope * x + fields[FLUCTUATION_MOOD_COV],
            slope * m + fields[MOOD_ZERO_VAR],
        )
    own = np.maximum(own, 1e-3)
    log_usual, log_wild = _log_odds(off, own, variance)
    log_both = np.logaddexp(log_usual, log_wild)
    cloud.fields[WEIGHT, rows] += np.float32(TEMPER) * power * log_both
    believed = np.exp(log_usual - log_both)
    usual, wild = own + variance / power, own + variance * (OUTLIER_VAR / power)
    # The two likelihoods mixed: by how much the means move, and the spread that remains.
    move = believed / usual + (1 - believed) / wild
    left = move - believed * (1 - believed) * (off * (1 / usual - 1 / wild)) ** 2
    for place, gain in ((UNTREATED, d), (FLUCTUATION, x), (MOOD_ZERO, m)):
        cloud.fields[place, rows] = fields[place] + gain * move * off
    for place, first, second in (
        (UNTREATED_VAR, d, d),
        (UNTREATED_FLUCTUATION_COV, d, x),
        (UNTREATED_MOOD_COV, d, m),
        (FLUCTUATION_VAR, x, x),
        (FLUCTUATION_MOOD_COV, x, m),
        (MOOD_ZERO_VAR, m, m),
    ):
        cloud.fields[place, rows] = fields[place] - first * second * left


def _log_odds(off: Float32s, own: Float32s, variance: Float32s) -> tuple[Float32s, Float32s]:
    """Log-likelihoods of a reading as a usual one and as an outlier."""
    usual, wild = own + variance, own + OUTLIER_VAR * variance
    log_usual = np.log(1 - OUTLIER_SHARE) - 0.5 * (np.log(usual) + off**2 / usual)
    log_wild = np.log(OUTLIER_SHARE) - 0.5 * (np.log(wild) + off**2 / wild)
    return np.asarray(log_usual), np.asarray(log_wild)


def _draw_again(cloud: Cloud, active: int) -> None:
    """Where fewer than half of an island's particles count, draw it anew by weight, and move the traits a little."""
    whole = cloud.fields.reshape(FIELDS, len(cloud.day) * ISLANDS, -1)
    log_weight = whole[WEIGHT, : active * ISLANDS]
    log_weight -= log_weight.max(axis=1, keepdims=True)
    raw = np.exp(log_weight)
    total = raw.sum(axis=1)
    count = raw.shape[1]
    rows = np.flatnonzero(total**2 < 0.5 * count * (raw**2).sum(axis=1))
    if not len(rows):
        return
    weight = raw[rows] / total[rows, None]
    fields = whole[:, rows]
    traits = fields[: len(TRAITS)]
    mean = (traits * weight).sum(axis=2, keepdims=True)
    sd = np.sqrt(np.maximum((traits**2 * weight).sum(axis=2, keepdims=True) - mean**2, 0))
    day, island = cloud.day[rows // ISLANDS], (rows % ISLANDS).astype(np.uint64)
    key = cloud.key[rows // ISLANDS] + island * np.uint64(0xD1B54A32D192ED03)
    fields = np.take_along_axis(fields, ancestors(weight, uniforms(key, day, _PICK))[None], axis=2)
    z = normals(key, day, _MOVE, len(TRAITS) * count).reshape(len(rows), len(TRAITS), count).transpose(1, 0, 2)
    spread = np.float32(np.sqrt(1 - KERNEL**2))
    fields[: len(TRAITS)] = np.float32(KERNEL) * fields[: len(TRAITS)] + np.float32(1 - KERNEL) * mean + spread * sd * z
    fields[WEIGHT] = 0
    whole[:, rows] = _rounded(fields)


def ancestors(weight: Float32s, at: Floats, count: int | None = None) -> Ints:
    """Systematic resampling: which particles to take, (patients, count), in order."""
    n, particles = weight.shape
    count = particles if count is None else count
    edges = np.floor(np.cumsum(weight, axis=1, dtype=np.float64) * count + at[:, None]).astype(np.int64)
    edges[:, -1] = count
    copies = np.diff(np.minimum(edges, count), axis=1, prepend=0)
    return np.repeat(np.tile(np.arange(particles), n), copies.ravel()).reshape(n, count)


def _rounded(fields: Float32s) -> Float32s:
    return np.asarray(fields.astype(np.float16), np.float32)
