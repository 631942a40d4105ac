"""The limits: one row per limit, with its source, reviewable on one screen; and what a site or a patient changes of them.

A row says: rule R has priority P while `channel` is past `enter`, believed once it has been so for `hold_s` (continuous
channels) or in `readings` consecutive readings within `CONFIRM_WITHIN` (cuffs, scores); and is over once the channel has
been back at `leave` for `leave_s` (one reading, for cuffs and scores). Whether a reading at the limit itself is past it, and
why, each row says. A rule with several rows has the priority of the worst row in force. A cuff is one reading of several
channels: rows of one rule and priority are alternatives, and some rows add to them (`Role`). Not one of these numbers is
validated for ketamine in depression: a clinic's own table goes through `site.configured`, and `chairside check-config`
checks it. Sources in brackets are rows of docs/sources.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, Literal, Protocol

from models.instants import MINUTE
from models.tables.channels import CHANNEL_NAMES, CHANNELS
from models.tables.rules import RULES, Priority, PriorityName

INFO, LOW, MEDIUM, HIGH = Priority

LIMIT_COLUMNS: Final = (
    *CHANNEL_NAMES,
    "rate",
    "sbp-rise",
    "dbp-rise",
    "moaas",
    "cadss",
    "breaths",
    "rr-alone",
    "spo2-doubted",
    "etco2-beside",
)
"""What a limit can be on: the measured channels, then what the ward derives. `rate` is the heart rate, or the pulse where
there is none; a rise is over the session's own baseline; `moaas` and `cadss` are the scores of the last check-in; `breaths` is
how many of the two witnesses, RR and EtCO2, show a breath, where both are there (streams/ward/signal/breathing.py);
`rr-alone` is RR whatever else is in order, where `bradypnoea` on `rr` needs its company (`company.py`); `spo2-doubted` is a
saturation that is doubted (streams/ward/signal/doubted.py); `etco2-beside` is EtCO2 where it has company."""
LIMIT_COLUMN: Final = {name: column for column, name in enumerate(LIMIT_COLUMNS)}

MEASURED_AS: Final = {"rate": "hr", "rr-alone": "rr", "spo2-doubted": "spo2", "etco2-beside": "etco2"}
"""The channel whose readings a derived one has, where it has one's."""
FOLLOWS: Final = {"spo2-doubted": "spo2"}
"""Whose rows begin and end where another's do: a doubted saturation is low where a believed one is, and only its hold is its own.
A site that moves the one moves the other."""

UNITS: Final[dict[str, str]] = {
    **{channel.name: channel.shown_unit for channel in CHANNELS},
    "rate": "/min", "sbp-rise": "mmHg", "dbp-rise": "mmHg", "moaas": "of 5", "cadss": "of 92", "breaths": "of 2",
    "rr-alone": "/min", "spo2-doubted": "%",
    "etco2-beside": "mmHg",
}  # fmt: skip

LABELS: Final[dict[str, str]] = {
    **{channel.name: channel.label for channel in CHANNELS},
    "rate": "Heart rate", "sbp-rise": "Systolic rise", "dbp-rise": "Diastolic rise", "moaas": "MOAA/S", "cadss": "CADSS",
    "breaths": "Signs of breath", "rr-alone": "Breathing", "spo2-doubted": "SpO2", "etco2-beside": "EtCO2",
}  # fmt: skip

SENTENCE_DECIMALS: Final[dict[str, int]] = {channel.name: max(1, channel.card.decimals) for channel in CHANNELS}
"""Digits after the point in a sentence, at most: one, or what the channel needs."""

CONFIRM_WITHIN: Final = 30 * MINUTE
"""The next good cuff confirms the one before if it comes within 30 min, whatever the pace: clinics cycle the cuff every 5, 10, 15
or 30 min, and intensive care every 15-17. Two readings 5 min apart are one clinic's rule [S33]; with 10 min here, 60 % of the
pressures under 90 that lasted were never told above low where a cuff came every 12-15 min. Older than this it is no neighbour."""

