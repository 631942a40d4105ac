"""What readings that nobody can have look like: another unit, or two columns that were swapped.

Only said, never used: a reading that was meant otherwise is no reading, and whoever set up the sender must hear of it.
Bad at: a reading that is wrong and possible. Of these only an EtCO2 in kPa is known (`is_co2_in_kpa`), by breathing beside it.
Cost: a comparison, on what is in range. Never here: what is out of range (`models/tables/channels.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Final

from models.tables.channels import CHANNEL_COLUMN, CHANNELS
from models.tables.limits import UNITS
from streams.ward.compiled import compiled

KPA_MMHG: Final = 7.50062
"""1 kPa in mmHg (NIST SP 811)."""
LIVING_CO2: Final = (25.0, 60.0)
"""mmHg that an EtCO2 of somebody who breathes is between: ten below what is usual (35-45), and PRODIGY's limit. Chosen by us."""
CO2_IN_KPA: Final = (LIVING_CO2[0] / KPA_MMHG, LIVING_CO2[1] / KPA_MMHG)
BREATHES: Final = 8.0
"""/min: at NEWS2's limit of slow breathing or above it somebody breathes."""
_RATES: Final = (40.0, 130.0)
"""/min that a heart usually beats between, and nobody breathes: as a board's strip has it."""


def looks_like(shown: Mapping[str, float]) -> str:
    """What readings look like, as the end of a sentence; nothing where nothing is known.

    Args:
        shown: channel → its newest reading as sent, of which one at least is out of range or not on its side of another.
    """
    if "sbp" in shown and "dbp" in shown:
        sbp, dbp = shown["sbp"], shown["dbp"]
        if _possible_cuff(dbp, sbp):
            return "systolic and diastolic swapped"
        if _possible_cuff(sbp * KPA_MMHG, dbp * KPA_MMHG):
            return f"kPa ({sbp * KPA_MMHG:.0f}/{dbp * KPA_MMHG:.0f} mmHg)"
    spo2 = shown.get("spo2")
    if spo2 is not None and spo2 < 1 and _possible("spo2", spo2 * 100):
        return f"a fraction ({spo2 * 100:.0f} %)"
    temp = shown.get("temp")
    if temp is not None and _possible("temp", celsius := (temp - 32) / 1.8):
        return f"°F ({celsius:.1f} °C)"
    tcco2 = shown.get("tcco2")
    if tcco2 is not None and _possible("tcco2", tcco2 * KPA_MMHG):
        return f"kPa ({tcco2 * KPA_MMHG:.0f} mmHg)"
    etco2 = shown.get("etco2")
    if etco2 is not None and CO2_IN_KPA[0] <= etco2 <= CO2_IN_KPA[1]:
        return f"kPa ({etco2 * KPA_MMHG:.0f} mmHg)"
    rr = shown.get("rr")
    for name in ("pulse", "hr"):
        rate = shown.get(name)
        if rr is not None and rate is not None and _RATES[0] <= rr <= _RATES[1] and rate < _RATES[0]:
            return f"breathing and {name} swapped".replace("hr", "heart rate")
    return ""


@compiled
def is_co2_in_kpa(etco2: float, own_co2: float, rate: float) -> bool:
    """Whether an EtCO2 that nobody lives with is one of kPa.

    It is where somebody breathes and has never shown a usual one in mmHg: a line beside the nose shows what it mixes with, and a
    breath that is gone shows none.

    Args:
        own_co2: the session's own, mmHg; NaN before one was usual. rate: of breathing, /min; NaN where none is beside it.
    """
    return isnan(own_co2) and rate >= BREATHES and CO2_IN_KPA[0] <= etco2 <= CO2_IN_KPA[1]


def in_words(shown: Mapping[str, float]) -> str:
    """``SpO2 0.97 %, temperature 98.6 °C``: readings as sent."""
    labels: dict[str, str] = {channel.name: channel.label for channel in CHANNELS}
    return ", ".join(f"{labels[name]} {value:g} {UNITS[name]}" for name, value in shown.items())


def _possible(name: str, value: float) -> bool:
    channel = CHANNELS[CHANNEL_COLUMN[name]]
    return channel.lowest <= value <= channel.highest


def _possible_cuff(sbp: float, dbp: float) -> bool:
    return _possible("sbp", sbp) and _possible("dbp", dbp) and dbp < sbp
