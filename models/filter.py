"""The filter: what a patient's doses and scores say about how long a dose lasts in them, as a cloud of weighted particles.

Each particle is a possible patient: an untreated severity B that drifts slowly, the share f of it that treatment can take
away, a gain g per dose, and an effect that fades after each dose as a stretched exponential, whose scale is drawn anew in
every cycle. Short-term ups and downs x are kept in closed form (Rao-Blackwell: a mean and a variance per particle).

    at a dose of strength d   A ← E + (1 − (1 − g)^d) (f B − E)⁺ ;   log λc ← log λ + ω z + log(1 − exp(−n/3))
    u days later              E(u) = A exp(−(u/λc)^k) ;   s = clip(B − E + x, 0, 27)

Scores weigh the particles with a tempered likelihood (power 0.7), because no patient is one of these; where few carry the
weight they are drawn again and their traits moved a little (Liu & West 2001).
Good at: an honest width. Bad at: relapses that nothing announces; telling f from λ before some time off dose was seen.
Cost: about 10 µs a patient and day, in batches. All arrays are float32, and at the end of a day every number is rounded to
a half float, so that what is stored is exactly what is carried on.
Never here: a course's making (`history.py`), the crossing (`due.py`), anything of another patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.chance import normals, stratified, uniforms
from models.happenings import AFTER, AT, BEFORE, Entry
from models.history import Course

Reals = NDArray[np.float32]
Rows = NDArray[np.int64]

PARTICLES: Final = 384
"""Chosen by us: the mean score no longer moves from here on, and a patient's state stays near 20 kB."""

# ---- traits: what is fixed in a patient, each on a scale on which its prior is normal ---------------------------------

# fmt: off
TRAITS: Final = (
    # name       mean           sd     what it is, and where the prior is from
    ("f",        1.2,           0.8),  # logit of the share of severity that treatment can take: 59-71 % respond (Phillips 2019, Murrough 2013)
    ("g",        0.5,           0.8),  # logit of the gain per usual dose: median 3 infusions to response (Phillips 2019)
    ("scale",    np.log(32.0),  0.9),  # log days; sources disagree four-fold: 18 d (Murrough 2013) to 70 d (Diamond 2014)
    ("shape",    np.log(1.6),   0.8),  # log of k: below 1 a slow tail, 1 exponential, above 2 a plateau and then a fall
    ("cycle",    np.log(0.45),  0.4),  # log SD of the scale from cycle to cycle
    ("wobble",   np.log(1.8),   0.45), # log SD of x: PHQ-9 two-week retest r .74 (PMC7525967), within-person mood
    ("pace",     np.log(6.0),   0.8),  # log days over which x is forgotten
    ("drift",    np.log(0.18),  0.6),  # log SD per day of the untreated severity
    ("noise",    np.log(2.0),   0.35), # log SD of questionnaire noise, PHQ-9 points
    ("mood_at0", 0.0,           1.6),  # mood 0-10 at severity 0
    ("mood_per", 10.0 / 27.0,   0.10), # mood per PHQ-9 point
    ("mood_sd",  np.log(1.5),   0.35), # log SD of daily mood: 1.5 of 10 within persons (14-day ambulatory PHQ set)
    ("answers",  1.0,           0.8),  # logit of answering a check-in at PHQ-9 10
    ("avoids",   0.6,           0.35), # how much less so per 4 points
)
# fmt: on
"""Priors v3: literature facts widened until cohorts of another kind and real mood diaries were covered."""

F, G, SCALE, SHAPE, CYCLE, WOBBLE, PACE, DRIFT, NOISE, MOOD_AT0, MOOD_PER, MOOD_SD, ANSWERS, AVOIDS = range(len(TRAITS))
B, A, CYCLE_SCALE, X, X_VAR, WEIGHT = range(len(TRAITS), len(TRAITS) + 6)
WEEK: Final = WEIGHT + 1
"""The first of seven fields: B − E on each of the last seven days, by day modulo 7."""
FIELDS: Final = WEEK + 7

