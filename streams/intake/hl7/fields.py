"""The fields of an HL7 v2 message: bytes in, texts by segment, number, field and component out. The parser is python-hl7's.

Chosen over hl7apy after trying both on IHE's sample messages: a hundredth of the size and, at the same messages, twenty to fifty
times as fast; hl7apy's validation against a version's tables refuses what real gateways send.
"""

from __future__ import annotations

import re
from typing import Any, Final

import hl7

_UTF8: Final = frozenset(("", "UNICODE UTF-8", "UNICODE", "UTF-8", "ASCII"))


WITHOUT_NAMES: Final = frozenset(("MSH", "EVN", "OBR", "OBX"))
"""Segments that are kept when they are set aside: who a patient is stays outside (PID, NK1, PV1 and their like hold names)."""


class BadMessage(ValueError):
    """Bytes that are no HL7 message, or one of a kind that is not taken. `code`: what MSA-1 answers."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Fields:
    """A message by its segments. `order`: their names as they stand, each with its number among those of its name, from 0.

    Raises:
        BadMessage: the bytes are no message.
    """

    def __init__(self, body: bytes) -> None:
        self._message = _parsed(body)
        self._segments: dict[str, list[Any]] = {}
        self.order: list[tuple[str, int]] = []
        for segment in self._message:
            same = self._segments.setdefault(str(segment[0]), [])
            self.order.append((str(segment[0]), len(same)))
            same.append(segment)

    def count(self, name: str) -> int:
        """How many segments of a name there are."""
        return len(self._segments.get(name, ()))

    def line(self, name: str, number: int = 0) -> str:
        """A segment as it stands; one that may hold a name, or is not there, by its name alone."""
        found = self._segments.get(name, ())
        return str(found[number]) if number < len(found) and name in WITHOUT_NAMES else name

    def text(self, name: str, place: int, component: int = 1, number: int = 0) -> str:
        """The text of a component of a field's first repetition, unescaped; empty where it is not there."""
        found = self._segments.get(name, ())
        if number >= len(found) or place >= len(found[number]):
            return ""
        first = found[number][place]
        first = first[0] if isinstance(first, list) and first else first
        if isinstance(first, str):
            return self._plain(first) if component == 1 else ""
        part = first[component - 1] if len(first) >= component else ""
        return self._plain(part if isinstance(part, str) else str(part[0]) if part else "")

    def all_of(self, name: str, place: int, number: int = 0) -> list[str]:
        """The texts of all repetitions of a field, each its first component."""
        found = self._segments.get(name, ())
        if number >= len(found) or place >= len(found[number]):
            return []
        return [self._plain(str(each).partition("^")[0]) for each in found[number][place]]

    def _plain(self, text: str) -> str:
        return str(self._message.unescape(text)).strip() if "\\" in text else text.strip()


def _parsed(body: bytes) -> hl7.Message:
    head = re.split(r"[\r\n]", body[:2000].decode("latin-1"), maxsplit=1)[0].split("|")
    charset = head[17].partition("~")[0].strip().upper() if len(head) > 17 else ""
    try:
        text = body.decode("utf-8" if charset in _UTF8 else "latin-1")
    except UnicodeDecodeError as wrong:
        said = f"MSH-18 says {charset}" if charset else "MSH-18 says nothing, so it is UTF-8"
        raise BadMessage("AE", f"{said}, and byte {wrong.start} of the message is not of it") from wrong
    text = re.sub(r"[\r\n]+", "\r", text.strip("\ufeff\r\n\t \x00"))
    head_text = text.partition("\r")[0]
    if not text.startswith("MSH") or len(head_text) < 9 or head_text.count(head_text[3]) < 8:
        raise BadMessage("AR", "not an HL7 message: it does not begin with MSH, its separators and its type")
    try:
        return hl7.parse(text)
    except (
        Exception
    ) as wrong:  # the parser's own slips over what is no message are many: whatever it raises, this is none
        raise BadMessage("AR", f"not an HL7 message: {type(wrong).__name__}: {str(wrong)[:150]}") from wrong
