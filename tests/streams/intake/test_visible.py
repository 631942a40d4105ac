"""Two names that nobody can tell apart are one, and no name turns around what stands beside it."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any, Final

import pytest

from streams.intake.json import read
from streams.intake.visible import SEEN_NAMES, seen
from streams.journal.frame import Origin, Sample
from tests.support.scenes import moment

AT: Final = moment(0).isoformat()
READING: Final[dict[str, Any]] = {"kind": "vitals", "at": AT, "device": "m-3", "spo2": 97}
START: Final[dict[str, Any]] = {
    "kind": "session.started",
    "at": AT,
    "patient": "willow",
    "session": "s-1",
    "chair": "3",
    "device": "m-3",
}
SHOWN: Final = frozenset(
    chr(code) for code in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)
)
"""Unicode calls them formats too, and they are drawn: signs before Arabic and Kaithi numbers."""


def names_of(line: dict[str, Any], escaped: bool) -> dict[str, str | None]:
    """What a posted line is of, once it is in."""
    reading = read(json.dumps(line, ensure_ascii=escaped).encode(), "application/json", None)
    assert (reading.bad, len(reading.records)) == ([], 1)
    (record,) = reading.records
    if isinstance(record, Sample):
        return dict(zip(Origin._fields, record.origin, strict=True))
    return {name: getattr(record, name, None) for name in SEEN_NAMES}


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "as it is"])
@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\ufeff", "\u2066", "\u00ad", "\u200d", "\ufe0f", "\U000e0041"])
def test_what_nobody_sees_in_a_name_is_taken_out_where_it_comes_in(sign: str, escaped: bool) -> None:
    for line in ({**READING, "patient": "willow", "session": "s-1", "source": "gateway"}, START):
        plain = names_of(line, escaped)
        for name in SEEN_NAMES:
            if name in line:
                for hidden in (sign + line[name], line[name][:1] + sign + line[name][1:], line[name] + sign):
                    assert names_of({**line, name: hidden}, escaped) == plain


@pytest.mark.parametrize(
    "name", ["müller", "w\u0456llow", "پیر", "שרה", "東京", "Ω-3", "نورا ٣", "\U0001f469", "e\u0301"]
)
def test_a_name_in_any_alphabet_stays_as_it_is(name: str) -> None:
    assert names_of({**READING, "patient": name}, False)["patient"] == name
    assert names_of({**START, "patient": name}, False)["patient"] == name


@pytest.mark.parametrize("field", ["patient", "device"])
def test_a_name_of_which_nothing_is_seen_is_set_aside_with_its_field(field: str) -> None:
    reading = read(json.dumps({**READING, field: "\u200b \ufeff"}).encode(), "application/json", None)
    assert reading.accepted == 0
    assert [(each.field, each.reason) for _, each in reading.bad] == [(field, "Value holds nothing that can be seen")]


def test_no_sign_that_is_not_drawn_is_left_in_a_name() -> None:
    formats = (sign for sign in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(sign) == "Cf")
    # Hieroglyphs are joined by formats that are drawn.
    left = [sign for sign in formats if sign not in SHOWN and not "\U00013430" <= sign <= "\U0001345f" and seen(sign)]
    assert left == []
