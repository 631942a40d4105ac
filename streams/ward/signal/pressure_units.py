"""What pressures that no cuff can show look like: another unit, or two columns that were swapped.

Only said, never used: a reading that was meant otherwise is no reading, and whoever set up the sender must hear of it.
Bad at: a pressure that is wrong and possible. Cost: nothing, on a cuff that is out of range. Never here: what is out of range
(`models/tables/channels.py`), whom it concerns.
"""

from __future__ import annotations

from typing import Final

from models.tables.channels import CHANNEL_COLUMN, CHANNELS

KPA_MMHG: Final = 7.50062
"""1 kPa in mmHg (NIST SP 811)."""
_SBP, _DBP = (CHANNELS[CHANNEL_COLUMN[name]] for name in ("sbp", "dbp"))


def looks_like(sbp: float, dbp: float) -> str:
    """What the pressures of one cuff look like, as the end of a sentence; NaN where there is none. Nothing: nothing known.

    Pressures in mmHg, of which one at least is out of range or not on its side of the other.
    """
    if _possible(dbp, sbp):
        return "systolic and diastolic swapped"
    if _possible(sbp * KPA_MMHG, dbp * KPA_MMHG):
        return f"kPa ({sbp * KPA_MMHG:.0f}/{dbp * KPA_MMHG:.0f} mmHg)"
    return ""


def _possible(sbp: float, dbp: float) -> bool:
    return _SBP.lowest <= sbp <= _SBP.highest and _DBP.lowest <= dbp <= _DBP.highest and dbp < sbp
