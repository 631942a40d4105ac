"""Files a conclusion about a patient at home."""

from __future__ import annotations

from typing import Any

from models.tables.rules import Priority
from streams.ward.conclusions import Conclusion
from streams.ward.home.rows import AtHome
from streams.ward.state import Here, WardState


def say(
    state: WardState, row: AtHome, rule: str, priority: Priority | None, at_us: int, onset_us: int, here: Here,
    text: str, evidence: dict[str, Any], source: str,
) -> None:  # fmt: skip
    """File a conclusion about the patient of a row."""
    state.file(row, Conclusion(rule, priority, at_us, onset_us, text, evidence, source), here)