CUFF_RULES: Final = ("hypertensive-crisis", "hypertension", "pressure-rise", "hypotension")
"""The rules on cuffs, one that implies another before it: read singly, confirming each other (streams/ward/rules/cuffs.py); the
others are held over time."""

SCORES: Final = ("moaas", "cadss")

JUMP_MMHG: Final = 60.0
"""A cuff that is in crisis and this far above a normal neighbour may be a bent arm: it waits for its recheck, unless both of its
pressures are in crisis and its mean is in the lower half between them. Chosen by
us: seven times a cuff's SD of 8 mmHg (ISO 81060-2), four times the mean rise under ketamine (16 mmHg, SD 11 [S38])."""
WIDE_MMHG: Final = 50.0
"""A crisis by one cuff is believed at once from this pulse pressure on. Chosen by us: more than the usual 40 mmHg, since arteries
at such a pressure are stiff; most crises that the next cuff refutes have a diastolic alone, close under its systolic."""
NORMAL_PULSE_MMHG: Final = 40.0
"""From the usual pulse pressure (120/80) on it is believed as well, if its mean says the same ..."""
MEAN_AT_LEAST: Final = 0.3
"""... that is, lies no lower between the two than this: the mean is diastolic + 1/3 of the pulse pressure, and it is what an
oscillometric cuff measures. A mean further down says that the diastolic was read too high. A third less a tenth of it: by us."""
RECHECK_WITHIN: Final = 3 * MINUTE
"""How soon a recheck is asked for. Chosen by us: two cuffs' time, and an emergency's limit."""
FAST_PACE: Final = 5 * MINUTE
"""Where the cuff before came at most this long ago somebody repeats them, and a doubted crisis that is not rechecked within
`RECHECK_WITHIN` is believed. By us, after [S33]'s two readings 5 min apart: at a slower pace silence is only the pace."""

Comparison = Literal["<", "<=", ">", ">="]
Role = Literal["alone", "and", "instead"]
"""How a row of a cuff rule counts: by itself; only together with one that does; or in place of a confirming cuff."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One row. `enter` and `leave` in the channel's unit, `hold_s` and `leave_s` in seconds."""

    rule: str
    priority: Priority
    channel: str
    past: Comparison
    enter: float
    leave: float
    hold_s: float
    leave_s: float
    readings: int
    #: A reading worse than the one told last by this much, in the channel's unit, is told anew; 0: depth says nothing.
    step: float
    #: Whether the limit itself is past, and why: begins with `past`.
    at_limit: str
    source: str
    enabled: bool = True
    role: Role = "alone"
    #: The hold where the rate is an oximeter's and no ECG is there, if that is longer (streams/ward/signal/rate.py).
    pleth_s: float = 0
    #: Made of the others, because every cuff and every score asks for them. Its name in configuration: rule, priority, channel.
    key: tuple[str, str, str] = field(init=False, repr=False, compare=False)
    #: The same as one word.
    name: str = field(init=False, repr=False, compare=False)
    by_cuff: bool = field(init=False, repr=False, compare=False)
    #: Whether readings above it are past it.
    above: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = (self.rule, self.priority.word, self.channel)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "name", ".".join(key))
        object.__setattr__(self, "by_cuff", self.rule in CUFF_RULES)
        object.__setattr__(self, "above", self.past.startswith(">"))

    @property
    def held(self) -> bool:
        """Whether it is held over samples, as an array: neither on cuffs nor on scores."""
        return not self.by_cuff and self.channel not in SCORES

    def is_past(self, reading: float) -> bool:
        """Whether one reading is beyond `enter`."""
        match self.past:
            case "<":
                return reading < self.enter
            case "<=":
                return reading <= self.enter
            case ">":
                return reading > self.enter
            case ">=":
                return reading >= self.enter

    def is_back(self, reading: float) -> bool:
        """Whether one reading is at `leave` or further inside."""
        return reading <= self.leave if self.above else reading >= self.leave