KINDS: Final = ("drug", "ect", "tms")
# fmt: off
COURSES: Final = (
    # gain: added to logit g per treatment; scale: added to log λ; build: n over which the scale builds up.
    # gain   scale                 build
    (0.0,    0.0,                  3.0),   # ketamine: shorter after the first infusions than after six (Singh 2016)
    (-1.2,   np.log(57.0 / 32.0),  5.0),   # ECT: 6-12 treatments to response; remitters 57 d (KetECT, Ekstrand 2022); build chosen by us
    (-3.0,   np.log(90.0 / 32.0), 15.0),   # TMS: 20-30 sessions to response, months of effect (Dunner 2014, from memory)
)
# fmt: on

TEMPER: Final = 0.7
"""Power of every likelihood (forecast study: without it 80 % intervals cover 66-82 %)."""
MOOD_TEMPER: Final = 0.3
"""Daily mood counts for less still: its noise is autocorrelated, and it narrows without getting better (Busk 2020; own study)."""
MOOD_REPEAT: Final = 1.9
"""Variance of mood where yesterday's was reported too (autocorrelation near .3)."""
OUTLIER_SHARE, OUTLIER_VAR = 0.06, 9.0
VISIT_SD: Final = 1.9
"""Of a clinician's score, PHQ-9 points."""
ROUNDING_VAR: Final = 1.0 / 12.0
CHANGE_DAYS: Final = 21
CHANGE_DRIFT: Final = 4.0
"""After a change from outside the untreated severity drifts four times as fast for three weeks: 4 × .18 × √21 = 3.3 points,
the size of a meaningful change, 5 points, at 1.5 SD. Chosen by us."""
KERNEL: Final = 0.985
"""Liu & West's a."""
MIXED_IN: Final = 0.9
"""How much of a patient's own screening enters the untreated severity; the rest is 18, the mean of those treated."""

_STEP, _DOSE, _PICK, _MOVE, _LEVEL = range(len(TRAITS) + 4, len(TRAITS) + 9)


@dataclass(slots=True)
class Cloud:
    """Particles of some patients at the end of a day.

    Args:
        fields: (FIELDS, patients, particles). day: each patient's. key: seeds. dosed: day of the last treatment.
        lasting: its kind's place in `KINDS`. counts: (patients, kinds) treatments so far. mood_day: of the last mood report.
        changing: the last day on which drift is widened.
    """

    fields: Reals
    key: NDArray[np.uint64]
    day: Rows
    dosed: Rows
    lasting: Rows
    counts: Rows
    mood_day: Rows
    changing: Rows

    def picked(self, rows: Rows | slice) -> Cloud:
        """A copy of some patients."""
        return Cloud(
            np.ascontiguousarray(self.fields[:, rows]), self.key[rows].copy(), self.day[rows].copy(), self.dosed[rows].copy(),
            self.lasting[rows].copy(), self.counts[rows].copy(), self.mood_day[rows].copy(), self.changing[rows].copy(),
        )  # fmt: skip

    def weights(self) -> Reals:
        """Normalised, (patients, particles)."""
        raw = np.exp(self.fields[WEIGHT] - self.fields[WEIGHT].max(axis=1, keepdims=True))
        return np.asarray(raw / raw.sum(axis=1, keepdims=True), np.float32)

    def effect(self, ahead: int = 0) -> Reals:
        """E so many days after each patient's day, without another dose."""
        return _effect(self.fields, self.day - self.dosed + ahead)


