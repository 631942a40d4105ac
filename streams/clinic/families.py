"""Families of sessions: each a row of conditions under which a detector should find everything, or raise nothing.

Every family has artefacts, and its truth marks what they hid. Those of `held_out.py` have parameters of their
own and are for judging only: nobody may look at their results while choosing a number anywhere else.
Rates and lengths are chosen by us, several times those of the sedation recordings (hfnosedrct) where a family is about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streams.clinic.conditions import Artefacts, Conditions, Delivery, Staff, Trials

STAFF: Final = Staff(forgets_cuff=0.03, forgets_checkin=0.05, forgets_recheck=0.05, recheck_s=(60, 300))
"""People who now and then forget: shares chosen by us."""


@dataclass(frozen=True, slots=True)
class Family:
    """A name, what is in it, and its conditions. `quiet`: nothing of high or medium priority is staged in it."""

    name: str
    about: str
    conditions: Conditions
    quiet: bool = False
    held_out: bool = False


COMMON: Final = Artefacts(
    movement_s=(2, 14), miscount_per_hour=0.2, bursts_per_hour=0.3, burst_s=(2, 8), frozen_per_hour=0.05
)
_SOME: Final = Trials(events=(0, 4))

TUNING: Final = (
    Family("uneventful", "people treated as usual, with the artefacts of any day", Conditions(COMMON, staff=STAFF), quiet=True),
    Family(
        "eventful",
        "every rule: deep and shallow, long and too short, slow and sudden, behind a loose probe",
        Conditions(COMMON, staff=STAFF, trials=Trials(events=(4, 7))),
    ),
    Family(
        "near-threshold",
        "everything a unit inside its limits, and single cuffs past them that the next does not confirm",
        Conditions(Artefacts(flicker_per_hour=20, movement_s=(2, 10), cuff_fails=0.05), trials=Trials(hovering=True)),
        quiet=True,
    ),
    Family(
        "artefact-heavy",
        "movement, loose probes, frozen monitors, miscounts, bursts, blocked capnographs, cuffs that fail or err",
        Conditions(
            Artefacts(
                probe_off_per_hour=12, probe_off_s=(3, 40), movements_per_hour=20, movement_s=(2, 30),
                out_of_range_per_hour=2, standing_per_hour=1, frozen_per_hour=0.5, miscount_per_hour=2,
                bursts_per_hour=6, occlusions_per_hour=3, flicker_per_hour=10, cuff_outlier=0.08, cuff_fails=0.12,
            ),
            staff=STAFF,
            trials=_SOME,
        ),
    ),
    Family(
        "irregular",
        "atrial fibrillation, ectopics, bigeminy, and pacemakers whose rate looks frozen",
        Conditions(COMMON, staff=STAFF, trials=_SOME, rhythms=("fibrillation", "ectopics", "bigeminy", "paced")),
    ),
    Family(
        "sparse",
        "a sample every 5, 10, 15 or 60 seconds",
        Conditions(COMMON, Delivery(cadence_s=(5, 10, 15, 60)), STAFF, _SOME),
    ),
    Family(
        "resent",
        "repeats, late batches of up to five minutes, lines that overtake each other, network cuts",
        Conditions(
            COMMON,
            Delivery(lost=0.01, repeated=0.05, gaps_per_hour=4, late_per_hour=2.5, late_s=(20, 300), overtaken=0.3, reordered=0.01),
            STAFF,
            _SOME,
        ),
    ),
    Family(
        "clocks",
        "devices whose clock is wrong, runs off or jumps",
        Conditions(COMMON, Delivery(offset_s=20, drift_s_per_hour=20, jumps_per_hour=0.7, jump_s=300), STAFF, _SOME),
    ),
)  # fmt: skip
