"""How recordings and senders write that there is no reading, and what is neither a gap nor a number. Never here: where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

GAPS: Final = frozenset({
    "", "-", "--", "---", "----", "–", "—", ".", "..", "...", "?", "??", "???", "*", "**", "***", "/", "na", "n/a", "n.a.", "#n/a", "nan", "null",
    "(null)", "<null>", "none", "nil", "nd", "n.d.", "nr", "missing", "no data", "no reading", "no signal", "not available", "unknown", "blank",
    "invalid", "off", "undefined", "\\n", "<na>", "#null!", "#value!", "#div/0!", "1.#qnan", "-1.#ind",
})  # fmt: skip
"""How a recording says that there is no reading, in lower case: by hand, by R, pandas, SQL, Excel, and by monitors."""


def is_gap(text: str) -> bool:
    return text.strip().lower() in GAPS


class NoNumbers:
    """Readings of a recording that are neither numbers nor gaps: by channel how many, and the first of them."""

    def __init__(self) -> None:
        self._lost: dict[str, tuple[int, str]] = {}

    def add(self, channel: str, cell: str) -> None:
        count, first = self._lost.get(channel, (0, cell))
        self._lost[channel] = (count + 1, first)

    def remarks(self) -> Iterator[str]:
        """Sentences without their end."""
        for channel, (count, first) in sorted(self._lost.items()):
            cells = "1 cell is no number" if count == 1 else f"{count:,} cells are no numbers"
            yield f"{channel}: {cells}, such as {first[:20]!r}: no reading there, the rest of the row is used"
