"""What patients read: every language whole, the texts of forms as their owners wrote them, and a site's own beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.tables.crisis_lines import CRISIS_LINES
from models.tables.instruments import INSTRUMENTS
from streams.intake.selfreport.screens import AT_THE_CHAIR, SETS, checkin_screens, tablet_screens
from streams.intake.selfreport.words import SHIPPED, BadLanguage, languages, words_in


def braces(words: object) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", str(words)))


@pytest.mark.parametrize("code", sorted(languages()))
def test_a_language_has_every_phrase_and_what_is_put_into_it(code: str) -> None:
    english, here = languages()["en"], languages()[code]
    for part in ("page", "message", "tablet"):
        for name, phrase in getattr(english, part).model_dump().items():
            assert braces(getattr(here, part).model_dump()[name]) == braces(phrase), f"{code}.{part}.{name}"
    assert english.page != here.page or code == "en"


@pytest.mark.parametrize("code", sorted(languages()))
@pytest.mark.parametrize("name", sorted(SETS))
def test_a_check_in_asks_every_item_of_its_instruments_once(code: str, name: str) -> None:
    screens = checkin_screens(name, languages()[code])
    assert [(each["instrument"], each["item"]) for each in screens] == [
        (instrument, item) for instrument in SETS[name] for item in range(1, INSTRUMENTS[instrument].items + 1)
    ]
    for each in screens:
        low, high = INSTRUMENTS[each["instrument"]].item_range
        assert [value for value, _ in each["options"]] == list(range(low, high + 1))


def test_the_items_about_suicide_are_known_as_such() -> None:
    asked = {
        (each["instrument"], each["item"]) for name in SETS for each in checkin_screens(name, languages()["en"]) if each["suicidal"]
    }  # fmt: skip
    assert asked == {("phq-9", 9), ("qids-sr16", 12)}


def test_only_texts_that_are_free_are_shipped() -> None:
    for words in languages().values():
        assert set(words.forms) == {"phq-9", "mood-vas"}


def test_a_form_without_texts_is_asked_by_number() -> None:
    screens = checkin_screens("qids-sr16", languages()["de"])
    assert [each["text"] for each in screens] == [f"Frage {item} Ihres Papierbogens" for item in range(1, 17)]
    assert all([words for _, words in each["options"]] == ["0", "1", "2", "3"] for each in screens)


def test_a_round_at_the_chair_is_distress_mood_and_six_answers_about_dissociation() -> None:
    screens = tablet_screens(languages()["es"])
    assert [each["instrument"] for each in screens] == ["distress", "mood-vas", *["cadss-6"] * 6]
    assert set(AT_THE_CHAIR) == {each["instrument"] for each in screens}


def test_a_site_adds_a_language_and_texts_that_it_has_the_licence_for(tmp_path: Path) -> None:
    (tmp_path / "fr.toml").write_text(
        (SHIPPED / "en.toml").read_text().replace('name = "English"', 'name = "Français"')
    )
    own = '[forms.cadss-6]\nstem = "Now:"\nitems = ["a", "b", "c", "d", "e", "f"]\n[page]\nthanks = "Danke sehr."\n'
    (tmp_path / "de.toml").write_text(own)
    known = languages(tmp_path)
    assert known["fr"].name == "Français"
    assert (known["de"].page.thanks, known["de"].page.begin) == ("Danke sehr.", "Beginnen")
    assert [each["text"] for each in tablet_screens(known["de"])][2:] == ["a", "b", "c", "d", "e", "f"]
    assert words_in("fr-CA", tmp_path)[0] == "fr"
    assert words_in("xx", tmp_path)[0] == "en"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('name = "X"', "page: Field required"),
        ("name = ", "Invalid value"),
        ('[forms.phq-9]\nitems = ["one"]', "PHQ-9 has 9 items with 4 answers each"),
        ('[forms.phq-99]\nitems = ["one"]', "no instrument of this name"),
    ],
)
def test_a_language_that_is_not_whole_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / ("xx.toml" if "name" in text else "en.toml")
    path.write_text(text)
    with pytest.raises(BadLanguage, match=re.escape(named)) as refused:
        languages(tmp_path)
    assert str(path) in str(refused.value)


def test_every_country_has_an_emergency_number_a_line_and_its_source() -> None:
    for code, country in CRISIS_LINES.items():
        assert re.fullmatch("[A-Z]{2}", code)
        assert country.lines
        assert country.source
        assert all(
            re.fullmatch(r"[\d ]{3,20}", number)
            for number in (country.emergency, *(line.number for line in country.lines))
        )
