"""What is usual for this drug at this minute, in one sentence, beside whatever is measured.

Context for a person, from the table of treatments; it changes no alarm. Never here: a patient.
"""

from __future__ import annotations

from typing import Final

from models.tables.drugs import Treatment, treatment_of

_ABOUT_MIN: Final = 10.0
"""The peak is "about" its minute within so much: cuffs come every ten minutes. Chosen by us."""
_RISE_LASTS_MIN: Final = 240.0
"""The label's: the rise in pressure lasts about four hours; after that nothing is expected any more."""


def expected_effects(drug: str | None, route: str | None, minute: float) -> str | None:
    """A sentence on what is usual so many minutes after the start of the dose; None before it, 4 h after it, or without data."""
    row = treatment_of(drug, route)
    if row is None or row.rise_mmhg is None or not 0 <= minute <= _RISE_LASTS_MIN:
        return None
    return _sentence(row, minute)


def _sentence(row: Treatment, minute: float) -> str:
    lowest, highest = row.rise_mmhg or (0, 0)
    rise = f"pressure usually +{lowest}-{highest} mmHg"
    if minute < row.peak_min - _ABOUT_MIN:
        return f"Effects are rising: peak about minute {row.peak_min:.0f}, {rise} then."
    if minute <= row.peak_min + _ABOUT_MIN:
        return f"Peak effect about minute {row.peak_min:.0f}: {rise}, dissociation and drowsiness are common."
    if minute < row.gone_min:
        return f"Past the peak (minute {row.peak_min:.0f}): pressure falls again, dissociation is usually over by minute {row.gone_min:.0f}."
    return f"Dissociation is usually over by minute {row.gone_min:.0f}: what lasts is unusual."