def begin(courses: Sequence[Course], particles: int = PARTICLES) -> Cloud:
    """The prior of patients on the day before their first treatment. Every course must have a `start`."""
    n = len(courses)
    key = np.array([course.key for course in courses], np.uint64)
    start = np.array([course.start for course in courses], np.int64)
    drawn = stratified(key, len(TRAITS) + 2, particles)
    fields = np.zeros((FIELDS, n, particles), np.float32)
    for trait, (_, mean, sd) in enumerate(TRAITS):
        fields[trait] = np.float32(mean) + np.float32(sd) * drawn[trait]
    level = np.array([_untreated(course) for course in courses], np.float32).reshape(n, 2)
    fields[B] = level[:, :1] + level[:, 1:] * drawn[len(TRAITS)]
    fields[CYCLE_SCALE] = fields[SCALE]
    fields[X_VAR] = np.exp(2 * fields[WOBBLE])
    fields[WEEK:] = fields[B]
    nobody = np.full(n, -(10**6), np.int64)
    return Cloud(_rounded(fields), key, start - 1, nobody.copy(), np.zeros(n, np.int64), np.zeros((n, len(KINDS)), np.int64), nobody.copy(), nobody.copy())  # fmt: skip


def _untreated(course: Course) -> tuple[float, float]:
    """Mean and SD of B: 18.5 ± 3 among those treated; two scores of a patient's own say most of what there is to know."""
    if course.baseline is None:
        return 18.0, 3.5
    own, sd = (MIXED_IN, 2.0) if course.screens > 1 else (0.8, 2.5)
    return own * course.baseline + (1 - own) * 18.0, sd


def walk(cloud: Cloud, entries: Sequence[Sequence[Entry]], until: Rows) -> Iterator[tuple[int, Rows]]:
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
        today: list[tuple[int, Entry]] = []
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


def _day(cloud: Cloud, active: int, today: list[tuple[int, Entry]]) -> None:
    """One day of the first `active` patients: drift, what came before the dose, the dose, what came after it."""
    fields = cloud.fields[:, :active]
    cloud.day[:active] += 1
    day = cloud.day[:active]
    for row, entry in today:
        if entry.kind == "change":
            cloud.changing[row] = entry.day + CHANGE_DAYS - 1
    pace = np.exp(-1 / np.exp(fields[PACE]))
    drift = (
        np.exp(fields[DRIFT]) * np.where(cloud.changing[:active] >= day, CHANGE_DRIFT, 1.0).astype(np.float32)[:, None]
    )
    fields[B] = np.clip(fields[B] + drift * normals(cloud.key[:active], day, _STEP, fields.shape[2]), 0, 30)
    fields[X] *= pace
    fields[X_VAR] = fields[X_VAR] * pace**2 + np.exp(2 * fields[WOBBLE]) * (1 - pace**2)
    _observe(cloud, active, [(row, entry) for row, entry in today if entry.part == BEFORE], before=True)
    _dose(cloud, active, [(row, entry) for row, entry in today if entry.part == AT])
    effect = _effect(fields, day - cloud.dosed[:active])
    _put_by_day(fields, day, fields[B] - effect)
    _observe(cloud, active, [(row, entry) for row, entry in today if entry.part == AFTER], before=False)
    _draw_again(cloud, active)
    fields[B:] = _rounded(fields[B:])


def _effect(fields: Reals, days: Rows) -> Reals:
    """E so many days after the dose; before any dose A is 0."""
    log_days = np.log(np.maximum(days, 1e-3)).astype(np.float32)[:, None]
    return np.asarray(
        fields[A] * np.exp(-np.exp(np.minimum(np.exp(fields[SHAPE]) * (log_days - fields[CYCLE_SCALE]), 20)))
    )


