"""How recordings and senders write that there is no reading. Never here: where a gap may be."""

from __future__ import annotations

from typing import Final

GAPS: Final = frozenset({
    "", "-", "--", "---", "----", "–", "—", ".", "..", "...", "?", "??", "???", "*", "**", "***", "/", "na", "n/a", "n.a.", "#n/a", "nan", "null",
    "(null)", "<null>", "none", "nil", "nd", "n.d.", "nr", "missing", "no data", "no reading", "no signal", "not available", "unknown", "blank",
    "invalid", "off", "undefined", "\\n", "<na>", "#null!", "#value!", "#div/0!", "1.#qnan", "-1.#ind",
})  # fmt: skip
"""How a recording says that there is no reading, in lower case: by hand, by R, pandas, SQL, Excel, and by monitors."""


def is_gap(text: str) -> bool:
    return text.strip().lower() in GAPS
