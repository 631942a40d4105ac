"""Priors: the distribution of traits over patients, and the noise of each kind of reading.

Every table here is for a clinician to review on one screen. (M) means from memory of the paper, to be verified.
Never here: what the filter does with them (`filter.py`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

ISLANDS: Final = 4
PARTICLES: Final = ISLANDS * 192
"""Particles are drawn anew within islands, which count the same whatever their weight: four of 192 are better than one of 768,
as one lucky particle cannot take over all (skill .360 against .343 on cohorts of other families, at the same cost)."""

# ---- traits: what is fixed in a patient, each on a scale on which its prior is normal ---------------------------------

# fmt: off
TRAITS: Final = (
    # name       mean           sd     what it is, and where the prior is from
    ("f",        1.2,           0.8),  # logit of the share of severity that treatment can take: 59-71 % respond (Phillips 2019, Murrough 2013)
    ("g",        0.5,           0.8),  # logit of the gain per usual dose: median 3 infusions to response (Phillips 2019)
    ("scale",    np.log(32.0),  0.9),  # log days; sources disagree four-fold: 18 d (Murrough 2013) to 70 d (Diamond 2014)
    ("shape",    np.log(1.6),   0.8),  # log of k: below 1 a slow tail, 1 exponential, above 2 a plateau and then a fall
    ("cycle",    np.log(0.33),  0.4),  # log SD of the scale from cycle to cycle: chosen on cohorts of other families (coverage .81 there, .83 at .45)
    ("wobble",   np.log(1.8),   0.45), # log SD of x: PHQ-9 two-week retest r .74 (PMC7525967), within-person mood
    ("pace",     np.log(6.0),   0.8),  # log days over which x is forgotten
    ("drift",    np.log(0.18),  0.6),  # log SD per day of D
    ("noise",    np.log(2.0),   0.35), # log SD of questionnaire noise, PHQ-9 points
    ("mood_per", 10.0 / 27.0,   0.10), # mood per PHQ-9 point
    ("mood_sd",  np.log(1.3),   0.35), # log SD of daily mood's noise: 1.5 of 10 within persons (14-day ambulatory PHQ set), x in it
    ("answers",  1.0,           0.8),  # logit of answering a check-in at PHQ-9 10
    ("avoids",   0.6,           0.35), # how much less so per 4 points
)
# fmt: on
"""Priors v3: literature facts, widened until cohorts of another kind and real mood diaries were covered. Since v3 the closed form
of D and x carries more of the width, so `cycle` carries less."""

MOOD_ZERO_SD: Final = 1.6
"""SD of mood 0-10 at severity 0."""

TREATMENT_KINDS: Final = ("drug", "ect", "tms")
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
MOOD_TEMPER: Final = 0.5
"""Daily mood counts for less still: its noise is autocorrelated, and it narrows without getting better (Busk 2020; own study).
With `MOOD_REPEAT` a daily report counts for 0.26, as 0.3 in the study."""
MOOD_REPEAT: Final = 1.9
"""Mood counts for so much less where yesterday's was reported too: (1 + ρ)/(1 − ρ) at an autocorrelation near .3."""
OUTLIER_SHARE, OUTLIER_VAR = 0.06, 9.0
"""Share of readings that are outliers (a slip, a bad morning), with three times the SD; as in the forecast study."""
VISIT_SD: Final = 1.9
"""Of a clinician's score, PHQ-9 points; as in the forecast study."""
ROUNDING_VAR: Final = 1.0 / 12.0
"""Of a number rounded to a whole one: that of an even spread over the step."""
CHANGE_DAYS: Final = 21
CHANGE_DRIFT: Final = 4.0
"""After a change from outside the untreated severity drifts four times as fast for three weeks: 4 × .18 × √21 = 3.3 points,
the size of a meaningful change, 5 points, at 1.5 SD. Chosen by us."""
KERNEL: Final = 0.985
"""Liu & West's a."""
MIXED_IN: Final = 0.9
"""How much of a patient's own screening enters the untreated severity; the rest is 18, the mean of those treated."""
