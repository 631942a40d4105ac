"""What forms call instruments, their items and their answers: the tables that `forms.py` reads by.

Senders number items, name them after what they ask, or use LOINC's codes; they answer in numbers, in the words of the
form or in codes of answers. Each is a row here. An item's words are those with which its name says what is asked; item texts
are not here, most are somebody's property.
Codes: LOINC panels 44249-1 (PHQ-9), 55757-9 (PHQ-2) and 93373-9 (C-SSRS screener, recent), answer lists LL358-3 and LL365-8.
Bad at: other languages than English, but for yes and no.
Never here: how a form is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SLUG: Final = re.compile(r"[^\W_]+")


def slug(name: str) -> str:
    """A name as it is compared: lower case, hyphens between words."""
    return "-".join(_SLUG.findall(name.lower()))


@dataclass(frozen=True, slots=True)
class ItemWords:
    """An item is meant where a name has a word that begins with each of `words`; the first row of an instrument that fits wins.

    `weak`: the words may as well name the illness, so they do not contradict a number beside them.
    """

    number: int
    words: tuple[str, ...]
    weak: bool = False


# fmt: off
BRANDS: Final[Mapping[str, tuple[str, ...]]] = {
    # The first is the instrument's own; those after it count only where they make more of a form.
    "cadss":        ("cadss",),
    "cadss-6":      ("cadss6", "cadss"),
    "moaas":        ("moaas", "moaa-s", "oaas", "oaa-s"),
    "phq-9":        ("phq9", "phqnine", "phq"),
    "phq-2":        ("phq2", "phqtwo", "phq9", "phq"),
    "qids-sr16":    ("qidssr16", "qidssr", "qids16", "qids"),
    "madrs":        ("madrs",),
    "mood-vas":     ("moodvas", "vasmood", "mood", "vas"),
    "cssrs-screen": ("cssrsscreener", "cssrsscreen", "cssrs", "columbia"),
    "bprs-4":       ("bprs4", "bprs"),
    "distress":     ("distress",),
}
"""What stands before an item's own name, without its separators."""

ALSO_CALLED: Final[Mapping[str, str]] = {
    "phq9": "phq-9", "phq-nine": "phq-9", "44249-1": "phq-9", "patient-health-questionnaire-9": "phq-9", "phq-9-item": "phq-9",
    "phq2": "phq-2", "phq-two": "phq-2", "55757-9": "phq-2", "patient-health-questionnaire-2": "phq-2",
    "cssrs": "cssrs-screen", "c-ssrs": "cssrs-screen", "cssrs-screener": "cssrs-screen", "c-ssrs-screener": "cssrs-screen",
    "c-ssrs-screen": "cssrs-screen", "columbia": "cssrs-screen", "columbia-suicide-severity-rating-scale": "cssrs-screen",
    "columbia-protocol": "cssrs-screen", "93373-9": "cssrs-screen",
    "qids": "qids-sr16", "qids-sr": "qids-sr16", "qids-sr-16": "qids-sr16", "qids16": "qids-sr16", "qids-16": "qids-sr16",
    "cadss6": "cadss-6", "cadss-23": "cadss", "moaa-s": "moaas", "moaa": "moaas", "oaa-s": "moaas",
    "mood": "mood-vas", "vas-mood": "mood-vas", "bprs4": "bprs-4", "bprs": "bprs-4",
}
"""Other names of the instruments, as slugs. A form under another name is another instrument."""

CODES: Final[Mapping[str, Mapping[str, tuple[int, str]]]] = {
    "phq-9": {
        "44250-9": (1, ""), "44255-8": (2, ""), "44259-0": (3, ""), "44254-1": (4, ""), "44251-7": (5, ""), "44258-2": (6, ""),
        "44252-5": (7, ""), "44253-3": (8, ""), "44260-8": (9, ""),
    },
    "phq-2": {"44250-9": (1, ""), "44255-8": (2, "")},
    # 93267-3 asks of any time; when it was is 93269-9's to say.
    "cssrs-screen": {
        "93246-7": (1, ""), "93247-5": (2, ""), "93248-3": (3, ""), "93249-1": (4, ""), "93250-9": (5, ""), "93267-3": (6, ""),
        "93269-9": (7, "recent"),
    },
}
"""LOINC code of an item → (its number, what else the code says)."""

