"""What is asked: a set of instruments and a language's words in, one question a screen out.

An instrument whose texts no file has (its licence is not ours to give) is asked by number, from the clinic's own paper: the
answers are item by item all the same, so that its item about suicide is one.
Bad at: forms that skip questions. Never here: what an answer means, what a page looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

from models.tables.form_items import SUICIDAL_ITEMS
from models.tables.instruments import INSTRUMENTS
from streams.intake.selfreport.words import FormWords, Words

SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "phq-9": ("phq-9",),
    "phq-2": ("phq-2", "mood-vas"),
    "qids-sr16": ("qids-sr16",),
}
"""What a check-in from home may be, by its name → the instruments that it asks."""
AT_THE_CHAIR: Final = ("distress", "mood-vas", "cadss-6")


class ScreenOut(TypedDict):
    """One question. `options`: (value, its words); `scale`: they are numbers between two ends. `suicidal`: it asks about
    suicide.
    """

    instrument: str
    item: int
    stem: str
    text: str
    options: list[tuple[int, str]]
    scale: bool
    suicidal: bool


def checkin_screens(set_name: str, words: Words) -> list[ScreenOut]:
    """The screens of a check-in from home."""
    return [screen for name in SETS[set_name] for screen in _form_screens(name, words)]


def _form_screens(name: str, words: Words) -> list[ScreenOut]:
    form = words.forms.get(name)
    if name == "phq-2" and form is None and (whole := words.forms.get("phq-9")) is not None:
        # Its first two items, word for word (Kroenke 2003).
        form = FormWords(stem=whole.stem, items=whole.items[:2], answers=whole.answers)
    scale = INSTRUMENTS[name]
    low, high = scale.item_range
    values = range(low, high + 1)
    if form is None:
        return [
            _screen(name, item, f"{scale.title}. {words.page.numbered_about}", words.page.numbered.format(n=item), [(value, str(value)) for value in values], scale=False)
            for item in range(1, scale.items + 1)
        ]  # fmt: skip
    found = []
    for item, text in enumerate(form.items, 1):
        answers = form.answers_of[item - 1] if form.answers_of else form.answers
        options = (
            list(zip(values, answers, strict=True)) if answers else _ends(values, words.page.best, words.page.worst)
        )
        found.append(_screen(name, item, form.stem, text, options, scale=not answers))
    return found


def tablet_screens(words: Words) -> list[ScreenOut]:
    """The screens of one round at the chair: distress, mood, then CADSS-6 by what its items ask about.

    A clinic that has the author's leave puts the items' own texts into its language's file.
    """
    tablet = words.tablet
    distress = range(INSTRUMENTS["distress"].item_range[0], INSTRUMENTS["distress"].item_range[1] + 1)
    mood = range(INSTRUMENTS["mood-vas"].item_range[0], INSTRUMENTS["mood-vas"].item_range[1] + 1)
    much = list(enumerate(tablet.much))
    own = words.forms.get("cadss-6")
    asked = (
        [(tablet.changed, about) for about in tablet.about] if own is None else [(own.stem, text) for text in own.items]
    )
    return [
        _screen("distress", 1, "", tablet.distress, _ends(distress, *tablet.distress_ends), scale=True),
        _screen("mood-vas", 1, "", tablet.mood, _ends(mood, words.page.best, words.page.worst), scale=True),
        *(_screen("cadss-6", item, stem, text, much, scale=False) for item, (stem, text) in enumerate(asked, 1)),
    ]


def _ends(values: range, first: str, last: str) -> list[tuple[int, str]]:
    """A scale of numbers whose two ends alone have words."""
    return [(value, first if value == values[0] else last if value == values[-1] else "") for value in values]


def _screen(
    name: str, item: int, stem: str, text: str, options: list[tuple[int, str]], *, scale: bool
) -> ScreenOut:  # fmt: skip
    return {
        "instrument": name, "item": item, "stem": stem, "text": text, "options": options, "scale": scale,
        "suicidal": SUICIDAL_ITEMS.get(name) == item,
    }  # fmt: skip
