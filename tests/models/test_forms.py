"""Forms: whatever names, words and order a form's items come in, item 9 is item 9, and what is not understood is said to be."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.instants import EPOCH
from models.tables.forms import FormItems, ScoreRefused, instrument_called, read_form, score_of
from models.tables.instruments import INSTRUMENTS
from models.tables.rules import Priority
from models.tables.suicidality import asks_about_suicide, hidden_in, risk_of
from models.wire.observations import CheckIn


def plain_items(items: Any) -> FormItems | None:
    """Items as the wire lets them through."""
    return CheckIn.model_validate({"at": EPOCH, "patient": "P-1", "instrument": "phq-9", "items": items}).items


LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
CODES = ("44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8")
SCREENER = ("93246-7", "93247-5", "93248-3", "93249-1", "93250-9", "93267-3", "93269-9")
ABOUT = ("interest", "depressed", "sleep", "energy", "appetite", "failure", "concentration", "psychomotor", "selfharm")
NAMINGS = {
    "q9": [f"q{n}" for n in range(1, 10)],
    "Q09": [f"Q{n:02}" for n in range(1, 10)],
    "phq9_9": [f"phq9_{n}" for n in range(1, 10)],
    "PHQ-9 Item 9": [f"PHQ-9 Item {n}" for n in range(1, 10)],
    "phq9": [f"phq{n}" for n in range(1, 10)],
    "phq99": [f"phq9{n}" for n in range(1, 10)],
    "phq_9": [f"phq_{n}" for n in range(1, 10)],
    "phq9i": [f"phq9{letter}" for letter in "abcdefghi"],
    "2i": [f"2{letter}" for letter in "abcdefghi"],
    "8 from 0": [str(n) for n in range(9)],
    "DPQ090": [f"DPQ0{n}0" for n in range(1, 10)],
    "Q12_9": [f"Q12_{n}" for n in range(1, 10)],
    "baseline_phq9_q9": [f"baseline_phq9_q{n}" for n in range(1, 10)],
    "phq9_q9_2weeks": [f"phq9_q{n}_2weeks" for n in range(1, 10)],
    "9. past 14 days": [f"{n}. past 14 days" for n in range(1, 10)],
    "phqnine_09": [f"phqnine_{n:02}" for n in range(1, 10)],
    "PHQ9Q9Score": [f"PHQ9Q{n}Score" for n in range(1, 10)],
    "code": list(CODES),
    "loinc code": [f"http://loinc.org|{code}" for code in CODES],
    "/code": [f"/{code}" for code in CODES],
    "words": list(ABOUT),
    "phq9_words": [f"phq9_{word}" for word in ABOUT],
    "number and words": [f"phq9_{n}_{word}" for n, word in enumerate(ABOUT, 1)],
}
BESIDE = {
    "difficulty": 2,
    "phq9_total": 14,
    "total_score": 14,
    "phq9_date": "2026-11-09",
    "comment": "9",
    "69722-7": 3,
    "44261-6": 20,
    "q10": 3,
}


def phq9(names: list[str], answers: list[Any]) -> dict[str, Any]:
    return dict(zip(names, answers, strict=True))


@pytest.mark.parametrize("names", NAMINGS.values(), ids=NAMINGS)
@settings(max_examples=15)
@given(answers=st.lists(st.integers(0, 3), min_size=9, max_size=9), data=st.data())
def test_item_9_is_item_9_under_any_naming_in_any_order_beside_anything(
    names: list[str], answers: list[int], data: st.DataObject
) -> None:
    beside = (
        {}
        if names[0] in {"phq91", "0"} or "q10" in names
        else data.draw(st.dictionaries(st.sampled_from(sorted(BESIDE)), st.integers(0, 3)))
    )
    if names[0].startswith("DPQ"):
        beside = {"DPQ100" if name == "q10" else name: value for name, value in beside.items()}
    if len(names[0]) <= 5 and names[0][-1] == "a":
        beside.pop("q10", None)
    form = data.draw(st.permutations(list({**phq9(names, answers), **beside}.items())))

    read = read_form("phq-9", dict(form))

    assert [(one.number, one.value) for one in read.answers] == list(enumerate(answers, 1))
    assert read.unread == ()
    assert score_of("phq-9", dict(form), None) == sum(answers)
    risk = risk_of("phq-9", dict(form), None)
    assert (risk is None) == (answers[8] == 0)
    assert risk is None or risk.value == answers[8]


@pytest.mark.parametrize("names", NAMINGS.values(), ids=NAMINGS)
@settings(max_examples=15)
@given(others=st.lists(st.integers(0, 3), min_size=8, max_size=8), lost=st.integers(0, 8), data=st.data())
def test_no_other_item_is_ever_read_as_item_9(
    names: list[str], others: list[int], lost: int, data: st.DataObject
) -> None:
    """Whatever field is missing or added: an item 9 of 0 raises nothing, or says that it was not understood."""
    form = phq9(names, [*others, 0])
    del form[names[lost]]
    form |= data.draw(st.dictionaries(st.sampled_from(sorted(BESIDE)), st.integers(0, 3)))
    shuffled = dict(data.draw(st.permutations(list(form.items()))))

    assert risk_of("phq-9", shuffled, None) is None


@given(others=st.lists(st.integers(0, 3), min_size=8, max_size=8), more=st.integers(0, 3), place=st.integers(0, 9))
def test_a_list_with_one_answer_more_or_less_is_not_understood_and_never_shifted(
    others: list[int], more: int, place: int
) -> None:
    longer, shorter = [*others, 0], others
    longer.insert(place, more)

    for items in (longer, shorter):
        assert risk_of("phq-9", items, None) is None
        assert (hidden_in("phq-9", items) is None) == (not any(items)), "what is all 0 hides nothing"
        with pytest.raises(ScoreRefused):
            score_of("phq-9", items, None)


# ---- answers


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (2, 2), (2.0, 2), ("2", 2), (" 2 ", 2), ("2.0", 2), ("02", 2), ("More than half the days", 2), ("over half the days", 2),
        ("2 - More than half the days", 2), ("2: more than half the days", 2), ("LA6570-1", 2), ("Nearly every day", 3),
        ("NOT AT ALL", 0), ("0 (not at all)", 0), (0, 0),
    ],
)  # fmt: skip
def test_an_answer_is_a_number_of_the_range_or_one_of_the_words(answer: Any, value: int) -> None:
    items = [0] * 8 + [answer]

    assert score_of("phq-9", items, None) == value
    risk = risk_of("phq-9", items, None)
    assert (0 if risk is None else risk.value) == value


@pytest.mark.parametrize(
    "answer", [4, -1, 1.5, "4", "sometimes", "3 times", "1 - nearly every day", "1;2", "?", "nearly", [1, 2], {"a": 1}]
)
def test_what_is_no_answer_is_not_understood_and_said_to_be(answer: Any) -> None:
    items = plain_items([0] * 8 + [answer])

    assert risk_of("phq-9", items, None) is None
    assert hidden_in("phq-9", items) == "an answer is not one of 0 to 3 or of the words for them"
    with pytest.raises(ScoreRefused):
        score_of("phq-9", items, None)


@pytest.mark.parametrize(
    "gap", [None, "", " ", "-", "--", "NA", "n/a", "null", "skipped", "not asked", "prefer not to answer"]
)
def test_what_was_not_answered_hides_no_other_answer(gap: Any) -> None:
    items = [1, gap, 0, 1, 1, 0, 1, 0, 3]
    risk = risk_of("phq-9", items, None)

    assert risk is not None
    assert risk.value == 3
    assert hidden_in("phq-9", [*items[:8], gap]) is None, "not answered is understood"
    with pytest.raises(ScoreRefused, match="not all are answered"):
        score_of("phq-9", items, None)


@pytest.mark.parametrize("yes", [True, "yes", "Y", "true"])
def test_a_yes_to_item_9_is_heard_though_it_is_no_answer_of_a_phq_9(yes: Any) -> None:
    risk = risk_of("phq-9", [0] * 8 + [yes], None)

    assert risk is not None
    assert risk.priority is MEDIUM
    with pytest.raises(ScoreRefused):
        score_of("phq-9", [0] * 8 + [yes], None)
    assert risk_of("phq-9", [yes] + [0] * 8, None) is None


@pytest.mark.parametrize(
    ("items", "answers"),
    [
        (["yes", "yes", "no", "yes", "no", "no"], [1, 1, 0, 1, 0, 0]),
        (["No"] * 6, [0] * 6),
        (["Y", "N", "n", "N", "N", "y"], [1, 0, 0, 0, 0, 1]),
        ([True, False, False, False, False, False], [1, 0, 0, 0, 0, 0]),
        (["true", "false", "FALSE", "False", "false", "True"], [1, 0, 0, 0, 0, 1]),
        (["1", "0", "0", "0", "1", "0"], [1, 0, 0, 0, 1, 0]),
        ([1.0, 0, "0.0", "no", False, "LA33-6"], [1, 0, 0, 0, 0, 1]),
        (["1 - yes", "0 - no", "0 = No", "0: no", "0 (no)", "0. no"], [1, 0, 0, 0, 0, 0]),
    ],
)
def test_a_list_as_long_as_the_screener_is_its_answers_in_order(items: Any, answers: list[int]) -> None:
    assert [one.value for one in read_form("cssrs-screen", items).answers] == answers
    assert score_of("cssrs-screen", items, None) == sum(answers)


@pytest.mark.parametrize(
    "items", [["1 - No"] * 6, [2, 2, 2, 2, 2, 2], ["maybe"] * 6, ["unsure", "no", "no", "no", "no", "no"]]
)
def test_another_coding_of_yes_and_no_is_not_guessed(items: Any) -> None:
    assert risk_of("cssrs-screen", items, None) is None
    assert hidden_in("cssrs-screen", items) is not None


@pytest.mark.parametrize(
    ("items", "priority"),
    [
        ({"q1": 1, "q2": 1, "q3": 0, "q4": 1, "q5": None, "q6": 0}, HIGH),
        ([1, 1, None, None, None, 0], LOW),
        ({"q1": "no", "q2": "no", "q6": "no"}, None),
        (dict(zip(SCREENER, [1, 1, 1, 0, 0, 0, None], strict=True)), MEDIUM),
        (dict(zip(SCREENER, [0, 0, None, None, None, 1, 0], strict=True)), MEDIUM),
        (dict(zip(SCREENER, [0, 0, None, None, None, 1, 1], strict=True)), HIGH),
        (dict(zip(SCREENER, [0, 0, None, None, None, 1, None], strict=True)), HIGH),
        ({"93374-7": "LA6752-5", **dict(zip(SCREENER, ["no"] * 7, strict=True))}, None),
        ({"wish_to_be_dead": "yes", "suicidal_thoughts": "no", "suicidal_behavior": "no"}, LOW),
        ({"cssrs_wish_dead": 0, "cssrs_thoughts": 1, "cssrs_method": 1, "cssrs_intent": 0, "cssrs_plan": 0, "cssrs_behaviour": 0}, MEDIUM),
        ({"Active suicidal ideation with some intent to act, without specific plan": "Yes"}, HIGH),
        ({"Active suicidal ideation with any methods (not plan) without intent to act": "Yes"}, MEDIUM),
        ({"Active suicidal ideation with specific plan and intent": "Yes"}, HIGH),
        ({"q1": 0, "q2": 0, "q6": "yes, more than 3 months ago"}, MEDIUM),
        ({"q1": 0, "q2": 0, "q6": "Yes - within the past 3 months"}, HIGH),
        ({"q1": 0, "q2": 0, "q6": "lifetime"}, MEDIUM),
        ({"q1": 0, "q2": 0, "q6": "never"}, None),
        ({"q1": 0, "q2": 0, "q6_lifetime": 1, "q6_past_3_months": 0}, MEDIUM),
        ({"q1": 0, "q2": 0, "q6_ever": "yes", "q6_3mo": "no"}, MEDIUM),
        ({"q1": 0, "q2": 0, "q6a": 1, "q6b": 1}, HIGH),
        ({"q1": 0, "q2": 0, "q3": 0, "q4": 0, "q5": 0, "q6": 1, "in_the_past_3_months": "no"}, MEDIUM),
        (["q1", "q4"], HIGH),
        ([{"linkId": "q1", "answer": "yes"}, {"linkId": "q4", "answer": [{"valueBoolean": True}]}], HIGH),
        ({"q4": {"value": 1, "text": "Yes"}}, HIGH),
        ({"Q12_1": 0, "Q12_2": 1, "Q12_3": 0, "Q12_4": 0, "Q12_5": 1, "Q12_6": 0}, HIGH),
    ],
)  # fmt: skip
def test_the_screener_is_read_by_name_code_words_or_place(items: Any, priority: Priority | None) -> None:
    flat = plain_items(items)
    risk = risk_of("cssrs-screen", flat, None)

    assert (None if risk is None else risk.priority) == priority
    assert hidden_in("cssrs-screen", flat) is None
    assert score_of("cssrs-screen", flat, None) is not None


@pytest.mark.parametrize(
    ("instrument", "items"),
    [
        ("phq-9", {str(n): 1 for n in range(10)}),
        ("phq-9", {"q1": 1, "q2": 1, "suicidal": 2, "q9": 0}),
        ("phq-9", {"phq9": 3}),
        ("phq-9", {"alpha": 1, "beta": 0}),
        ("phq-9", {"54635-0": 2}),
        ("phq-9", {"q8_suicidal": 2}),
        ("phq-9", {"q9_sleep": 2}),
        ("phq-9", "0,0,0,0,0,0,0,0,3"),
        ("phq-9", 27),
        ("phq-9", [[0, 0, 0, 0, 0, 0, 0, 0, 3]]),
        ("phq-9", {"q2": 1, "q3": 1, "item": {"deep": {"er": 3}}}),
        ("cssrs-screen", ["yes", "yes"]),
        ("cssrs-screen", {"q1": "no", "foo": "yes"}),
        ("cssrs-screen", {"q1_1": 1, "q1_2": 1}),
        ("qids-sr16", [1] * 15),
        ("madrs", {"sadness": 4}),
    ],
)
def test_what_may_be_a_positive_answer_and_is_not_understood_is_said_to_be(instrument: str, items: Any) -> None:
    flat = plain_items(items)

    assert hidden_in(instrument, flat) is not None or risk_of(instrument, flat, None) is not None
    with pytest.raises(ScoreRefused):
        score_of(instrument, flat, None)


@pytest.mark.parametrize("instrument", sorted(INSTRUMENTS))
@settings(max_examples=30)
@given(items=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=5) | st.sampled_from(["q9", "q1", "phq9_9", "44260-8", "linkId", "answer"]), inner, max_size=10), max_leaves=12))  # fmt: skip
def test_whatever_json_comes_as_items_is_read_or_refused(instrument: str, items: Any) -> None:
    with suppress(ValidationError):
        read_all(instrument, plain_items(items))


def read_all(instrument: str, flat: FormItems | None) -> None:
    read_form(instrument, flat)
    risk_of(instrument, flat, None)
    hidden_in(instrument, flat)
    low, high = INSTRUMENTS[instrument].score_range
    with suppress(ScoreRefused):
        score = score_of(instrument, flat, low)
        assert score is not None
        assert low <= score <= high


# ---- other instruments


@pytest.mark.parametrize(
    ("instrument", "items", "score"),
    [
        ("moaas", ["5"], 5), ("moaas", [5], 5), ("moaas", {"moaas": "5"}, 5), ("moaas", {"MOAA/S score": 4}, 4), ("moaas", {"score": 3}, 3),
        ("moaas", {"level": "2"}, 2), ("moaas", {"q1": 1}, 1), ("moaas", {"moaas": 5, "comment": "calm"}, 5),
        ("distress", {"distress": 7}, 7), ("mood-vas", {"mood": "3"}, 3), ("mood-vas", ["10"], 10),
        ("phq-2", {"44250-9": 1, "44255-8": 3, "55758-7": 4}, 4), ("phq-2", {"phq9_1": 1, "phq9_2": 2}, 3), ("phq-2", ["Several days", "Not at all"], 1),
        ("cadss", ["1"] * 23, 23), ("cadss", {f"cadss_{n}": 1 for n in range(1, 24)}, 23), ("cadss", ["Mild"] * 22 + ["Extreme"], 26),
        ("cadss", {f"field{chr(96 + n)}x": 1 for n in range(1, 24)}, 23),
        ("cadss-6", {f"cadss_{n}": 2 for n in (1, 2, 6, 7, 15, 22)}, 12), ("cadss-6", {f"q{n}": 2 for n in range(1, 7)}, 12),
        ("qids-sr16", {f"qids_{n}": (str(n == 12) == "True" and 1) or 0 for n in range(1, 17)}, 1),
        ("madrs", {f"MADRS{n}": 2 for n in range(1, 11)}, 20), ("bprs-4", ["3", "0", "0", "1"], 4),
    ],
)  # fmt: skip
def test_the_same_reader_reads_every_instrument(instrument: str, items: Any, score: float) -> None:
    assert score_of(instrument, plain_items(items), None) == score


@pytest.mark.parametrize(
    ("instrument", "items"),
    [
        ("moaas", {"5": True}), ("moaas", ["yes"]), ("moaas", [True]), ("moaas", ["6"]), ("moaas", {"moaas": 5, "score": 4}),
        ("moaas", ["awake", "5"]), ("cadss", {f"cadss_{n}": 1 for n in range(1, 23)}), ("cadss", ["floating", "numb"]),
        ("cadss-6", [1, 1, 1, 1, 1, None]), ("phq-2", {"a": 1}), ("qids-sr16", {f"x{chr(96 + n)}y": 0 for n in range(1, 17)}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_no_score(instrument: str, items: Any) -> None:
    with pytest.raises(ScoreRefused) as refused:
        score_of(instrument, plain_items(items), None)
    assert refused.value.field == "items"


@pytest.mark.parametrize(
    ("instrument", "items", "priority"),
    [
        ("qids-sr16", [0] * 11 + [0] + [3] * 4, None), ("qids-sr16", [0] * 11 + [1] + [0] * 4, LOW),
        ("qids-sr16", [0] * 11 + [2] + [0] * 4, MEDIUM), ("qids-sr16", {"qids_12": 3}, HIGH), ("qids-sr16", {"suicide": 2, "sleep": 1}, MEDIUM),
        ("madrs", [6] * 9 + [0], None), ("madrs", [0] * 9 + [2], LOW), ("madrs", [0] * 9 + [4], MEDIUM), ("madrs", {"suicidal_thoughts": 6}, HIGH),
        ("phq-2", [3, 3], None), ("cadss", [4] * 23, None),
    ],
)  # fmt: skip
def test_other_instruments_items_about_suicide_are_heard_too(
    instrument: str, items: Any, priority: Priority | None
) -> None:
    risk = risk_of(instrument, items, None)
    assert (None if risk is None else risk.priority) == priority


@pytest.mark.parametrize(
    ("called", "name"),
    [("PHQ-9", "phq-9"), ("phq9", "phq-9"), ("PHQ_9", "phq-9"), ("44249-1", "phq-9"), ("C-SSRS", "cssrs-screen"), ("cssrs_screener", "cssrs-screen"),
     ("93373-9", "cssrs-screen"), ("MOAA/S", "moaas"), ("QIDS-SR16", "qids-sr16"), ("CADSS", "cadss"), ("phq-9-modified", "phq-9-modified"), (9, 9)],
)  # fmt: skip
def test_an_instrument_has_other_names(called: Any, name: Any) -> None:
    assert instrument_called(called) == name


SUICIDAL = [1, 1, 0, 1, 1, 0, 1, 0, 3]


@pytest.mark.parametrize(
    ("instrument", "items", "hides"),
    [
        ("phq-2", SUICIDAL, True),
        ("phq-2", {f"q{n}": value for n, value in enumerate(SUICIDAL, 1)}, True),
        ("phq-2", dict(zip(CODES, SUICIDAL, strict=True)), True),
        ("phq-2", [*SUICIDAL[:8], 0], False),
        ("phq-2", [3, 3], False),
        ("phq-2", {"q1": 1, "q2": 1, "thoughts of suicide": "yes"}, True),
        ("bprs-4", {"q1": 0, "q2": 0, "q3": 0, "q4": 0, "suicidality": 4}, True),
        ("cadss-6", {**{f"q{n}": 0 for n in range(1, 7)}, "self_harm": "no"}, False),
        ("symptoms", {"suicidal thoughts": True}, True),
        ("symptoms", {"suicidal thoughts": False, "nausea": True}, False),
        ("symptoms", "nausea, suicidal", True),
        ("symptoms", "nausea, dizzy", False),
    ],
)
def test_an_instrument_that_does_not_ask_about_suicide_hides_no_answer_about_it(
    instrument: str, items: Any, hides: bool
) -> None:
    assert (hidden_in(instrument, plain_items(items)) is not None) == hides


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ("2/5", 2), ("5 / 5", 5), ("1/6", None), ("6/5", None), ("awake", 5), ("Responds only after mild prodding or shaking.", 2),
        ("Responds readily to name spoken in normal tone", 5), ("No response after painful trapezius squeeze", 0),
        ("1 - responds only after painful trapezius squeeze", 1), ("2 - responds to shaking", 2), ("4 - awake", None), ("asleep", None),
    ],
)  # fmt: skip
def test_a_level_of_moaas_comes_as_a_number_of_five_or_in_its_words(answer: str, level: int | None) -> None:
    if level is None:
        with pytest.raises(ScoreRefused):
            score_of("moaas", [answer], None)
    else:
        assert score_of("moaas", [answer], None) == score_of("moaas", {"moaas": answer}, None) == level


@pytest.mark.parametrize(
    ("form", "line", "asks"),
    [
        ("phq-9", "", True), ("PHQ-9 modified", "", True), ("c-ssrs-lifetime", "", True), ("HAM-D17", "", True), ("ASQ", "", True), ("madrs-s", "", True),
        ("phq-8", "", False), ("PHQ-8", '{"items":[0,0,0,0,0,0,0,0,2]}', True), ("phq-4", '{"items":{"q9":1}}', True),
        ("phq-8", '{"items":[3,3,3,3,3,3,3,3]}', False), ("phq-8", '{"items":', False), ("phq-15", "", False), ("gad-7", "", False), ("cadss", "", False), ("task", "", False),
        ("phq-2", '{"items":{"44260-8":1}}', True), ("wellbeing", '{"items":{"suicidal_thoughts":1}}', True), ("", '{"items":{"44260-8":1}}', True),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_read_at_all_may_still_ask_about_suicide(form: str, line: str, asks: bool) -> None:
    assert asks_about_suicide(form, line) is asks
