"""A deeper reading is told anew: by each row's step, once, through an answer, and never for noise about what was told."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from models.tables.limits import CUFF_RULES, LIMITS
from streams.shard import Shard
from streams.ward.ward import Ward
from tests.support.scenes import Scene, breathing, seconds


def ramp(before: float, after: float) -> list[float]:
    """From one saturation to another, no faster than a body."""
    way = [before]
    while abs(way[-1] - after) > 4:
        way.append(way[-1] + (4 if after > way[-1] else -4))
    return way[1:]


def lying(*levels: tuple[float, int]) -> Scene:
    """A monitor whose saturation is at each level for so many seconds; it falls to the next at once."""
    clinic = Scene()
    clinic.chair("3").starts()
    before = levels[0][0]
    for level, length in levels:
        way = ramp(before, level)
        clinic.chair("3").shows(len(way), spo2=way, rr=breathing(14, len(way)))
        falls_to(clinic, level, length)
        before = level
    return clinic


def falls_to(clinic: Scene, spo2: float, length: int) -> None:
    clinic.chair("3").shows(length, spo2=[spo2] * length, rr=breathing(14, length))


@pytest.mark.parametrize("answer", ["acknowledged", "snoozed", "standing", "closed"])
def test_a_fall_of_a_step_breaks_through_every_answer_at_the_same_priority_and_pages(answer: str) -> None:
    clinic = lying((97, 10), (84, 20))
    match answer:
        case "acknowledged":
            clinic.acknowledges("desaturation")
        case "snoozed":
            clinic.snoozes("desaturation", 60)
        case "closed":
            clinic.closes("desaturation")
    before, pages = len(clinic.transitions), len(clinic.pages)
    falls_to(clinic, 80, 60)
    assert len(clinic.transitions) == before, "4 % is no step"
    falls_to(clinic, 79, 60)
    (told,) = clinic.transitions[before:]
    assert (told.transition, told.priority, told.phase) == (
        "worsened",
        "high",
        "active",
    )
    assert (told.evidence["value"], told.evidence["was"], told.evidence["limit"]) == (79, 84, 85)
    assert told.text.endswith("SpO2 79 %, at or below 85 % for 10 s; it was 84 %.")
    assert seconds(told.at) == clinic.now_s - 60 + 10, "held as the limit itself is"
    assert [page.alerts for page in clinic.pages[pages:]] == [(told.alert,)]


def test_what_comes_and_goes_about_what_was_told_is_told_once() -> None:
    clinic = lying((97, 10), (76, 30))
    told = len(clinic.transitions)
    for _ in range(20):
        falls_to(clinic, 71, 8)
        falls_to(clinic, 75, 8)
    assert len(clinic.transitions) == told, "never as low for as long as the limit's hold"
    falls_to(clinic, 71, 20)
    assert len(clinic.transitions) == told + 1
    for _ in range(5):
        falls_to(clinic, 75, 20)
        falls_to(clinic, 71, 2)
        falls_to(clinic, 67, 20)
    assert len(clinic.transitions) == told + 1, "the deepest that was told is the mark, not what it came back to"


def test_one_or_two_better_readings_slow_it_and_a_third_starts_it_anew() -> None:
    clinic = lying((97, 10), (84, 20))
    falls_to(clinic, 79, 6)
    falls_to(clinic, 82, 2)
    falls_to(clinic, 79, 6)
    assert clinic.told("desaturation")[-1].endswith("worsened (P-3)")
    broken = lying((97, 10), (84, 20))
    falls_to(broken, 79, 6)
    falls_to(broken, 82, 3)
    falls_to(broken, 79, 9)
    assert broken.told("desaturation")[-1].endswith("raised (P-3)")


def test_missing_data_neither_deepens_nor_forgets_what_was_told() -> None:
    clinic = lying((97, 10), (84, 20))
    clinic.chair("3").shows(60, rr=breathing(14, 60))
    falls_to(clinic, 80, 20)
    assert not [line for line in clinic.told("desaturation") if "worsened" in line]
    falls_to(clinic, 79, 12)
    assert clinic.told("desaturation")[-1].endswith("worsened (P-3)")


@pytest.mark.parametrize(
    ("channel", "well", "ill", "not_yet", "deeper", "rule"),
    [
        ("hr", 80, 150, 164, 166, "tachycardia"),
        ("hr", 70, 36, 32, 30, "bradycardia"),
        ("etco2", 40, 62, 71, 73, "hypoventilation"),
        ("rr", 14, 8, 7, 6, "bradypnoea"),
        ("rr", 14, 31, 38, 39, "tachypnoea"),
        ("etco2", 38, 14, 10, 9, "shallow-breathing"),
        ("temp", 37, 39.2, 40.1, 40.3, "hyperthermia"),
        ("temp", 36, 34.9, 34.0, 33.8, "hypothermia"),
    ],
)  # fmt: skip
def test_each_rule_on_samples_is_told_anew_by_its_step(
    channel: str, well: float, ill: float, not_yet: float, deeper: float, rule: str
) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for level, length in ((well, 60), (ill, 400), (not_yet, 400)):
        three.shows(length, **{channel: [level] * length}, spo2=breathing(92, length))
    assert [line for line in clinic.told(rule) if "worsened" in line and seconds_of(line) > 460] == []
    clinic.acknowledges(rule)
    three.shows(400, **{channel: [deeper] * 400}, spo2=breathing(92, 400))
    assert [line.split(" ")[3] for line in clinic.told(rule)][-2:] == ["acknowledged", "worsened"]


def seconds_of(line: str) -> float:
    minutes, _, rest = line.split(" ", 1)[0].partition(":")
    return int(minutes) * 60 + float(rest)


@pytest.mark.parametrize(
    ("before", "after", "rule", "told"),
    [
        ((185, 95), (204, 95), "hypertension", False),  # 19 mmHg, and a crisis says it
        ((205, 95), (224, 95), "hypertensive-crisis", False),
        ((205, 95), (225, 95), "hypertensive-crisis", True),
        ((150, 122), (150, 138), "hypertensive-crisis", True),
        ((88, 50), (74, 40), "hypotension", False),
        ((88, 50), (73, 40), "hypotension", True),
    ],
)
def test_a_cuff_is_told_anew_by_its_step(
    before: tuple[int, int], after: tuple[int, int], rule: str, told: bool
) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for _ in range(2):
        three.cuff(*map(float, before))
        clinic.passes(300)
    if rule in clinic.open_rules():
        clinic.acknowledges(rule)
    mark = len(clinic.transitions)
    three.cuff(*map(float, after))
    worse = [one for one in clinic.transitions[mark:] if one.rule == rule and one.transition == "worsened"]
    assert bool(worse) is told
    for one in worse:
        assert "was" in one.evidence or one.priority == "high"


def test_a_score_is_told_anew_by_its_step_and_what_unresponsive_says_is_not_told_twice() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.scores("moaas", 3)
    clinic.acknowledges("sedation")
    clinic.passes(60)
    three.scores("moaas", 2)
    assert clinic.told("sedation")[-1] == "1:00 medium sedation worsened (P-3)"
    three.scores("moaas", 1)
    assert clinic.told()[-1] == "1:00 high unresponsive raised (P-3)"
    clinic.passes(60)
    three.scores("moaas", 0)
    assert clinic.told()[-1] == "2:00 high unresponsive worsened (P-3)"


def test_a_state_without_what_was_told_takes_the_next_reading_for_it() -> None:
    clinic = lying((97, 10), (84, 20))
    packed = clinic.shard.ward.packed()
    for _, session in packed["known"]["sessions"]:
        del session["told"]
    clinic.shard.ward = Ward.unpacked(packed)
    falls_to(clinic, 80, 10)
    falls_to(clinic, 76, 30)
    assert clinic.told("desaturation")[-1].endswith("raised (P-3)"), "nobody knows what was told"
    falls_to(clinic, 72, 30)
    assert clinic.told("desaturation")[-1].endswith("raised (P-3)")
    falls_to(clinic, 71, 30)
    assert clinic.told("desaturation")[-1].endswith("worsened (P-3)")


def test_what_was_paged_a_minute_ago_does_not_delay_the_page_about_a_deeper_reading() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for rate, length in ((60, 30), (44, 60)):
        three.shows(length, hr=[rate] * length, spo2=breathing(97, length))
    clinic.acknowledges("bradycardia")
    assert [page.priority for page in clinic.pages] == ["medium"]
    three.shows(40, hr=[39] * 40, spo2=breathing(97, 40))
    (before, deeper) = clinic.pages
    assert (deeper.priority, seconds(deeper.at)) == ("medium", 30 + 60 + 30)
    assert seconds(before.at) > 30
    assert clinic.transitions[-1].evidence["page"] == "now"


def test_new_limits_in_the_middle_keep_what_was_told() -> None:
    clinic = lying((97, 10), (84, 20))
    clinic.configures({"desaturation": {"high": {"spo2": {"enter": 84}}}})
    falls_to(clinic, 80, 30)
    assert clinic.told("desaturation")[-1].endswith("raised (P-3)")
    falls_to(clinic, 79, 30)
    assert clinic.told("desaturation")[-1].endswith("worsened (P-3)")


def marks(readings: list[float]) -> list[float]:
    """The saturations that are told at high, by the text, of one a second: the limit for 10 s, then each step for 10 s."""
    told: list[float] = []
    held = strikes = 0
    running = False
    for reading in readings:
        bound = told[-1] - 5 if told else 85
        if reading <= bound:
            held = (held + (1 if strikes == 0 else 0)) if running else 0
            running, strikes = True, 0
            if held >= 10:
                told.append(reading)
                running, held = False, 0
        elif running:
            strikes += 1
            running = strikes < 3
    return told


@given(
    series=st.lists(
        st.tuples(st.integers(60, 87), st.sampled_from([1, 2, 3, 8, 10, 11, 12, 25])), min_size=1, max_size=14
    ),
    every=st.sampled_from([0, 7]),
)
def test_high_is_told_at_the_limit_and_then_by_each_step_as_the_text_says_with_and_without_restarts(
    series: list[tuple[int, int]], every: int
) -> None:
    readings = [87.0] * 3
    for level, length in series:
        readings += [*ramp(readings[-1], level), *[float(level)] * length]
    clinic = Scene(clock="observed")
    three = clinic.chair("3")
    three.starts()
    for second, reading in enumerate(readings):
        clinic.send(three.vitals(spo2=reading, rr=14 + second % 2))
        clinic.now_s += 1
        if every and second % every == 0:
            clinic.shard = Shard.restore(clinic.shard.snapshot())
    found = [
        one.evidence["value"]
        for one in clinic.transitions
        if one.rule == "desaturation" and one.priority == "high" and one.transition in {"raised", "worsened"}
    ]
    event(f"told {len(found)} times")
    assert found == marks(readings)


def test_every_rule_whose_readings_can_be_deeper_has_a_step() -> None:
    without = {limit.rule for limit in LIMITS} - {limit.rule for limit in LIMITS if limit.step}
    assert without == {"apnoea", "dissociation"}
    assert all(limit.step == 0 for limit in LIMITS if limit.role != "alone")
    assert CUFF_RULES.index("hypertensive-crisis") < CUFF_RULES.index("hypertension")
