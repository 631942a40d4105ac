"""Units that readings come in, and how a number in one becomes the channel's: °F, kPa, a fraction, 1/min.

What has no row here is never guessed: it is set aside with its name. CO2 in % is not among them: it depends on the air.
Never here: units that a person writes behind an amount (`quantities.py`), a reading that only looks like another unit
(`streams/ward/signal/units.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from models.tables.channels import CHANNELS


class Conversion(NamedTuple):
    """How a number of a unit becomes one of the channel's."""

    factor: float = 1.0
    offset: float = 0.0

    def of(self, number: float) -> float:
        """The number in the channel's unit, without the digits that only the arithmetic makes."""
        return round(number * self.factor + self.offset, 6)


AS_IT_IS: Final = Conversion()
_KPA: Final = Conversion(7.500617)  # 1 mmHg is 133.322 Pa
_SCALES: Final[Mapping[str, Mapping[str, Conversion]]] = {
    "/min": dict.fromkeys(
        ("/min", "1/min", "min-1", "min^-1", "bpm", "beats/min", "beatsperminute", "brpm", "rpm", "breaths/min", "breathsperminute",
         "perminute"), AS_IT_IS),
    "%": {**dict.fromkeys(("%", "percent", "pct"), AS_IT_IS), "fraction": Conversion(100), "0-1": Conversion(100)},
    "mm[Hg]": {**dict.fromkeys(("mmhg", "mm[hg]", "torr"), AS_IT_IS), "kpa": _KPA, "hpa": Conversion(_KPA.factor / 10), "mbar": Conversion(_KPA.factor / 10)},
    "Cel": {
        **dict.fromkeys(("c", "cel", "celsius", "degc", "degreescelsius"), AS_IT_IS),
        **dict.fromkeys(("f", "fahrenheit", "degf", "degreesfahrenheit"), Conversion(5 / 9, -160 / 9)), "k": Conversion(1, -273.15),
    },
}  # fmt: skip
CONVERSIONS: Final[Mapping[str, Mapping[str, Conversion]]] = {
    channel.name: _SCALES[channel.unit] for channel in CHANNELS
}
"""Channel → unit, as `plain_unit` has it → how it is converted."""


def plain_unit(unit: str) -> str:
    """A unit as `CONVERSIONS` has it: without spaces and degree signs."""
    return re.sub(r"[\s°º˚Â\ufffd]", "", unit).lower()
