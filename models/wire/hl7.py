"""HL7 v2 as text, for what goes out: separators in a text, instants, and a message between the bytes of MLLP."""

from __future__ import annotations

import re
from typing import Final

from models.instants import iso

BEGIN: Final = b"\x0b"
END: Final = b"\x1c\r"
"""What stands before and behind a message of MLLP."""
_ESCAPES: Final = (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\"))


def escaped(text: str) -> str:
    """A text as it stands in a field, whatever it holds."""
    for mark, escape in _ESCAPES:
        text = text.replace(mark, escape)
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", text)


def hl7_time(instant_us: int) -> str:
    """An instant as a time of HL7, in UTC and to the second."""
    return re.sub(r"[-:T]|\.\d+", "", iso(instant_us)).replace("Z", "+0000")
