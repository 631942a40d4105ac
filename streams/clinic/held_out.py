"""The held-out families: the same kinds of session, drawn with other parameters, for judging only.

Never tuned on: whoever chooses a limit, a filter or a rate looks at the families of `families.py` and not at the
results of these. They differ in depth, length and onset of events, in what disturbs them and in how much of it there is, and
they mix what the others keep apart: an irregular heart seen every ten seconds through a monitor whose clock is wrong.
All numbers chosen by us, before any detector was run on them.
"""

from __future__ import annotations

from typing import Final

from streams.clinic.conditions import Artefacts, Conditions, Delivery, Staff, Trials
from streams.clinic.families import TUNING, Family

_STAFF: Final = Staff(forgets_cuff=0.06, forgets_checkin=0.08, forgets_recheck=0.08, recheck_s=(45, 420))
_ANY_DAY: Final = Artefacts(
    probe_off_per_hour=5, probe_off_s=(2, 33), movements_per_hour=6, movement_s=(1, 17), out_of_range_per_hour=0.5,
    standing_per_hour=0.3, frozen_per_hour=0.1, miscount_per_hour=0.4, miscount_s=(12, 200), bursts_per_hour=0.6,
    burst_s=(1, 12), occlusions_per_hour=0.5, cuff_fails=0.06,
)  # fmt: skip
_SOME: Final = Trials(
    events=(1, 4), depth=(0.1, 0.9), times=(1.4, 9), short=0.3, short_times=(0.2, 0.75), onset_s=(1, 140)
)

HELD_OUT: Final = (
    Family("held-out-uneventful", "as uneventful", Conditions(_ANY_DAY, staff=_STAFF), quiet=True, held_out=True),
    Family(
        "held-out-eventful",
        "as eventful, in other depths, lengths and speeds",
        Conditions(
            _ANY_DAY,
            staff=_STAFF,
            trials=Trials(
                events=(3, 6), depth=(0, 0.8), times=(1.4, 10), short=0.3, short_times=(0.2, 0.75), onset_s=(1, 140),
                behind_probe_off=0.3,
            ),
        ),
        held_out=True,
    ),
    Family(
        "held-out-near-threshold",
        "as near-threshold, with more artefacts",
        Conditions(
            Artefacts(
                flicker_per_hour=35, probe_off_per_hour=6, movements_per_hour=5, movement_s=(1, 12),
                standing_per_hour=0.4, miscount_per_hour=0.3, bursts_per_hour=0.5, burst_s=(1, 9), cuff_fails=0.08,
            ),
            Delivery(lost=0.01),
            trials=Trials(hovering=True),
        ),
        quiet=True,
        held_out=True,
    ),
    Family(
        "held-out-artefact-heavy",
        "as artefact-heavy, in another mixture",
        Conditions(
            Artefacts(
                probe_off_per_hour=18, probe_off_s=(2, 50), movements_per_hour=14, movement_s=(1, 24),
                out_of_range_per_hour=4, standing_per_hour=2, frozen_per_hour=0.8, frozen_s=(60, 600),
                miscount_per_hour=3, miscount_s=(10, 260), bursts_per_hour=10, burst_s=(1, 30),
                occlusions_per_hour=5, occlusion_s=(8, 200), flicker_per_hour=25, cuff_outlier=0.12, cuff_fails=0.2,
            ),
            Delivery(lost=0.02, repeated=0.01),
            _STAFF,
            _SOME,
        ),
        held_out=True,
    ),
    Family(
        "held-out-irregular",
        "irregular hearts on monitors that send every one, two or ten seconds",
        Conditions(
            _ANY_DAY,
            Delivery(cadence_s=(1, 2, 10)),
            _STAFF,
            _SOME,
            ("fibrillation", "ectopics", "bigeminy", "paced", "fibrillation"),
        ),
        held_out=True,
    ),
    Family(
        "held-out-sparse",
        "a sample every 3, 7, 20, 30 or 60 seconds, some of them lost",
        Conditions(_ANY_DAY, Delivery(cadence_s=(3, 7, 20, 30, 60), lost=0.02), _STAFF, _SOME, ("sinus", "ectopics")),
        held_out=True,
    ),
    Family(
        "held-out-resent",
        "as resent, worse, with irregular hearts among them",
        Conditions(
            _ANY_DAY,
            Delivery(
                cadence_s=(1, 2), lost=0.02, repeated=0.12, gaps_per_hour=8, late_per_hour=4, late_s=(5, 300),
                overtaken=0.5, reordered=0.03,
            ),
            _STAFF,
            _SOME,
            ("sinus", "sinus", "fibrillation"),
        ),
        held_out=True,
    ),
    Family(
        "held-out-clocks",
        "as clocks, further off, and sent every one or five seconds",
        Conditions(
            _ANY_DAY,
            Delivery(cadence_s=(1, 5), offset_s=50, drift_s_per_hour=60, jumps_per_hour=1.2, jump_s=900),
            _STAFF,
            _SOME,
        ),
        held_out=True,
    ),
)  # fmt: skip

FAMILIES: Final = {family.name: family for family in (*TUNING, *HELD_OUT)}
"""All of them, by name."""
