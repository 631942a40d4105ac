"""Amounts that people write with their unit: "70 kg", "154 lb", "0.5 g", "1 h". What is unambiguous is read, nothing is guessed.

A number alone has the unit that its field is named after. A comma before one or two digits is a decimal one; before three it may
be either and is not read. Nor is "0.5 mg/kg", "70-75 kg", "about 70" or a unit that no row has.
Never here: readings of a monitor, which are numbers or nothing; whether an amount is plausible (`models/wire/bounds.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# fmt: off
UNITS_OF: Final[Mapping[str, Mapping[str, float]]] = {
    #  field           unit as written, in lower case → how many of the field's own unit it is
    "weight_kg":       {"kg": 1, "kgs": 1, "kilo": 1, "kilos": 1, "kilogram": 1, "kilograms": 1, "g": 1e-3,
                        "lb": 0.45359237, "lbs": 0.45359237, "pound": 0.45359237, "pounds": 0.45359237},
    "amount_mg":       {"mg": 1, "g": 1e3, "mcg": 1e-3, "µg": 1e-3, "μg": 1e-3, "ug": 1e-3, "milligram": 1, "milligrams": 1},
    "planned_minutes": {"min": 1, "mins": 1, "minute": 1, "minutes": 1, "h": 60, "hr": 60, "hrs": 60, "hour": 60, "hours": 60,
                        "s": 1 / 60, "sec": 1 / 60, "secs": 1 / 60, "second": 1 / 60, "seconds": 1 / 60},
    "score":           {},
}
# fmt: on
"""One pound is 0.45359237 kg (international yard and pound agreement, 1959)."""
AS: Final = {"planned_mg": "amount_mg", "given_mg": "amount_mg", "minutes": "planned_minutes"}
"""Fields that have another field's units."""

_AMOUNT: Final = re.compile(r"\s*([-+]?\d{1,9}(?:[.,]\d{1,9})?)\s*([a-zµμ]*)\.?\s*", re.IGNORECASE)
_EITHER: Final = re.compile(r".*,\d{3}")


def amount_of(field: str, text: str) -> float | None:
    """The number, in the field's own unit, that a text is; None: it is none, or may be another."""
    found, units = _AMOUNT.fullmatch(text), UNITS_OF.get(AS.get(field, field))
    if found is None or units is None or _EITHER.fullmatch(found[1]):
        return None
    factor = 1.0 if not found[2] else units.get(found[2].lower())
    return None if factor is None else round(float(found[1].replace(",", ".")) * factor, 9)


_YEAR: Final = re.compile(r"\s*(\d{4})(?:-\d\d-\d\d(?:T.*)?)?\s*")


def year_of(text: str) -> int | None:
    """The year of ``1980`` or ``1980-05-01``; None: it is neither."""
    found = _YEAR.fullmatch(text)
    return None if found is None else int(found[1])
