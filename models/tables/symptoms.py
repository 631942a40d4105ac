"""Symptoms: which complaints alarm during a ketamine treatment, under the names that senders use.

The alarming ones are those with which a high pressure is an emergency and no longer a number (hypertensive crisis: chest
pain, breathlessness; encephalopathy: sudden severe headache, visual disturbance, seizure, altered consciousness; esketamine
label section 5, Yip 2022), the harmless ones what the drug usually does. A word that is in neither table alarms: not knowing
it is no proof that it is harmless.
Bad at: distinguishing a sudden severe headache from another, or fear from a tight chest. A person must look, and is asked to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from models.instants import MINUTE
from models.tables.form_items import NO, NOT_ANSWERED, slug
from models.tables.forms import FormItems, FormValue

SYMPTOM_VALID_FOR: Final = 30 * MINUTE
"""A symptom is present until a later check-in of symptoms does not name it, and for pairing with a cuff 30 min at most: two of
the
longest cuff intervals in use (15 min, Riva-Posse 2018), so that the cuff taken because of it is among them. Chosen by us."""

# fmt: off
ALARMING: Final = {
    #  name                 in a sentence             on a button                other names
    "chest-pain":         ("chest pain",             "Chest pain",              ("chest-tightness", "chest-pressure", "angina")),
    "breathlessness":     ("breathlessness",         "Breathless",              ("dyspnoea", "dyspnea", "shortness-of-breath", "short-of-breath")),
    "severe-headache":    ("sudden severe headache", "Sudden severe headache",  ("headache", "sudden-severe-headache", "sudden-headache", "thunderclap-headache")),
    "visual-disturbance": ("visual disturbance",     "Sight disturbed",         ("visual-disturbances", "vision-loss", "loss-of-vision", "blurred-vision", "vision")),
    "confusion":          ("confusion",              "Confused",                ("confused", "altered-consciousness", "encephalopathy")),
    "weakness":           ("weakness on one side",   "Weak on one side",        ("one-sided-weakness", "facial-droop", "slurred-speech", "stroke-symptoms")),
    "seizure":            ("seizure",                "Seizure",                 ("seizures", "convulsion", "fit")),
    "syncope":            ("fainting",               "Fainted",                 ("faint", "fainting", "collapse", "loss-of-consciousness")),
}
# fmt: on
"""Weakness on one side and fainting are ours: signs of stroke and of a failing circulation, whatever the pressure."""

HARMLESS: Final = frozenset(
    ("nausea", "vomiting", "dizziness", "vertigo", "drowsiness", "sleepiness", "sedation", "dissociation", "floating",
     "numbness", "tingling", "paraesthesia", "dry-mouth", "bad-taste", "dysgeusia", "throat-irritation", "nasal-discomfort",
     "fatigue", "tiredness", "anxiety", "restlessness", "euphoria", "sweating", "none")
)  # fmt: skip
"""The label's common effects; anxiety is asked as distress."""

SYMPTOM_BUTTONS: Final = {
    **{name: button for name, (_, button, _) in ALARMING.items()},
    "nausea": "Nausea",
    "dizziness": "Dizzy",
}
"""What a tablet asks for: all that alarms, and the two harmless ones that people name most."""

_NAMES: Final = {name: key for key, (_, _, others) in ALARMING.items() for name in (key, *others)}


def alarming(items: FormItems | None, score: float | None) -> tuple[str, ...]:
    """What a check-in of symptoms names that alarms, in words; empty: nothing.

    Answers without names, and a total without answers, alarm if anything is positive. A severity in a word is a yes.
    """
    if items is None:
        return ("a symptom that was not named",) if score else ()
    if isinstance(items, str):
        items = dict.fromkeys((part.strip() for part in re.split("[,;]", items)), 1)
    if not isinstance(items, Mapping):
        return ("a symptom that was not named",) if any(map(_is_there, items)) else ()
    named = [slug(name) for name, answer in items.items() if _is_there(answer)]
    words = [
        ALARMING[_NAMES[name]][0] if name in _NAMES else name.replace("-", " ")
        for name in named
        if name and name not in HARMLESS | NO | NOT_ANSWERED
    ]
    return tuple(dict.fromkeys(words))


def _is_there(answer: FormValue) -> bool:
    if isinstance(answer, str):
        return bool(plain := slug(answer)) and plain not in NO | NOT_ANSWERED and plain.strip("0") != ""
    return bool(answer and answer > 0)
