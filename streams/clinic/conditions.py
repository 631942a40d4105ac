"""The conditions of an invented session: artefacts of its signals, delivery of its lines, habits of its staff.

A condition is data: rates, lengths and shares, so that a family of sessions is a row and not code. `ORDINARY` is the clinic's
day of `simulate`; its artefacts keep clear of events, the families' do not.
Never here: chance, or what the numbers do to a signal (`artefacts.py`, `delivery.py`, `notes.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Range = tuple[float, float]
"""From, to; drawn evenly between them."""

Rhythm = Literal["sinus", "fibrillation", "ectopics", "bigeminy", "paced"]


@dataclass(frozen=True, slots=True)
class Artefacts:
    """How often in an hour of monitoring, and for how many seconds."""

    probe_off_per_hour: float = 3.9
    """The recordings have 7.8 gaps of SpO2 an hour (median 8 s, a quarter over 20 s, 10 % over 64 s); half of that here, as our
    patients sit."""
    probe_off_s: tuple[int, int] = (3, 24)
    movements_per_hour: float = 3.7
    """Jumps of the pulse by more than 15 /min in the recordings."""
    movement_s: tuple[int, int] = (2, 8)
    out_of_range_per_hour: float = 0.3
    """Recordings: 5 seconds in 100,000 hold 0 or 1 % SpO2, or a pulse above 200, in 0.012 runs an hour; more here, to be seen."""
    standing_per_hour: float = 0.15
    """A number that stands still for one to three minutes; chosen by us: the recordings cannot tell it from a calm heart."""
    frozen_per_hour: float = 0.0
    """The whole device repeats its last values. Chosen by us where it is not 0, as are all that follow."""
    frozen_s: tuple[int, int] = (100, 400)
    miscount_per_hour: float = 0.0
    """The oximeter counts every other beat, or each twice (a weak pulse, a dicrotic notch)."""
    miscount_s: tuple[int, int] = (30, 150)
    bursts_per_hour: float = 0.0
    """Wide noise on all channels, as from electrocautery or a shiver."""
    burst_s: tuple[int, int] = (3, 20)
    occlusions_per_hour: float = 0.0
    """The capnograph's line is blocked or the cannula out: no CO2, often said by the device, sometimes not."""
    occlusion_s: tuple[int, int] = (15, 120)
    flicker_per_hour: float = 0.0
    """One or two readings a little off, too few to mean anything."""
    cuff_outlier: float = 0.0
    """Share of cuffs that read wildly wrong (a bent arm, talking)."""
    cuff_fails: float = 0.04
    """Chosen by us: an arm that moves; one cuff in 25."""
    anywhere: bool = True
    """Whether artefacts strike during events as well."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How lines are delivered. Shares of lines; seconds; chosen by us where no source is named."""

    cadence_s: tuple[int, ...] = (1,)
    """Seconds between samples; one of these for a session."""
    lost: float = 0.002
    repeated: float = 0.002
    gaps_per_hour: float = 1.0
    """Lost stretches of 3-15 s: a wireless hop."""
    late_per_hour: float = 0.15
    """Stretches that a gateway held back and sent at once."""
    late_s: tuple[int, int] = (20, 120)
    overtaken: float = 0.0
    """Share of the late stretches that newer lines overtake."""
    reordered: float = 0.0
    """Share of lines that arrive a second or two after their successors."""
    offset_s: float = 0.0
    """The device's clock is wrong by as much at most, either way."""
    drift_s_per_hour: float = 0.0
    jumps_per_hour: float = 0.0
    jump_s: float = 0.0
    """A jump goes as far at most, either way."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Habits of the staff: shares of what is due that is forgotten, and seconds until a high reading is taken again."""

    forgets_cuff: float = 0.0
    forgets_checkin: float = 0.0
    forgets_recheck: float = 0.0
    recheck_s: tuple[int, int] = (300, 300)
    """A high reading is taken again after five minutes: the pattern of an academic clinic's protocol (180/110 twice)."""


@dataclass(frozen=True, slots=True)
class Trials:
    """What is staged: how many events a session, and how they are spread. See `trials.py`."""

    events: tuple[int, int] = (0, 0)
    depth: Range = (0.0, 1.0)
    """From just past the limit (0) to far beyond it (1)."""
    times: Range = (1.6, 6.0)
    """How many times the rule's own time a sustained event lasts."""
    short: float = 0.2
    """Share of events that end too soon to mean anything."""
    short_times: Range = (0.25, 0.7)
    onset_s: Range = (2.0, 90.0)
    behind_probe_off: float = 0.15
    hovering: bool = False
    """Instead of events: every channel a unit inside its limits, and single cuffs that a recheck does not confirm."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Everything that a family of sessions fixes."""

    artefacts: Artefacts = Artefacts()
    delivery: Delivery = Delivery()
    staff: Staff = Staff()
    trials: Trials = Trials()
    rhythms: tuple[Rhythm, ...] = ("sinus",)


ORDINARY: Final = Conditions(artefacts=Artefacts(anywhere=False), staff=Staff(0.02, 0.03, 0.03))
