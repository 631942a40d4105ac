"""The answer to an HL7 v2 message: its header and a verdict in, an ACK out."""

from __future__ import annotations

from typing import Final

from models.wire.hl7 import escaped, hl7_time
from streams.intake.hl7.fields import Fields

TAKEN: Final = "AA"
"""Everything that could be used is durable. Sent also to who asks for an enhanced acknowledgement (`CA`): one word, one thing."""
UNUSABLE: Final = "AE"
REFUSED: Final = "AR"
_NUMBERS: Final = {
    UNUSABLE: "207^Application internal error^HL70357",
    REFUSED: "200^Unsupported message type^HL70357",
}


def acknowledgement(fields: Fields | None, code: str, reason: str, where: str, now_us: int) -> bytes:
    """The ACK: `MSA` with the code and the message's control id and, where there is a reason, `ERR` with that and the segment."""
    said = {place: escaped(fields.text("MSH", place)) if fields else "" for place in (3, 4, 5, 6, 10, 11, 12)}
    event = escaped(fields.text("MSH", 9, 2)) if fields else ""
    moment = hl7_time(now_us)
    head = (
        f"MSH|^~\\&|{said[5]}|{said[6]}|{said[3]}|{said[4]}|{moment}||{f'ACK^{event}^ACK' if event else 'ACK'}"
        f"|{said[10] or moment}|{said[11] or 'P'}|{said[12] or '2.6'}||||||UNICODE UTF-8"
    )
    segments = [head, f"MSA|{code}|{said[10]}"]
    if reason:
        segments.append(
            f"ERR||{where.replace('|', '^')}|{_NUMBERS.get(code, '0^Message accepted^HL70357')}|{'W' if code == TAKEN else 'E'}||||{escaped(reason)}"
        )
    return "".join(f"{segment}\r" for segment in segments).encode()
