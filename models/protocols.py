"""Protocols: what is expected of a session of each drug and route, and when a cuff is overdue.

Source of the cadences: clinical practice varies (every 10 min in the infusion and every 15 after: Riva-Posse 2018,
Zhou 2021; esketamine: before, about 40 min after, then until the end of 2 h: US label and REMS). Overdue is the cadence
plus a grace of half of it, chosen by us: a nurse who is five minutes late is at work, not absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.instants import MINUTE

Phase = Literal["before", "dosing", "observation", "unscheduled"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """Cuffs are overdue after these minutes in each phase (None: not expected); observation lasts `observe_min` from the dose."""

    name: str
    title: str
    dose_min: float
    observe_min: float
    cuff_before_min: float | None
    cuff_dosing_min: float | None
    cuff_observation_min: float | None
    source: str

    def cuff_overdue_us(self, phase: Phase) -> int | None:
        """How long after the last cuff the next is overdue, in microseconds; None where none is expected."""
        minutes = {
            "before": self.cuff_before_min,
            "dosing": self.cuff_dosing_min,
            "observation": self.cuff_observation_min,
            "unscheduled": None,
        }[phase]
        return None if minutes is None else round(minutes * MINUTE)


# fmt: off
UNSCHEDULED: Final = Protocol("unscheduled", "Unscheduled", 0, 0, None, None, None, "nothing was announced, so nothing is overdue")
_OTHER = Protocol("other", "Ketamine", 40, 120, 30, 20, 25, "as intravenous, until the clinic says otherwise")
PROTOCOLS: Final = {
    ("ketamine", "iv"):           Protocol("ketamine-iv", "Ketamine infusion", 40, 120, 30, 15, 22.5, "Riva-Posse 2018: every 10 min, then every 15; observation: ASA 2025, McIntyre 2021 (2 h)"),
    ("ketamine", "im"):           Protocol("ketamine-im", "Ketamine injection", 1, 120, 30, 22.5, 22.5, "every 15 min to 120 min: Del Sant 2020 (subcutaneous)"),
    ("ketamine", "sc"):           Protocol("ketamine-sc", "Ketamine injection", 1, 120, 30, 22.5, 22.5, "every 15 min to 120 min: Del Sant 2020"),
    ("esketamine", "intranasal"): Protocol("esketamine-nasal", "Esketamine spray", 10, 120, 30, 50, 50, "US label: before, about 40 min after, before leaving; 2 h"),
}
# fmt: on


def protocol_of(drug: str | None, route: str | None) -> Protocol:
    """The protocol of a planned treatment."""
    return PROTOCOLS.get(((drug or "").lower(), route or ""), _OTHER)
