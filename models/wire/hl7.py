"""HL7 v2 as text, for what goes out and its answer: separators in a text, instants, the bytes of MLLP, what an ACK says."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from models.instants import iso

BEGIN: Final = b"\x0b"
END: Final = b"\x1c\r"
"""What stands before and behind a message of MLLP."""
_ESCAPES: Final = (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\"))


class Ack(NamedTuple):
    """What an ACK says (MSA): the code, such as `AA`, and the control id of the message that it is about."""

    code: str
    about: str


def ack_of(answer: bytes) -> Ack | None:
    """What an answer says of the message that it is about; None: it is no ACK."""
    segments = (line.split("|") for line in re.split("[\r\n]", answer.decode("utf-8", "replace")))
    found = next((fields for fields in segments if fields[0] == "MSA" and len(fields) > 2), None)
    return None if found is None else Ack(found[1].strip(), found[2].partition("^")[0].strip())


def escaped(text: str) -> str:
    """A text as it stands in a field, whatever it holds."""
    for mark, escape in _ESCAPES:
        text = text.replace(mark, escape)
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", text)


def hl7_time(instant_us: int) -> str:
    """An instant as a time of HL7, in UTC and to the second."""
    return re.sub(r"[-:T]|\.\d+", "", iso(instant_us)).replace("Z", "+0000")