OTHER_CODES: Final = frozenset({"44261-6", "69722-7", "55758-7", "93374-7"})
"""LOINC codes that stand in those panels and are no items: totals, difficulty, the level of risk."""

NUMBERED_AS: Final[Mapping[str, tuple[int, ...]]] = {"cadss-6": (1, 2, 6, 7, 15, 22)}
"""The items' numbers in the scale that they were taken from (Rodrigues 2021)."""

ITEM_WORDS: Final[Mapping[str, tuple[ItemWords, ...]]] = {
    "phq-9": (
        ItemWords(9, ("suicid",)), ItemWords(9, ("dead",)), ItemWords(9, ("death",)), ItemWords(9, ("selfharm",)),
        ItemWords(9, ("self", "harm")), ItemWords(9, ("harm",)), ItemWords(9, ("hurt",)),
        ItemWords(8, ("moving",)), ItemWords(8, ("movement",)), ItemWords(8, ("psychomotor",)), ItemWords(8, ("restless",)),
        ItemWords(8, ("fidget",)), ItemWords(8, ("slow",)), ItemWords(8, ("motor",)),
        ItemWords(7, ("concentrat",)), ItemWords(7, ("focus",)),
        ItemWords(6, ("failure",)), ItemWords(6, ("bad", "about")), ItemWords(6, ("feeling", "bad")), ItemWords(6, ("worthless",)),
        ItemWords(6, ("guilt",)), ItemWords(6, ("esteem",)), ItemWords(6, ("worth",)),
        ItemWords(5, ("appetite",)), ItemWords(5, ("eating",)), ItemWords(5, ("overeating",)),
        ItemWords(4, ("tired",)), ItemWords(4, ("energy",)), ItemWords(4, ("fatigue",)),
        ItemWords(3, ("sleep",)), ItemWords(3, ("insomnia",)),
        ItemWords(1, ("interest",)), ItemWords(1, ("pleasure",)), ItemWords(1, ("anhedonia",)),
        ItemWords(2, ("hopeless",)), ItemWords(2, ("down",)), ItemWords(2, ("depress",), weak=True), ItemWords(2, ("mood",), weak=True),
        ItemWords(2, ("sad",)),
    ),
    "phq-2": (
        ItemWords(1, ("interest",)), ItemWords(1, ("pleasure",)), ItemWords(1, ("anhedonia",)),
        ItemWords(2, ("hopeless",)), ItemWords(2, ("down",)), ItemWords(2, ("depress",), weak=True), ItemWords(2, ("mood",), weak=True),
        ItemWords(2, ("sad",)),
    ),
    # The form's own headings name what is absent too ("with any methods, not plan, without intent"), so the order decides.
    "cssrs-screen": (
        ItemWords(3, ("method",)), ItemWords(3, ("how",)), ItemWords(1, ("wish",)),
        ItemWords(6, ("behav",)), ItemWords(6, ("attempt",)), ItemWords(6, ("prepar",)), ItemWords(6, ("anything",)),
        ItemWords(4, ("without", "plan")), ItemWords(4, ("no", "plan")), ItemWords(5, ("plan",)), ItemWords(4, ("intent",)),
        ItemWords(4, ("intend",)), ItemWords(7, ("recent",)), ItemWords(7, ("month",)),
        ItemWords(1, ("dead",)), ItemWords(2, ("thought",)), ItemWords(2, ("ideation",)), ItemWords(2, ("kill",)),
        ItemWords(2, ("nonspecific",)),
    ),
    "qids-sr16": (ItemWords(12, ("suicid",)), ItemWords(12, ("death",)), ItemWords(12, ("dead",))),
    "madrs": (ItemWords(10, ("suicid",)),),
}

EXTRA: Final = frozenset({
    "total", "sum", "summary", "score", "difficulty", "difficult", "impairment", "function", "functioning", "functional", "severity",
    "interpretation", "level", "risk", "result", "date", "time", "timestamp", "datetime", "completed", "complete", "status", "version",
    "language", "lang", "locale", "comment", "comments", "note", "notes", "remark", "remarks", "id", "patient", "respondent", "by",
    "rater", "clinician", "mode", "duration", "copyright", "name", "form", "instrument", "title", "period", "visit", "site", "source",
})
"""Words of fields that stand beside the items and are none."""
TOTALS: Final = frozenset({"total", "sum", "summary", "timestamp", "date", "version"})
"""Those that make a field no item even where it has a number in its name."""
ONLY_ITEM: Final = frozenset({"score", "value", "rating", "level", "answer", "response", "result", "item", "scale"})
"""What the one item of a scale of one item may be called, beside the scale's own name."""

