"""A board's card: its lines, what a channel is on them, and the words for what is due and how good a reading is.

Boards get these words and those of the other tables as one generated file (`models/wire/board_tables.py`), so that a channel,
a rule, a drug or a score that is added to its table is seen without an edit of the board.
Never here: colours, layout, sizes; those are the board's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

CardRow = Literal["spo2", "rate", "pressure", "breathing", "sedation", "dissociation"]
"""The lines of a card: four of vital signs, two of scores. Each alert lights the line that it is about."""


@dataclass(frozen=True, slots=True)
class OnCard:
    """What a channel is on a card.

    row: the line that the channel's alerts light; None: no line.
    place: the line's `own` number; a number `beside` it, where the device sends one; or `unseen`.
    short: its name there. usual: the vertical range of its strip, in its unit; chosen by us, to hold a calm adult's session.
    decimals: digits after the point; a sentence shows one at least, where the value has one.
    """

    row: CardRow | None
    place: Literal["own", "beside", "unseen"]
    short: str
    usual: tuple[float, float]
    decimals: int = 0


QualityWord = Literal[
    "none", "good", "stale", "implausible", "step", "frozen", "artefact", "outlier", "disagrees", "probe-off", "cuff-failed",
    "off",
]  # fmt: skip
"""How good a channel's newest reading is: judged by the ward (`streams/ward/signal/quality.py`), `stale` by its age."""

QUALITY_NOTES: Final[dict[QualityWord, str]] = {
    "none": "no reading",
    "good": "no reading",
    "stale": "no reading",
    "implausible": "not believable",
    "step": "jumped",
    "frozen": "frozen",
    "artefact": "artefact",
    "outlier": "doubted",
    "disagrees": "probes disagree",
    "probe-off": "probe off",
    "cuff-failed": "cuff failed",
    "off": "switched off",
}
"""Why there is no live reading, beside the number or in its place."""

DueWord = Literal["recheck", "cuff", "pressure-at-the-peak", "check-in", "observation"]

DUE_TITLES: Final[dict[DueWord, str]] = {
    "recheck": "Recheck the cuff",
    "cuff": "Cuff",
    "pressure-at-the-peak": "Peak pressure",
    "check-in": "Check-in",
    "observation": "End of observation",
}
"""What is due next in a session."""
