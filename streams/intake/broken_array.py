"""The elements of a JSON array that is broken somewhere: bytes in, each element's bytes out, good ones and broken ones in order.

One bad byte costs the element that it is in. Elements are read one after the other; where one cannot be, it ends before the next
`, {`, and reading goes on there.
Bad at: a broken element that has a list of objects in it, which no observation has, becomes several that cannot be read.
Cost: a thousand broken elements, and four times the body of looking, at the most; then the rest is one broken element. So
nobody slows others down by it.
Never here: what an element means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

MOST_BROKEN: Final = 1000
"""Each costs a count of the lines before it, a millisecond at the most. Chosen by us: a sender with more is broken itself."""
LOOKED_AT_MOST: Final = 4
"""Times the body's length. Chosen by us: a thousand single bad bytes take little more than one."""
_NEXT: Final = re.compile(r",\s*(?=\{)")
_BLANK: Final = re.compile(r"\s*")


def elements_of(body: bytes, parse_int: Callable[[str], Any]) -> list[bytes]:
    """The elements of a body that begins with `[`. `parse_int`: what a long number is read as."""
    # Bytes that are no UTF-8 stay what they are, in the element that they are in.
    text = body.decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder(parse_int=parse_int)
    found: list[str] = []
    place, budget, broken = _blank(text, 1), LOOKED_AT_MOST * len(text), 0
    while place < len(text) and text[place] != "]":
        end, looked = _end_of(decoder, text, place)
        budget -= looked
        broken += end is None
        if budget < 0 or broken > MOST_BROKEN:
            found.append(text[place:])
            break
        if end is None:
            after = _NEXT.search(text, place)
            end, place_after = (len(text), len(text)) if after is None else after.span()
        else:
            comma = _blank(text, end)
            if comma < len(text) and text[comma] not in ",]":
                # Something stands between two elements that is no part of either.
                found.append(text[place:end])
                begins = text.find("{", comma)
                place, end = comma, len(text) if begins < 0 else begins
                place_after = end
            else:
                place_after = _blank(text, comma + 1) if text[comma : comma + 1] == "," else comma
        found.append(text[place:end])
        place = place_after
    return [each.encode("utf-8", "surrogateescape") for each in found]


def _end_of(decoder: json.JSONDecoder, text: str, place: int) -> tuple[int | None, int]:
    """Where the element ends that begins here, None if it cannot be read; and how many characters were looked at."""
    try:
        _, end = decoder.raw_decode(text, place)
    except json.JSONDecodeError as wrong:
        return None, wrong.pos - place
    except (ValueError, RecursionError):
        return None, len(text) - place
    return end, 0


def _blank(text: str, place: int) -> int:
    matched = _BLANK.match(text, place)
    return place if matched is None else matched.end()
