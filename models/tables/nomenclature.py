"""What monitors and record systems call a channel and a unit: the codes and names of HL7 v2 and FHIR messages, on one screen.

MDC is ISO/IEEE 11073-10101 as profiled by IHE PCD; its number and its name say the same, and a message whose two say different
things is believed in neither. Field practice differs by make: a cuff is sent as 150021, as 150301 and as 150017, and one make
writes the number as two hexadecimal halves (`0002-4bb8`). Units are UCUM, or MDC's own.
Here is only what is certain. What is not here is set aside with its name, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from models.tables.channels import CHANNELS, ChannelName

# fmt: off
_MDC: Final[tuple[tuple[ChannelName, int | None, str], ...]] = (
    # Numbers as IHE PCD's messages have them; without one, only the name is certain.
    ("hr",    147842, "MDC_ECG_HEART_RATE"),
    ("hr",    None,   "MDC_ECG_CARD_BEAT_RATE"),
    ("pulse", 149530, "MDC_PULS_OXIM_PULS_RATE"),
    ("pulse", None,   "MDC_PULS_RATE"),
    ("pulse", 149546, "MDC_PULS_RATE_NON_INV"),
    ("rr",    151562, "MDC_RESP_RATE"),
    ("rr",    None,   "MDC_AWAY_RESP_RATE"),
    ("rr",    None,   "MDC_TTHOR_RESP_RATE"),
    ("rr",    None,   "MDC_CO2_RESP_RATE"),
    ("spo2",  150456, "MDC_PULS_OXIM_SAT_O2"),
    ("sbp",   150021, "MDC_PRESS_BLD_NONINV_SYS"),
    ("dbp",   150022, "MDC_PRESS_BLD_NONINV_DIA"),
    ("map",   150023, "MDC_PRESS_BLD_NONINV_MEAN"),
    ("sbp",   150301, "MDC_PRESS_CUFF_SYS"),
    ("dbp",   150302, "MDC_PRESS_CUFF_DIA"),
    ("map",   150303, "MDC_PRESS_CUFF_MEAN"),
    # Pressure without a site: sent for cuffs in the field; a line's pressure has names of its own (MDC_PRESS_BLD_ART_SYS).
    ("sbp",   150017, "MDC_PRESS_BLD_SYS"),
    ("dbp",   150018, "MDC_PRESS_BLD_DIA"),
    ("map",   150019, "MDC_PRESS_BLD_MEAN"),
    ("etco2", 151708, "MDC_CONC_AWAY_CO2_ET"),
    ("etco2", None,   "MDC_AWAY_CO2_ET"),
    ("temp",  150344, "MDC_TEMP"),
    ("temp",  150364, "MDC_TEMP_BODY"),
    ("temp",  None,   "MDC_TEMP_ORAL"),
    ("temp",  None,   "MDC_TEMP_TYMP"),
    ("temp",  None,   "MDC_TEMP_SKIN"),
    ("tcco2", None,   "MDC_CONC_PCO2_TRANSCUT"),
)
_LOINC: Final[Mapping[str, ChannelName]] = {
    **{channel.loinc: channel.name for channel in CHANNELS}, "2708-6": "spo2", "8310-5": "temp", "8867-4": "hr",
}
"""2708-6 is what the FHIR vital-signs profile asks for beside 59408-5."""
_NOT_WATCHED: Final = re.compile(
    r"MDC_(ECG_(AMPL_ST|V_P_C|TIME_PD|RHY|ARRHY)|CONC_AWAY_(CO2_INSP|O2|N2O|AGENT|DES|ISOFL|SEVOFL)|BLD_PERF_INDEX|PULS_OXIM_PERF_REL"
    r"|PRESS_BLD_(ART|VEN|PULM|AORT|ATR|ICP)|VENT_|EEG_|DIM_)", re.ASCII)
"""What monitors send and nobody watches here, by the beginning of its name: no dead letter each second for these."""

_UNITS: Final[Mapping[str, str]] = {
    # MDC's number or name → UCUM (11073-10101; IHE PCD, Rosetta Terminology Mapping).
    "264864": "/min", "MDC_DIM_BEAT_PER_MIN": "/min", "264928": "/min", "MDC_DIM_RESP_PER_MIN": "/min", "MDC_DIM_PER_MIN": "/min",
    "262688": "%", "MDC_DIM_PERCENT": "%", "266016": "mm[Hg]", "MDC_DIM_MMHG": "mm[Hg]", "MDC_DIM_KILO_PASCAL": "kPa",
    "268192": "Cel", "MDC_DIM_DEGC": "Cel", "MDC_DIM_FAHR": "F",
    "[degF]": "F", "1": "fraction",
}
# fmt: on


ALARM_PRIORITIES: Final[Mapping[str, str]] = {"high": "PH", "medium": "PM", "low": "PL", "info": "PN"}
"""Our priorities as IHE PCD-04 and FHIR's flag-priority-code have them."""
PRIORITY_OF_ALARM: Final[Mapping[str, str]] = {code: name for name, code in ALARM_PRIORITIES.items()} | {"PI": "info"}
"""A monitor's priorities in our words."""


