"""A patient's own curve: what they have answered in one instrument, from their entries; what was corrected counts as corrected.

Bad at: several instruments on one scale, which is the clinic's page's business. Never here: forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NotRequired, TypedDict

from models.arrays import Document
from models.tables.forms import ScoreRefused, score_of
from models.wire.observations import CheckIn

POINTS_SHOWN: Final = 30
"""How many of the newest answers are drawn: half a year of weekly ones. Chosen by us."""


class PointOut(TypedDict):
    """One answer. `occasion`: it is this very link's."""

    day: str
    score: float
    occasion: NotRequired[bool]


def curve_of(course: Sequence[Document], instrument: str, occasion: str) -> list[PointOut]:
    """The points of an instrument by time. course: a patient's entries as the store has them, in the order in which they came."""
    found: dict[str, tuple[str, PointOut]] = {}
    for number, entry in enumerate(course):
        if entry.get("kind") != "checkin" or entry.get("instrument") != instrument:
            continue
        record = CheckIn.model_validate_json(_json(entry))
        if record.replaces is not None:
            found.pop(record.replaces, None)
        try:
            score = score_of(record.instrument, record.items, record.score)
        except ScoreRefused:
            continue
        if score is None:
            continue
        point: PointOut = {"day": record.at.date().isoformat(), "score": score}
        if (record.id or "").startswith(f"{occasion}-"):
            point["occasion"] = True
        found[record.id or f"#{number}"] = (record.at.isoformat(), point)
    return [point for _, point in sorted(found.values(), key=lambda each: each[0])][-POINTS_SHOWN:]


def _json(entry: Document) -> bytes:
    import json

    return json.dumps({name: value for name, value in entry.items() if name != "received_at"}).encode()