# fmt: off
_US = "chosen by us"
# Steps, all chosen by us. 5 % of saturation: as far as it is from the policies' 90 to PRODIGY's 85. 20 mmHg systolic and 15
# diastolic: more than one pressure differs by from cuff to cuff (device SD 8 mmHg, ISO 81060-2); 15 below, where less is left.
# 15 /min of a fast heart, 5 of a slow one: less than from one of NEWS2's bands to the next (111, 131; 50, 40). 2 and 8 breaths,
# 10 and 5 mmHg of CO2, one degree: as far as from a limit here to the next worse source's, or half of it. One level of MOAA/S;
# a display band of CADSS. None where depth says nothing: there is a breath or none, mild dissociation is what is expected, and
# one row only adds to another.
LIMITS: Final = (
    #     rule                   prio    channel     past  enter leave hold leave_s n step  the limit itself, and why      source
    Limit("hypertension",        LOW,    "sbp",      ">=", 180, 170,   0,  0, 1, 20, ">= as the trials' outlier",                  "SBP >=180: esketamine trials' outlier (US PI Table 6); one cuff asks for a recheck; leave: " + _US + ", device SD 8 mmHg (ISO 81060-2)"),
    Limit("hypertension",        LOW,    "dbp",      ">=", 110, 105,   0,  0, 1, 15, ">= as the trials' outlier",                  "DBP >=110: US PI Table 6; Del Sant 2020"),
    Limit("hypertension",        MEDIUM, "sbp",      ">=", 180, 170,   0,  0, 2, 20, ">= as its one cuff",                         "SBP >=180 on two readings: clinic protocol pattern [S33]; Del Sant 2020"),
    Limit("hypertension",        MEDIUM, "dbp",      ">=", 110, 105,   0,  0, 2, 15, ">= as its one cuff",                         "DBP >=110 on two readings, as systolic"),
    Limit("hypertensive-crisis", HIGH,   "sbp",      ">=", 200, 190,   0,  0, 1, 20, ">= where the source says >: the safe side",  ">200/120 once: clinic protocol [S33]; with symptoms already at hypertension's limit: >180/120 with symptoms is an emergency (Yip 2022)"),
    Limit("hypertensive-crisis", HIGH,   "dbp",      ">=", 120, 115,   0,  0, 1, 15, ">= where the source says >: the safe side",  "as systolic"),
    Limit("pressure-rise",       LOW,    "sbp-rise", ">=",  40,  30,   0,  0, 1, 20, ">= as the label",                            "SBP rise >=40: US PI section 5.6"),
    Limit("pressure-rise",       LOW,    "dbp-rise", ">=",  25,  20,   0,  0, 1, 15, ">= as the label",                            "DBP rise >=25: US PI section 5.6"),
    Limit("pressure-rise",       MEDIUM, "sbp-rise", ">=",  40,  30,   0,  0, 2, 20, ">= as the label",                            "US PI section 5.6, on two readings as [S33]"),
    Limit("pressure-rise",       MEDIUM, "dbp-rise", ">=",  25,  20,   0,  0, 2, 15, ">= as the label",                            "US PI section 5.6, on two readings as [S33]"),
    Limit("pressure-rise",       MEDIUM, "sbp",      ">=", 160, 150,   0,  0, 1,  0, ">= as stage 2 begins",                       "only with SBP >=160, stage 2 hypertension (ESC 2018): a rise from 95 to 135 needs nobody; " + _US, role="and"),
    Limit("hypotension",         LOW,    "sbp",      "<=",  90,  95,   0,  0, 1, 15, "<= as NEWS2",                                "NEWS2 scores 3 at <=90; one cuff asks for a recheck"),
    Limit("hypotension",         MEDIUM, "sbp",      "<=",  90,  95,   0,  0, 2, 15, "<= as NEWS2",                                "NEWS2, confirmed"),
    Limit("hypotension",         MEDIUM, "rate",     "<=",  50,  55,   0,  0, 1,  0, "<= as NEWS2",                                "a slow heart confirms a low cuff (NEWS2 scores 1 at <=50): a faint is both; " + _US, role="instead"),
    Limit("hypotension",         HIGH,   "sbp",      "<=",  80,  85,   0,  0, 2, 15, "<= as MEWS",                                 "MEWS scores 2 at <=80, confirmed"),
    # Leave times, chosen by us: what comes back within them is the same event, and a new alert would be no news. On
    # 88 h of recordings a pulse that flaps about 45 /min makes 32 alerts with 60 s where 15 s made 48.
    Limit("tachycardia",         LOW,    "rate",     ">",  120, 115, 300, 60, 0, 15, "> as the protocol",                          "HR >120 sustained 5 min: clinic protocol [S33]"),
    Limit("tachycardia",         MEDIUM, "rate",     ">",  140, 130,  60, 60, 0, 15, "> as the surveillance's",                    "NEWS2 scores 3 at >=131; 140 as in SpO2/HR surveillance (Taenzer 2010); hold: " + _US),
    Limit("bradycardia",         MEDIUM, "rate",     "<",   45,  48,  30, 60, 0,  5, "< by us: no source has 45",                  "between NEWS2's 1 (<=50) and 3 (<=40); hold: " + _US),
    Limit("bradycardia",         HIGH,   "rate",     "<",   38,  42,  15, 60, 0,  5, "< by us: no source has 38",                  "below NEWS2's 3 (<=40); hold: " + _US + "; without an ECG 30 s: a failing pleth counts missed beats for up to 20 s before it gives up (13 of 19 such alerts)", pleth_s=30),
    Limit("desaturation",        MEDIUM, "spo2",     "<",   90,  92,  15, 30, 0,  5, "< as the policies",                          "SpO2 <90: sedation policies; 15 s: Welch 2011, Goerges 2009 (14 s halves ignored alarms)"),
    Limit("desaturation",        HIGH,   "spo2",     "<=",  85,  88,  10, 30, 0,  5, "<= as PRODIGY",                              "PRODIGY 2020: <=85 % is respiratory depression; hold: " + _US),
    Limit("desaturation",        MEDIUM, "spo2-doubted", "<", 90, 92,  60, 30, 0,  5, "< as without a doubt",                       "a doubt has an end: what is low and doubted is told within 90 s; hold: " + _US),
    Limit("desaturation",        HIGH,   "spo2-doubted", "<=", 85, 88, 75, 30, 0,  5, "<= as without a doubt",                      "a doubt has an end: within 120 s; hold: " + _US),
    Limit("bradypnoea",          MEDIUM, "rr",       "<=",   8,  10,  30, 30, 0,  2, "<= as NEWS2",                                "NEWS2 scores 3 at <=8; sedation policies 8-10; only with company (`company.py`); hold: " + _US),
    Limit("bradypnoea",          MEDIUM, "rr-alone", "<=",   5,   8,  30, 30, 0,  2, "<= as PRODIGY",                              "PRODIGY: RR <=5 is respiratory depression; monitors' own default is below 6; hold: " + _US),
    Limit("tachypnoea",          LOW,    "rr",       ">=",  30,  26, 120, 30, 0,  8, ">= as MEWS",                                 "MEWS scores 3 at >=30 (NEWS2: >=25); hold: " + _US),
    Limit("apnoea",              HIGH,   "rr",       "<=",   3,   6,  20, 30, 0,  0, "<= by us: PRODIGY's 5 is breathing still",   "PRODIGY: RR <=5, apnoea >30 s; 20 s is the usual apnoea definition"),
    Limit("apnoea",              HIGH,   "etco2",    "<",    8,  16,  20, 30, 0,  0, "< by us: no source has 8",                   "no breath: EtCO2 <8, " + _US + "; leave: PRODIGY's <=15 is no breathing well yet"),
    Limit("apnoea",              HIGH,   "breaths",  "<=",   0,   1,   3, 30, 0,  0, "<= as no witness is none",                   "neither RR nor EtCO2 shows a breath, by the two rows above, after breathing was seen: the pause began earlier than that (half a minute, on 247 h of one capnograph), so it needs only what a slip of the line needs; 3 s: " + _US),
    Limit("hypoventilation",     MEDIUM, "etco2",    ">=",  60,  55,  60, 30, 0, 10, ">= as PRODIGY",                              "PRODIGY: EtCO2 >=60 (for 3 min; 60 s " + _US + ")"),
    Limit("shallow-breathing",   LOW,    "etco2",    "<=",  15,  18, 180, 30, 0,  5, "<= as PRODIGY",                              "PRODIGY: EtCO2 <=15 for 3 min is respiratory depression; low, because a line in a mouth breather's nose shows the same; leave: " + _US),
    Limit("shallow-breathing",   MEDIUM, "etco2-beside", "<=", 15, 18, 60, 30, 0,  5, "<= as PRODIGY",                             "the same, half or less of the session's own, beside a low saturation or a slow or fallen rate (`company.py`); hold: " + _US),
    Limit("hyperthermia",        LOW,    "temp",     ">=", 39.1, 38.5, 0,  0, 1,  1, ">= as NEWS2",                                "NEWS2 scores 2 at >=39.1"),
    Limit("hypothermia",         LOW,    "temp",     "<=", 35.0, 35.5, 0,  0, 1,  1, "<= as NEWS2",                                "NEWS2 scores 3 at <=35.0"),
    Limit("sedation",            MEDIUM, "moaas",    "<=",   3,   4,   0,  0, 1,  1, "<= as the convention",                       "MOAA/S <=3 is moderate or greater sedation [S6]"),
    Limit("unresponsive",        HIGH,   "moaas",    "<=",   1,   2,   0,  0, 1,  1, "<= as the levels' words",                    "MOAA/S <=1: responds to pain only, or not at all [S48]"),
    Limit("dissociation",        INFO,   "cadss",    ">",    4,   4,   0,  0, 1,  0, "> as the convention",                        "CADSS >4: FDA and sponsor convention [S7]"),
    Limit("dissociation",        LOW,    "cadss",    ">=",  15,  14,   0,  0, 1,  0, ">= as the band begins",                      "display band 15-29, engineering proposal; no validated cut"),
    Limit("severe-dissociation", MEDIUM, "cadss",    ">=",  30,  29,   0,  0, 1, 15, ">= as the band begins",                      "display band >=30, engineering proposal; no validated cut"),
)
# fmt: on

