"""What nobody sees in a name is taken out of it where it comes in: zero widths, marks of order, signs that turn text around.

"willow" and "willow" with a zero width in it are two patients to a program and one to a nurse; a sign that turns text around
makes "SpO2 82 %" on a phone something else. Such signs come from exports (a mark of order before the first column) and from
whoever means harm. Taken out and not refused: the readings are somebody's, and must be watched.
Bad at: letters of two scripts that look alike, and one letter that is written in two ways (é): they stay two names.
Never here: what is read from a journal, which stays as it was decided; notes, in which such signs may be an alphabet's.
"""

from __future__ import annotations

import re
from typing import Final

from models.wire.observations import Event, Vitals

SEEN_NAMES: Final = ("patient", "session", "chair", "device", "site", "source")
"""By these records are put together, and boards and pages say them."""
_UNSEEN: Final = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's `Default_Ignorable_Code_Point` of the planes that are in use (UAX 44), and its notes of annotation."""


class NothingSeen(ValueError):
    """A name of which nothing can be seen: that of the field."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def seen(text: str) -> str:
    """A text without what nobody sees in it."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def visible(record: Vitals | Event) -> Vitals | Event:
    """A record whose names are what is seen of them.

    Raises:
        NothingSeen: of one there is nothing.
    """
    changed = {}
    for name in SEEN_NAMES:
        said = getattr(record, name, None)
        if said is None or (left := seen(said)) == said:
            continue
        if not left.strip():
            raise NothingSeen(name)
        changed[name] = left
    return record.model_copy(update=changed) if changed else record