class MdcEvent(NamedTuple):
    """An event of ISO/IEEE 11073-10101: its number and name, which way the value is abnormal (`H`, `L`), and of which channel."""

    number: int
    name: str
    abnormal: str
    channel: ChannelName | None


def _high(channel: ChannelName) -> MdcEvent:
    return MdcEvent(196648, "MDC_EVT_HI", "H", channel)


def _low(channel: ChannelName) -> MdcEvent:
    return MdcEvent(196670, "MDC_EVT_LO", "L", channel)


EVENTS: Final[Mapping[str, MdcEvent]] = {
    "hypertension": _high("sbp"), "hypertensive-crisis": _high("sbp"), "pressure-rise": _high("sbp"), "hypotension": _low("sbp"),
    "tachycardia": _high("pulse"), "bradycardia": _low("pulse"), "desaturation": _low("spo2"), "hyperthermia": _high("temp"),
    "hypothermia": _low("temp"), "bradypnoea": _low("rr"), "tachypnoea": _high("rr"), "hypoventilation": _high("etco2"),
    "apnoea": MdcEvent(199680, "MDC_EVT_APNEA", "A", None),
}  # fmt: skip
"""Our rules that 11073 has a code for. An alert of any other is an alarm without one (MDC_EVT_ALARM), with our name of it."""
MDC_UNITS: Final[Mapping[str, str]] = {
    "/min": "264864^MDC_DIM_BEAT_PER_MIN^MDC",
    "%": "262688^MDC_DIM_PERCENT^MDC",
    "mm[Hg]": "266016^MDC_DIM_MMHG^MDC",
    "Cel": "268192^MDC_DIM_DEGC^MDC",
}
"""UCUM → MDC, as it goes out."""


def mdc_number(channel: ChannelName) -> int | None:
    """The number by which a channel is sent; None: only its name is certain."""
    return next((number for name, number, _ in _MDC if name == channel and number is not None), None)


_BY_NUMBER: Final = {number: channel for channel, number, _ in _MDC if number is not None}
_BY_NAME: Final = {name: channel for channel, _, name in _MDC}
_HALVES: Final = re.compile(r"([0-9a-f]{4})-([0-9a-f]{4})", re.IGNORECASE | re.ASCII)
_REMARK: Final = re.compile(r"\{[^}]*\}")


class Coded(NamedTuple):
    """A coded element: its code, its text, and its code system, as they stand in a message; empty: not said."""

    code: str
    text: str = ""
    system: str = ""


class NotKnown(ValueError):
    """A code or a unit that is not in the tables, or two that contradict each other. The message says which."""


def channel_of(said: Iterable[Coded]) -> ChannelName | None:
    """The channel that a coded element and its alternates name; None: one that nobody watches here.

    Raises:
        NotKnown: none of them is known, or they name different ones.
    """
    coded = [each for each in said if each.code or each.text]
    named = {channel for each in coded for channel in _channels(each)}
    shown = " / ".join("^".join(filter(None, each)) for each in coded) or "no code"
    if len(named) > 1:
        raise NotKnown(f"{shown} names {' and '.join(sorted(named))} at once")
    if named:
        return named.pop()
    if any(_NOT_WATCHED.match(name) for each in coded for name in (each.code, each.text)):
        return None
    raise NotKnown(f"{shown} is no channel that is known here")


def _channels(said: Coded) -> Iterable[ChannelName]:
    halves = _HALVES.fullmatch(said.code)
    number = int(halves[1], 16) * 2**16 + int(halves[2], 16) if halves else None
    if said.code.isascii() and said.code.isdecimal() and len(said.code) < 10:
        number = int(said.code)
    if number in _BY_NUMBER:
        yield _BY_NUMBER[number]
    for name in (said.code, said.text):
        if name in _BY_NAME:
            yield _BY_NAME[name]
    if said.code in _LOINC and said.system.upper() in {"LN", "LOINC", "HTTP://LOINC.ORG", ""}:
        yield _LOINC[said.code]


def unit_of(said: Iterable[Coded]) -> str:
    """The unit as UCUM writes it, without remarks in braces (`{beat}/min` is `/min`).

    Raises:
        NotKnown: no unit is said.
    """
    for each in said:
        for name in (each.code, each.text):
            if name in _UNITS:
                return _UNITS[name]
            if bare := _REMARK.sub("", name):
                return bare
    raise NotKnown("no unit is said")