if unknown := sorted({limit.rule for limit in LIMITS} - RULES.keys()):
    raise TypeError(f"models/tables/limits.py has limits of {unknown}, which models/tables/rules.py does not name")
if unknown := sorted({limit.channel for limit in LIMITS} - LIMIT_COLUMN.keys()):
    raise TypeError(
        f"models/tables/limits.py has limits on {unknown}, of which models/tables/channels.py has no channel"
    )

HELD: Final = tuple(limit for limit in LIMITS if limit.held)
"""The rows that the ward holds as arrays, in this order: not those on cuffs (streams/ward/rules/cuffs.py) and
scores (models/session/reports.py)."""
KEYS: Final = tuple(limit.key for limit in HELD)


class LimitRefused(ValueError):
    """A change to the limits that cannot be put in force. `field` names the row and the reason is the message."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class LimitOverride(Protocol):
    """What a site or a patient has in place of a row's numbers; None: as in the row. `LimitChange` of the wire is one."""

    @property
    def enter(self) -> float | None: ...
    @property
    def leave(self) -> float | None: ...
    @property
    def hold_s(self) -> float | None: ...
    @property
    def leave_s(self) -> float | None: ...
    @property
    def enabled(self) -> bool | None: ...
    @property
    def reason(self) -> str | None: ...