def _dose(cloud: Cloud, active: int, given: list[tuple[int, Entry]]) -> None:
    if not given:
        return
    rows = np.array([row for row, _ in given])
    strength = np.array([entry.value for _, entry in given], np.float32)[:, None]
    kind = np.array([KINDS.index(entry.kind) for _, entry in given])
    gain, scale, build = (
        np.array([COURSES[each][column] for each in kind], np.float32)[:, None] for column in range(3)
    )
    mine = cloud.fields[:, rows]
    # The effect as it stands today, a day further than yesterday's.
    effect = _effect(mine, cloud.day[rows] - cloud.dosed[rows])
    g = 1 / (1 + np.exp(-(mine[G] + gain)))
    f = 1 / (1 + np.exp(-mine[F]))
    cloud.counts[rows, kind] += 1
    count = cloud.counts[rows, kind].astype(np.float32)[:, None]
    z = normals(cloud.key[rows], cloud.day[rows], _DOSE, mine.shape[2])
    cloud.fields[A, rows] = effect + (1 - (1 - g) ** strength) * np.maximum(f * mine[B] - effect, 0)
    cloud.fields[CYCLE_SCALE, rows] = mine[SCALE] + scale + np.exp(mine[CYCLE]) * z + np.log1p(-np.exp(-count / build))
    cloud.dosed[rows] = cloud.day[rows]
    cloud.lasting[rows] = kind


def _put_by_day(fields: Reals, day: Rows, level: Reals) -> None:
    fields[WEEK + day % 7, np.arange(len(day))] = level


def _observe(cloud: Cloud, active: int, seen: list[tuple[int, Entry]], *, before: bool) -> None:
    """Weigh the particles by what was seen. Same-day readings of one patient go in one after another, in their order."""
    while seen:
        now: dict[int, Entry] = {}
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


def _week(cloud: Cloud, rows: Rows, entries: list[Entry], before: bool) -> None:
    """The mean of seven days: up to yesterday where the score was given before today's dose, as today is not in the ring yet."""
    fields = cloud.fields[:, rows]
    y, extra = _values(entries), _spread(entries) ** 2
    level = fields[WEEK:].mean(axis=0)
    expected = np.clip(level + fields[X], 0, 27)
    variance = np.exp(2 * fields[NOISE]) + (ROUNDING_VAR + extra)
    _update(cloud, rows, fields, y - expected, np.ones_like(expected), variance, TEMPER)


def _visit(cloud: Cloud, rows: Rows, entries: list[Entry], before: bool) -> None:
    """A clinician's score: of the day before, if it was given before a dose."""
    fields = cloud.fields[:, rows]
    level = fields[WEEK + (cloud.day[rows] - int(before)) % 7, np.arange(len(rows))]
    expected = np.clip(level + fields[X], 0, 27)
    variance = np.full_like(expected, VISIT_SD**2) + _spread(entries) ** 2
    _update(cloud, rows, fields, _values(entries) - expected, np.ones_like(expected), variance, TEMPER)


def _mood(cloud: Cloud, rows: Rows, entries: list[Entry], before: bool) -> None:
    fields = cloud.fields[:, rows]
    level = fields[WEEK + (cloud.day[rows] - int(before)) % 7, np.arange(len(rows))]
    slope = fields[MOOD_PER]
    expected = fields[MOOD_AT0] + slope * np.clip(level + fields[X], 0, 27)
    yesterday = (cloud.day[rows] - cloud.mood_day[rows] <= 1)[:, None]
    variance = np.exp(2 * fields[MOOD_SD]) * np.where(yesterday, MOOD_REPEAT, 1.0).astype(np.float32) + ROUNDING_VAR
    _update(cloud, rows, fields, _values(entries) - expected, slope, variance / MOOD_TEMPER, TEMPER * MOOD_TEMPER)
    cloud.mood_day[rows] = cloud.day[rows]


def _asked(cloud: Cloud, rows: Rows, entries: list[Entry]) -> None:
    """Silence means something: people in relapse answer half as often."""
    fields = cloud.fields[:, rows]
    level = fields[WEEK + cloud.day[rows] % 7, np.arange(len(rows))]
    severity = np.clip(level + fields[X], 0, 27)
    odds = fields[ANSWERS] - fields[AVOIDS] * (severity - 10) / 4
    sign = np.where(_values(entries) > 0.5, -1.0, 1.0).astype(np.float32)
    cloud.fields[WEIGHT, rows] -= TEMPER * np.logaddexp(0, sign * odds)


