"""The instruments: questionnaires and observer scales, how their items make a score, and what a score means.

Item texts are not here: most are somebody's property, and the licence column says whose.
Never here: how a form's items are read (`forms.py`), what forms call them (`form_items.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from models.tables.card import CardRow


def _total(items: Sequence[int]) -> float:
    return float(sum(items))


def _qids(items: Sequence[int]) -> float:
    """Rush 2003: worst sleep item + worst appetite/weight item + worst psychomotor item + the other six."""
    sleep, appetite, psychomotor = max(items[0:4]), max(items[5:9]), max(items[14:16])
    return float(sleep + items[4] + appetite + sum(items[9:14]) + psychomotor)


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument. `item_range` and `score_range` are inclusive; `cuts` are (lowest score, meaning), ascending by score.

    `row`: the line of a card that shows it, and that its alerts light. `short`: its name where space is short, if not its title.
    """

    name: str
    title: str
    items: int
    item_range: tuple[int, int]
    score_range: tuple[float, float]
    scoring: Callable[[Sequence[int]], float]
    cuts: tuple[tuple[float, str], ...]
    recall: str
    respondent: str
    licence: str
    source: str
    row: CardRow | None = None
    short: str = ""


_BREMNER = "© Bremner; shared freely, electronic use unclear: ask the author"
_PFIZER = "no copyright restriction, no charge (Pfizer 2010)"

# fmt: off
_TABLE: Final = (
    Instrument("cadss", "CADSS", 23, (0, 4), (0, 92), _total, ((0, "none"), (5, "dissociating"), (15, "marked"), (30, "severe")), "now", "patient", _BREMNER, "Bremner 1998; >4: FDA convention; other bands are ours", row="dissociation"),
    Instrument("cadss-6", "CADSS-6", 6, (0, 4), (0, 24), _total, ((0, "none"), (2, "dissociating"), (4, "marked"), (8, "severe")), "now", "patient", _BREMNER, "Rodrigues 2021: items 1, 2, 6, 7, 15, 22; bands are CADSS's × 24/92", row="dissociation"),
    Instrument("moaas", "MOAA/S", 1, (0, 5), (0, 5), _total, ((0, "no response"), (1, "responds to pain only"), (2, "rousable by shaking"), (3, "rousable by loud voice"), (4, "drowsy"), (5, "awake")), "now", "clinician", "free", "Chernik 1990; table 2 of [S48]", row="sedation"),
    Instrument("phq-9", "PHQ-9", 9, (0, 3), (0, 27), _total, ((0, "minimal"), (5, "mild"), (10, "moderate"), (15, "moderately severe"), (20, "severe")), "14 days", "patient", _PFIZER, "Kroenke 2001"),
    Instrument("phq-2", "PHQ-2", 2, (0, 3), (0, 6), _total, ((0, "negative"), (3, "positive")), "14 days", "patient", _PFIZER, "Loewe 2005; >=3: sensitivity 61 %, specificity 92 %"),
    Instrument("qids-sr16", "QIDS-SR16", 16, (0, 3), (0, 27), _qids, ((0, "none"), (6, "mild"), (11, "moderate"), (16, "severe"), (21, "very severe")), "7 days", "patient", "free to clinicians historically; commercial use through ePROVIDE", "Rush 2003"),
    Instrument("madrs", "MADRS", 10, (0, 6), (0, 60), _total, ((0, "normal"), (7, "mild"), (20, "moderate"), (35, "severe")), "7 days", "clinician", "© Montgomery/RCPsych: permission for commercial use", "Montgomery & Asberg 1979; bands [S56]"),
    Instrument("mood-vas", "Mood 0-10", 1, (0, 10), (0, 10), _total, ((0, "best"), (10, "worst")), "now", "patient", "public domain", "within-person use only", short="Mood"),
    Instrument("cssrs-screen", "C-SSRS screener", 6, (0, 1), (0, 6), _total, ((0, "no positive answer"), (1, "positive answer")), "1 month", "patient", "free in clinical use; electronic use needs permission (Columbia)", "Posner 2011; risk by question, not by total", short="C-SSRS"),
    Instrument("bprs-4", "BPRS positive symptoms", 4, (0, 6), (0, 24), _total, ((0, "none"),), "now", "clinician", "free", "Janssen trials' four items, 0-6", short="BPRS"),
    Instrument("distress", "Distress 0-10", 1, (0, 10), (0, 10), _total, ((0, "none"), (4, "distressed"), (7, "very distressed")), "now", "patient", "public domain", "0 none to 10 worst; bands are ours", short="Distress"),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class MoaasLevel:
    """A level of MOAA/S as a board and a button say it."""

    score: int
    word: str
    means: str


MOAAS_LEVELS: Final = (
    MoaasLevel(5, "Awake", "Answers readily to name"),
    MoaasLevel(4, "Drowsy", "Answers slowly to name"),
    MoaasLevel(3, "Sedated", "Only to a loud or repeated name"),
    MoaasLevel(2, "Deeply sedated", "Only to gentle shaking"),
    MoaasLevel(1, "Only to pain", "Only to a trapezius squeeze"),
    MoaasLevel(0, "Unresponsive", "No answer at all"),
)

INSTRUMENTS: Final = {instrument.name: instrument for instrument in _TABLE}

CADSS_6_TO_CADSS: Final = 92 / 24
"""Puts CADSS-6 on CADSS's scale: ratio of their maxima (Rodrigues 2021 reports rank correlation only, so this is ours)."""


def meaning(instrument: str, score: float) -> str:
    """What a score is called: the highest cut that it reaches."""
    return [words for lowest, words in INSTRUMENTS[instrument].cuts if score >= lowest][-1]