CALLED: Final = {"hr": "rate", "pulse": "rate"}
"""The channel of a row, by those that it is read from: a clinic names what its monitor shows."""

OVERRIDABLE: Final = ("enter", "leave", "hold_s", "leave_s", "enabled")
"""Not `step`: it decides what breaks through a colleague's answer, and that is the same everywhere. Chosen by us."""

LimitOverrides = Mapping[str, Mapping[PriorityName, Mapping[str, LimitOverride]]]
"""rule → priority → channel → what replaces the row's numbers."""


def flatten(changes: LimitOverrides) -> Iterator[tuple[tuple[str, str, str], LimitOverride]]:
    """Yield ((rule, priority, channel), override) for each override, in the order written."""
    for rule, by_priority in changes.items():
        for priority, by_channel in by_priority.items():
            for channel, change in by_channel.items():
                yield (rule, priority, channel), change


def with_overrides(limits: tuple[Limit, ...], changes: LimitOverrides) -> tuple[Limit, ...]:
    """The table with a site's or patient's overrides in place of its numbers.

    Raises:
        LimitRefused: a row that does not exist, or a value that makes no sense in it; nothing is changed then.
    """
    rows = {limit.key: limit for limit in limits}
    switched = set[tuple[str, str, str]]()
    for named, change in flatten(changes):
        field = "limits." + ".".join(named)
        meant = (*named[:2], CALLED.get(named[2], named[2]))
        key = meant if meant in rows else named
        if key not in rows:
            near = sorted(".".join(known) for known in rows if known[0] == key[0]) or sorted({k[0] for k in rows})
            raise LimitRefused(field, f"no such limit; there are {', '.join(near)}")
        given = {name: value for name in OVERRIDABLE if (value := getattr(change, name)) is not None}
        row = replace(rows[key], **given)
        if row.channel in FOLLOWS and not given.keys().isdisjoint(("enter", "leave")):
            raise LimitRefused(field, f"begins and ends where {FOLLOWS[row.channel]} does: change that")
        if row.readings and (change.hold_s or change.leave_s):
            raise LimitRefused(field, f"{row.channel} comes in single readings: hold_s and leave_s do not apply")
        _check(field, row)
        rows[key] = row
        switched |= {key} if change.enabled is not None else set()
    for key, row in rows.items():
        if row.channel in FOLLOWS:
            ahead = rows[row.rule, row.priority.word, FOLLOWS[row.channel]]
            enabled = row.enabled if key in switched else ahead.enabled
            rows[key] = replace(row, enter=ahead.enter, leave=ahead.leave, enabled=enabled)
    _check_order(rows.values())
    return tuple(rows.values())


