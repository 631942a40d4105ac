"""Blind spots: what Chairside cannot see without a sensor, or between two readings of one; a row each.

Chairside reads numbers that a monitor sends. What no sensor here shows is not known, and a board that says nothing about it lets
people believe that all is well. From these rows come the words on a card, what readiness says beside its reasons, and the page
docs/what-chairside-cannot-see.md (`make schema`). Nothing is alerted here: a sensor that was there and is lost has its alert.
Never here: whether a sensor is there (streams/ward/rules/unseen.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.instants import MINUTE

SLOW_CUFF: Final = 20 * MINUTE
"""From such a time between the last two cuffs on, it is said. Chosen by us: longer than the 10 to 15 min of
infusions' protocols (Riva-Posse 2018)."""

Sensor = Literal["capnograph", "rate of breathing", "ECG", "oximeter", "cuff", "thermometer", "scores", "waves", "home"]


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """One sensor. `card`: few words for a card, `words`: the same for readiness; empty where none are needed; `{min}` is the time
    between two cuffs.

    when: for whom they are shown. unseen, still: what is not seen, and what is, and how late; parts of a page.
    """

    sensor: Sensor
    missing: str
    card: str
    words: str
    when: str
    unseen: str
    still: str
    source: str


# fmt: off
BLIND_SPOTS: Final = (
    BlindSpot("capnograph", "no EtCO2", "No capnography: a pause cannot be seen", "No capnography here: a pause in breathing cannot be seen",
              "given oxygen, or sedated by the last score",
              "a pause in breathing, shallow breathing, CO2 that builds up",
              "low oxygen, a minute or more after breathing stopped; with oxygen given, later",
              "PRODIGY found respiratory depression by capnography (2020); that oxygen given delays the fall is physiology, from memory"),
    BlindSpot("rate of breathing", "a rate of the chest's movement, without EtCO2", "", "", "",
              "a blocked airway: the chest moves and no air does",
              "a chest that stands still for 20 s, low oxygen", "as measured by impedance, from memory"),
    BlindSpot("ECG", "a pulse from the finger, no ECG", "No ECG", "No ECG: a slow heart is told 15 s later", "whose pulse comes from the finger alone",
              "beats too weak for the finger, and whether a pulse that falls is a heart or a failing signal",
              "a pulse under 38 for 30 s in place of 15, a pulse under 45 and a fast one as with an ECG",
              "the rows of bradycardia in models/tables/limits.py"),
    BlindSpot("oximeter", "no SpO2", "", "", "", "low oxygen",
              "that it is not there: said after 3 min, paged after 10 where the protocol expects it, or 30 s after a loss",
              "streams/ward/absence.py"),
    BlindSpot("cuff", "a cuff every 20 min or more", "Cuffs {min} min apart", "Cuff every {min} min: what pressure does between is not seen",
              "whose last two cuffs were 20 min apart or more",
              "a pressure that rises and falls between two cuffs; whether one high or low cuff was right, until the next",
              "a crisis that nothing speaks against at once; others once the next cuff confirms them, if it comes within 30 min",
              "CONFIRM_WITHIN in models/tables/limits.py; the peak is about 40 min after the dose (US PI)"),
    BlindSpot("thermometer", "no temperature", "", "", "", "fever and cold", "nothing else depends on it", "no protocol here asks for it"),
    BlindSpot("scores", "no scores of sedation and dissociation", "", "", "", "how awake or how far away somebody is: no sensor shows it",
              "that a score is overdue; between two, an estimate of dissociation that starts and ends nothing", "models/tables/drugs.py"),
    BlindSpot("waves", "numbers, no waves: always", "", "", "", "rhythm, ischaemia, the shape of a breath or a pulse",
              "the monitor's own alarm of no breath, where it is sent", "what monitors send: models/wire/observations.py"),
    BlindSpot("home", "between visits: always", "", "", "", "anything that is not answered", "silence, and what the answers say",
              "streams/ward/home"),
)
# fmt: on
BY_SENSOR: Final = {row.sensor: row for row in BLIND_SPOTS}


def rendered_page() -> str:
    """The page docs/what-chairside-cannot-see.md, as Markdown."""
    lines = [
        "# What Chairside cannot see",
        "",
        "Chairside is not a medical device; bedside monitors and the person in the room stay primary. It reads numbers that a monitor",
        "sends. This page says, by sensor, what is blind without it and what is still seen; it is written by `make schema` from",
        "[`models/tables/blind_spots.py`](../models/tables/blind_spots.py), which also gives a board its words.",
        "",
        "| sensor | where there is | not seen | still seen, and when | source |",
        "|---|---|---|---|---|",
        *(f"| {row.sensor} | {row.missing} | {row.unseen} | {row.still} | {row.source} |" for row in BLIND_SPOTS),
        "",
        "## On a card, and beside what readiness says",
        "",
        "| on a card | beside readiness | for whom |",
        "|---|---|---|",
        *(f"| {row.card} | {row.words} | {row.when} |".replace("{min}", "30") for row in BLIND_SPOTS if row.card),
        "",
        "Over the wire they are `unseen` of a chair (`/v1/live`, `/v1/sessions`) and of its `readiness`. They are no alert and hold nobody back.",
        "",
    ]
    return "\n".join(lines)