def _values(entries: list[Entry]) -> Reals:
    return np.array([entry.value for entry in entries], np.float32)[:, None]


def _spread(entries: list[Entry]) -> Reals:
    return np.array([entry.sd for entry in entries], np.float32)[:, None]


def _update(cloud: Cloud, rows: Rows, fields: Reals, off: Reals, slope: Reals, variance: Reals, power: float) -> None:
    """A reading that is off by so much: weights, and x by Kalman. 6 % of readings are outliers with nine times the variance."""
    own = slope**2 * fields[X_VAR]
    usual, wild = own + variance, own + OUTLIER_VAR * variance
    log_usual = np.log(1 - OUTLIER_SHARE) - 0.5 * (np.log(usual) + off**2 / usual)
    log_wild = np.log(OUTLIER_SHARE) - 0.5 * (np.log(wild) + off**2 / wild)
    log_both = np.logaddexp(log_usual, log_wild)
    trust = np.exp(log_usual - log_both)
    gain_usual, gain_wild = slope * fields[X_VAR] / usual, slope * fields[X_VAR] / wild
    gain = trust * gain_usual + (1 - trust) * gain_wild
    between = trust * (1 - trust) * ((gain_usual - gain_wild) * off) ** 2
    cloud.fields[X, rows] = fields[X] + gain * off
    cloud.fields[X_VAR, rows] = (1 - gain * slope) * fields[X_VAR] + between
    cloud.fields[WEIGHT, rows] += np.float32(power) * log_both


def _draw_again(cloud: Cloud, active: int) -> None:
    """Where fewer than half of the particles count, draw anew in proportion to weight, and move the traits a little."""
    log_weight = cloud.fields[WEIGHT, :active]
    log_weight -= log_weight.max(axis=1, keepdims=True)
    raw = np.exp(log_weight)
    total = raw.sum(axis=1)
    count = raw.shape[1]
    rows = np.flatnonzero(total**2 < 0.5 * count * (raw**2).sum(axis=1))
    if not len(rows):
        return
    weight = raw[rows] / total[rows, None]
    fields = cloud.fields[:, rows]
    traits = fields[: len(TRAITS)]
    mean = (traits * weight).sum(axis=2, keepdims=True)
    sd = np.sqrt(np.maximum((traits**2 * weight).sum(axis=2, keepdims=True) - mean**2, 0))
    origin = ancestors(weight, uniforms(cloud.key[rows], cloud.day[rows], _PICK))
    fields = np.take_along_axis(fields, origin[None], axis=2)
    z = normals(cloud.key[rows], cloud.day[rows], _MOVE, len(TRAITS) * count)
    z = z.reshape(len(rows), len(TRAITS), count).transpose(1, 0, 2)
    spread = np.float32(np.sqrt(1 - KERNEL**2))
    fields[: len(TRAITS)] = np.float32(KERNEL) * fields[: len(TRAITS)] + np.float32(1 - KERNEL) * mean + spread * sd * z
    fields[WEIGHT] = 0
    cloud.fields[:, rows] = _rounded(fields)


def ancestors(weight: Reals, at: NDArray[np.float64], count: int | None = None) -> Rows:
    """Systematic resampling: which particles to take, (patients, count), in order."""
    n, particles = weight.shape
    count = particles if count is None else count
    edges = np.floor(np.cumsum(weight, axis=1, dtype=np.float64) * count + at[:, None]).astype(np.int64)
    edges[:, -1] = count
    copies = np.diff(np.minimum(edges, count), axis=1, prepend=0)
    return np.repeat(np.tile(np.arange(particles), n), copies.ravel()).reshape(n, count)


def _rounded(fields: Reals) -> Reals:
    return np.asarray(fields.astype(np.float16), np.float32)