ASKED: Final = frozenset({
    "q", "qu", "question", "item", "itm", "i", "no", "nr", "number", "n", "answer", "resp", "response", "value", "score",
})
"""Words that only say that a field is an item's answer."""

YES: Final = frozenset({"yes", "y", "true", "t", "ja", "oui", "si", "sí", "positive", "present", "checked", "x", "la33-6", "373066001"})
NO: Final = frozenset({"no", "n", "false", "f", "nein", "non", "negative", "absent", "unchecked", "never", "none", "no-never", "la32-8", "373067005"})
NOT_ANSWERED: Final = frozenset({
    "null", "na", "n-a", "nan", "skip", "skipped", "missing", "blank", "empty", "unanswered", "not-answered", "no-answer", "not-asked",
    "not-applicable", "not-done", "refused", "declined", "prefer-not-to-answer", "prefer-not-to-say",
})
"""Words with which a form says that an item has no answer; an empty text and a dash say so too."""

_OFTEN: Final = {
    "not-at-all": 0, "several-days": 1, "more-than-half-the-days": 2, "over-half-the-days": 2, "more-than-half-of-the-days": 2,
    "over-than-half-the-days": 2, "more-than-half": 2, "nearly-every-day": 3, "almost-every-day": 3, "nearly-everyday": 3,
    "la6568-5": 0, "la6569-3": 1, "la6570-1": 2, "la6571-9": 3,
}
_MUCH: Final = {
    "not-at-all": 0, "none": 0, "mild": 1, "mildly": 1, "slightly": 1, "moderate": 2, "moderately": 2, "severe": 3, "severely": 3,
    "considerably": 3, "extreme": 4, "extremely": 4,
}
_RESPONSE: Final = {
    "responds-readily-to-name-spoken-in-normal-tone": 5, "responds-readily-to-name-in-normal-tone": 5, "responds-readily": 5,
    "lethargic-response-to-name-spoken-in-normal-tone": 4, "lethargic-response-to-name-in-normal-tone": 4, "lethargic-response": 4,
    "responds-only-after-name-is-called-loudly-and-or-repeatedly": 3, "responds-only-after-name-is-called-loudly-or-repeatedly": 3,
    "responds-only-after-name-called-loudly-and-or-repeatedly": 3,
    "responds-only-after-mild-prodding-or-shaking": 2,
    "responds-only-after-painful-trapezius-squeeze": 1, "responds-only-to-painful-trapezius-squeeze": 1,
    "no-response-after-painful-trapezius-squeeze": 0, "no-response-to-painful-trapezius-squeeze": 0,
    "does-not-respond-to-painful-trapezius-squeeze": 0,
    "awake": 5, "drowsy": 4, "rousable-by-loud-voice": 3, "rousable-by-shaking": 2, "responds-to-pain-only": 1, "no-response": 0,
    "unresponsive": 0,
}
"""MOAA/S as Chernik 1990 words it, and as `instruments.py` does."""
ANSWER_WORDS: Final[Mapping[str, Mapping[str, int]]] = {
    "phq-9": _OFTEN, "phq-2": _OFTEN,
    "cadss": _MUCH, "cadss-6": _MUCH,
    "moaas": _RESPONSE,
    "cssrs-screen": {**dict.fromkeys(YES, 1), **dict.fromkeys(NO, 0)},
}
"""Words, as slugs, that are an answer: Kroenke 2001, Bremner 1998 (M), Chernik 1990. Where yes and no are none, neither are true
and false."""

WHEN_WORDS: Final = (
    ("recent", ("recent", "within", "past", "last")),
    ("before", ("life", "ever", "before", "ago", "prior", "over", "more", "older")),
    ("recent", ("month", "3mo", "3m")),
)
"""How a name, or an answer, says when suicidal behaviour was (question 6 of the C-SSRS): in the past 3 months, or earlier. A
row fits where a word begins with one of its own; the first that fits wins: "past 3 months", but "over 3 months ago"."""

SUICIDAL_ITEMS: Final[Mapping[str, int | None]] = {"phq-9": 9, "cssrs-screen": None, "qids-sr16": 12, "madrs": 10}
"""Instruments that ask about suicide, and the item that does; None: every one."""
# fmt: on
