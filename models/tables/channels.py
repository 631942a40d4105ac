"""The channels: every vital sign that Chairside reads, on one screen.

`lowest` and `highest` bound what a living adult's monitor can show; outside, the reading is implausible and proves
nothing. `fastest` is the largest believable change in a second, on top of `grain`, the step that a display's rounding
makes (infinite: two cuffs, or two breaths, may differ by anything). A continuous channel is stale `STALE_AFTER` after its
last good reading, or later where its sender is slower (`streams/ward/signal/beat.py`): validity and staleness share that one
instant, so that no value can be too old to alarm on and too young to be missed.
Codes: LOINC and ISO/IEEE 11073-10101 as mapped by IHE PCD and the FHIR vital-signs profile; units are UCUM.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from models.instants import MINUTE, SECOND
from models.tables.card import OnCard

STALE_AFTER: Final = 30 * SECOND
"""Chosen by us: two averaging windows of a pulse oximeter (8-16 s), so that a cough is not a lost probe."""
SLOWEST_BEAT: Final = 5 * MINUTE
"""A sender that is slower is not watching: what it lacks is missed however regular it is. Vital signs at least every 5 min are
what is asked of sedation (ASA 2018, from memory)."""

ChannelName = Literal["hr", "pulse", "rr", "spo2", "sbp", "dbp", "map", "etco2", "temp", "tcco2"]
"""As on the wire, in the order of `CHANNELS`."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One vital sign; values are in `unit`. `card`: what it is on a board."""

    name: ChannelName
    label: str
    unit: str
    shown_unit: str
    loinc: str
    mdc: str
    lowest: float
    highest: float
    fastest: float
    grain: float
    continuous: bool
    cadence_s: float
    card: OnCard
    source: str


# fmt: off
CHANNELS: Final = (
    Channel("hr",    "Heart rate",        "/min",   "/min", "8867-4",  "MDC_ECG_HEART_RATE",         15, 250, 40,  20, True,  1,
            OnCard("rate", "own", "Heart", (40, 130)),
            "range: lowest survivable escape rhythm to fastest conducted one; change: in atrial fibrillation a rate of 100-150 jumps by 20-40 either way from one second to the next (RR intervals vary by 20-25 %); chosen by us"),
    Channel("pulse", "Pulse",             "/min",   "/min", "8889-8",  "MDC_PULS_OXIM_PULS_RATE",    20, 240, 40,  20, True,  1,
            OnCard("rate", "own", "Pulse", (40, 130)),
            "range: oximeter display limits 20-240 (ISO 80601-2-61 data sheets); above 200 in sedation recordings is artefact; change: as heart rate"),
    Channel("rr",    "Breathing",         "/min",   "/min", "9279-1",  "MDC_RESP_RATE",               0,  70, 40,   8, True,  1,
            OnCard("breathing", "own", "Breathing", (0, 30)),
            "range: 0 is apnoea and must stay believable; 70 exceeds any adult rate; change: a monitor that finds no breath goes from any rate to 0 at once; chosen by us"),
    Channel("spo2",  "SpO2",              "%",      "%",    "59408-5", "MDC_PULS_OXIM_SAT_O2",       40, 100,  4,   2, True,  1,
            OnCard("spo2", "own", "SpO₂", (84, 100)),
            "below 40 % oximeters are uncalibrated (ISO 80601-2-61 tests 70-100); no faster than 4 %/s: circulation and averaging"),
    Channel("sbp",   "Systolic pressure", "mm[Hg]", "mmHg", "8480-6",  "MDC_PRESS_CUFF_SYS",         40, 280,  0,  inf, False, 600,
            OnCard("pressure", "own", "Systolic", (50, 190)),
            "range: oscillometric cuffs measure 40-280 (ISO 81060-2 devices' data sheets)"),
    Channel("dbp",   "Diastolic pressure", "mm[Hg]", "mmHg", "8462-4", "MDC_PRESS_CUFF_DIA",         20, 200,  0,  inf, False, 600,
            OnCard("pressure", "own", "Diastolic", (50, 190)),
            "as systolic"),
    Channel("map",   "Mean pressure",     "mm[Hg]", "mmHg", "8478-0",  "MDC_PRESS_CUFF_MEAN",        25, 230,  0,  inf, False, 600,
            OnCard("pressure", "unseen", "Mean", (50, 150)),
            "as systolic"),
    Channel("etco2", "End-tidal CO2",     "mm[Hg]", "mmHg", "19889-5", "MDC_AWAY_CO2_ET",             0, 120,  0, inf, True,  1,
            OnCard("breathing", "beside", "CO₂", (20, 60)),
            "0 is apnoea or a loose cannula and must stay believable; sidestream range 0-150; change: no breath, no CO2, at once"),
    Channel("temp",  "Temperature",       "Cel",    "°C",   "8310-5",  "MDC_TEMP",                   25,  45, 0.5, 0.5, False, 3600,
            OnCard(None, "unseen", "Temperature", (35, 39), decimals=1),
            "range: survivable core temperatures; spot readings"),
    Channel("tcco2", "Transcutaneous CO2", "mm[Hg]", "mmHg", "19890-3", "MDC_CONC_PCO2_TRANSCUT",    10, 150,  2,   3, True,  1,
            OnCard("breathing", "beside", "CO₂", (20, 60)),
            "sensor equilibrates over minutes (Conway 2019 recordings start near 0): 2 mmHg/s is already a calibration step"),
)
# fmt: on

CHANNEL_NAMES: Final = tuple(channel.name for channel in CHANNELS)
CHANNEL_COLUMN: Final[dict[str, int]] = {name: column for column, name in enumerate(CHANNEL_NAMES)}

STATUSES: Final = ("ok", "probe-off", "artefact", "cuff-failed", "off")
"""What a device can say of a channel; the frame's status column holds the index, 0 where it says nothing."""