def _check(field: str, row: Limit) -> None:
    if (row.leave > row.enter) if row.above else (row.leave < row.enter):
        side = "at or below" if row.above else "at or above"
        raise LimitRefused(field, f"leave {row.leave:g} must be {side} enter {row.enter:g}, or the alert never ends")
    name = MEASURED_AS.get(row.channel, row.channel)
    measured = next((channel for channel in CHANNELS if channel.name == name), None)
    if measured is not None and not measured.lowest <= row.enter <= measured.highest:
        reach = f"{measured.lowest:g} to {measured.highest:g} {measured.shown_unit}"
        raise LimitRefused(field, f"enter {row.enter:g} is outside what the channel can show ({reach})")


def _check_order(rows: Iterable[Limit]) -> None:
    """Refuse a table in which a worse priority lies further in than a milder one: it would begin first.

    Raises:
        LimitRefused: there is such a pair.
    """
    by_side: dict[tuple[str, str], list[Limit]] = {}
    for row in rows:
        if row.enabled:
            by_side.setdefault((row.rule, row.channel), []).append(row)
    for (rule, channel), group in by_side.items():
        ranked = sorted(group, key=lambda row: row.priority)
        for milder, worse in pairwise(ranked):
            if (worse.enter < milder.enter) if worse.above else (worse.enter > milder.enter):
                raise LimitRefused(
                    f"limits.{rule}.{worse.priority.word}.{channel}",
                    f"enter {worse.enter:g} is milder than {milder.priority.word}'s {milder.enter:g}",
                )
