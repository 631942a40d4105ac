"""Cuffs: one is a reading, two are a finding; a crisis is believed at once unless something in it speaks against it."""

from __future__ import annotations

import pytest

from models.instants import from_iso
from models.wire.observations import CheckIn
from tests.support.scenes import START_US, Scene, moment

HIGH_OR_MEDIUM = (" medium ", " high ")


def session(*cuffs: tuple[float | None, ...], dose_s: float | None = None) -> Scene:
    """A session with these cuffs: (second, systolic, diastolic), and the mean where there is one."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for at_s, *pressures in cuffs:
        assert at_s is not None
        if dose_s is not None and at_s > dose_s:
            clinic.now_s = dose_s
            three.infuses()
            dose_s = None
        clinic.now_s = at_s
        read = zip(("sbp", "dbp", "map"), pressures, strict=False)
        clinic.send(three.vitals(**{name: x for name, x in read if x is not None}))
    return clinic


def told(clinic: Scene, *rules: str) -> list[str]:
    return [line.split(" (")[0] for line in clinic.told(*rules)]


def clock(at_s: float) -> str:
    return f"{int(at_s // 60)}:{int(at_s % 60):02}"


def symptoms(clinic: Scene) -> None:
    who = {"at": moment(clinic.now_s), "patient": "P-3", "session": "S-3"}
    clinic.send(CheckIn.model_validate({**who, "instrument": "symptoms", "items": {"severe-headache": True}}))


def test_either_pressure_of_the_second_cuff_confirms_the_first() -> None:
    clinic = session((0, 182, 95), (120, 176, 112))
    assert told(clinic, "hypertension") == ["0:00 low hypertension raised", "2:00 medium hypertension worsened"]


@pytest.mark.parametrize(("sbp", "dbp"), [(180, 85), (199, 85), (150, 110), (150, 119), (89, 60), (60, 40)])
@pytest.mark.parametrize("recheck_s", [60, 300, 700])
def test_a_single_cuff_that_its_recheck_does_not_confirm_never_goes_above_low(
    sbp: float, dbp: float, recheck_s: float
) -> None:
    clinic = session((0, 128, 80), (600, sbp, dbp), (600 + recheck_s, 126, 78))
    clinic.now_s += 900
    clinic.send()
    rules = ("hypertension", "hypertensive-crisis", "hypotension", "pressure-rise")
    assert clinic.told(*rules)
    assert not [line for line in clinic.told(*rules) if any(word in line for word in HIGH_OR_MEDIUM)]


def test_a_monitor_that_shows_its_last_cuff_every_second_has_taken_one() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(100, sbp=186, dbp=95)
    assert told(clinic, "hypertension") == ["0:00 low hypertension raised"]
    three.cuff(184, 94)
    assert told(clinic, "hypertension")[1:] == ["1:40 medium hypertension worsened"]


def test_a_reading_sooner_than_a_cuff_can_be_taken_corrects_it_and_confirms_nothing() -> None:
    clinic = session((0, 185, 90), (8, 187, 90))
    assert told(clinic, "hypertension") == ["0:00 low hypertension raised"]
    clinic = session((0, 185, 90), (8, 125, 80))
    assert told(clinic, "hypertension") == ["0:00 low hypertension raised", "0:08 low hypertension closed"]


@pytest.mark.parametrize(("wait_s", "confirmed"), [(19, False), (20, True), (900, True), (1800, True), (1801, False)])
def test_a_second_cuff_confirms_from_twenty_seconds_to_half_an_hour_after_the_first(
    wait_s: float, confirmed: bool
) -> None:
    clinic = session((0, 185, 90), (wait_s, 187, 90))
    assert [line for line in told(clinic, "hypertension") if "medium" in line] == (
        [clock(wait_s) + " medium hypertension worsened"] if confirmed else []
    )


@pytest.mark.parametrize("every_s", [300, 600, 720, 900, 1200, 1800])
@pytest.mark.parametrize(
    ("lasting", "rule", "priority"),
    [
        ((86.0, 84.0, 88.0), "hypotension", "medium"),
        ((78.0, 76.0, 79.0), "hypotension", "high"),
        ((184.0, 186.0, 182.0), "hypertension", "medium"),
    ],
)
def test_what_lasts_is_confirmed_by_the_next_cuff_however_slowly_they_come(
    lasting: tuple[float, ...], rule: str, priority: str, every_s: float
) -> None:
    cuffs = [(n * every_s, sbp, sbp / 2) for n, sbp in enumerate((124.0, *lasting))]
    assert told(session(*cuffs), rule)[:2] == [
        f"{clock(every_s)} low {rule} raised",
        f"{clock(2 * every_s)} {priority} {rule} worsened",
    ]


def test_a_cuff_that_the_monitor_sends_again_each_minute_confirms_nothing_however_long() -> None:
    clinic = session((0, 124, 78), (600, 188, 96, 127))
    for _ in range(40):
        clinic.passes(60)
        clinic.chair("3").cuff(188, 96)
    assert told(clinic, "hypertension") == ["10:00 low hypertension raised"]
    clinic.passes(1800)
    clinic.chair("3").cuff(186, 95)
    assert told(clinic, "hypertension")[1:] == ["80:00 medium hypertension worsened"], (
        "half an hour after it was last shown"
    )


@pytest.mark.parametrize(
    ("recheck_s", "mean", "confirmed"), [(179, 127, False), (180, 127, True), (60, 125, True), (29, 125, False)]
)
def test_the_same_three_numbers_within_three_minutes_are_the_same_cuff(
    recheck_s: float, mean: float, confirmed: bool
) -> None:
    clinic = session((0, 188, 96, 127), (recheck_s, 188, 96, mean))
    assert any("medium" in line for line in told(clinic, "hypertension")) is confirmed


def test_a_correction_of_a_correction_is_within_twenty_seconds_of_the_cuff_not_of_the_correction() -> None:
    clinic = session((0, 185, 90), (15, 187, 90), (25, 184, 90))
    assert told(clinic, "hypertension")[1:] == ["0:25 medium hypertension worsened"]


# ---- crisis

FAST = ((0, 128, 80), (300, 130, 82), (600, 212, 104))
"""Cuffs at a pace at which silence is news, and a doubted crisis."""


def test_a_crisis_that_grew_from_a_high_cuff_is_high_at_once() -> None:
    clinic = session((0, 128, 80), (600, 165, 95), (1200, 205, 105))
    assert told(clinic, "hypertensive-crisis") == ["20:00 high hypertensive-crisis raised"]
    clinic = session((0, 205, 105))
    assert told(clinic, "hypertensive-crisis") == ["0:00 high hypertensive-crisis raised"], "nothing to doubt it by"


@pytest.mark.parametrize(
    ("cuff", "why"),
    [
        ((212, 104, 140), "far above the cuff before"),
        ((139, 134, 136), "too close"),
        ((169, 120), "too close"),
        ((160, 121, 140), "too close"),
        ((164, 124, 135), "too close"),
        ((185, 125, 120), "its mean is not between"),
        ((185, 125, 190), "its mean is not between"),
    ],
)
def test_a_crisis_that_something_speaks_against_is_medium_at_once_and_its_recheck_decides(
    cuff: tuple[float, ...], why: str
) -> None:
    first = ((0, 128, 82), (600, *cuff))
    high = session(*first, (1500, 184, 100))
    assert told(high, "hypertensive-crisis") == [
        "10:00 medium hypertensive-crisis raised",
        "25:00 high hypertensive-crisis worsened",
    ]
    raised = next(one for one in high.transitions if one.rule == "hypertensive-crisis")
    assert why in raised.text
    assert "recheck now" in raised.text
    normal = session(*first, (1500, 131, 82))
    assert told(normal, "hypertensive-crisis") == [
        "10:00 medium hypertensive-crisis raised",
        "25:00 medium hypertensive-crisis latched",
    ]
    normal.passes(600)
    assert told(normal, "hypertensive-crisis")[2:] == []


@pytest.mark.parametrize(
    "cuff", [(207, 126), (207, 126, 153), (170, 120), (175, 125, 140), (160, 120, 132), (205, None), (None, 130)]
)
def test_a_crisis_that_nothing_speaks_against_is_high_at_once(cuff: tuple[float | None, ...]) -> None:
    assert told(session((0, 150, 95), (900, *cuff)), "hypertensive-crisis") == ["15:00 high hypertensive-crisis raised"]
    assert told(session((0, *cuff)), "hypertensive-crisis") == ["0:00 high hypertensive-crisis raised"]


def test_a_jump_of_two_pressures_that_are_both_in_crisis_and_wide_apart_is_high_at_once() -> None:
    for jump in ((207, 126), (207, 126, 153)):
        assert told(session((0, 122, 78), (900, *jump)), "hypertensive-crisis") == [
            "15:00 high hypertensive-crisis raised"
        ]
    for doubted in ((207, 110), (190, 126), (210, 132, 176)):
        assert told(session((0, 122, 78), (900, *doubted)), "hypertensive-crisis") == [
            "15:00 medium hypertensive-crisis raised"
        ]


def test_a_crisis_that_the_cuff_before_bears_out_is_high_at_once_whatever_speaks_against_it() -> None:
    clinic = session((0, 128, 82), (900, 150, 112), (1800, 139, 134, 136))
    assert told(clinic, "hypertensive-crisis") == ["30:00 high hypertensive-crisis raised"]
    corrected = session((0, 128, 82), (900, 150, 112), (910, 139, 134, 136))
    assert told(corrected, "hypertensive-crisis") == ["15:10 medium hypertensive-crisis raised"], (
        "it is its own neighbour"
    )


def test_high_pressures_of_before_bear_out_no_crisis_of_a_pressure_that_is_not_high_itself() -> None:
    """A site that does not call a diastolic pressure high still wants the crisis, and doubts it as any other."""
    clinic = Scene()
    clinic.configures({"hypertension": {priority: {"dbp": {"enabled": False}} for priority in ("low", "medium")}})
    three = clinic.chair("3")
    three.starts()
    for clinic.now_s, pressures in (
        (0, {"sbp": 185.0, "dbp": 95.0}), (300, {"sbp": 186.0, "dbp": 95.0}), (600, {"dbp": 70.0}), (900, {"dbp": 135.0}),
    ):  # fmt: skip
        clinic.send(three.vitals(**pressures))
    assert told(clinic, "hypertensive-crisis") == ["15:00 medium hypertensive-crisis raised"]


def test_a_normal_cuff_of_more_than_half_an_hour_ago_is_no_neighbour_to_doubt_a_crisis_by() -> None:
    clinic = session((0, 128, 82), (1801, 212, 104))
    assert told(clinic, "hypertensive-crisis") == ["30:01 high hypertensive-crisis raised"]


def test_a_cuff_that_comes_more_than_half_an_hour_after_a_doubted_crisis_is_judged_anew() -> None:
    first = ((0, 128, 82), (600, 139, 134))
    again = session(*first, (2401, 140, 133))
    assert told(again, "hypertensive-crisis") == ["10:00 medium hypertensive-crisis raised"], "and is doubted as well"
    over = session(*first, (2401, 185, 100))
    assert told(over, "hypertensive-crisis")[1:] == ["40:01 medium hypertensive-crisis latched"]
    assert told(over, "hypertension") == ["10:00 low hypertension raised"]


@pytest.mark.parametrize("pace_s", [301, 600, 900, 1800])
def test_silence_makes_no_crisis_of_a_doubted_cuff_where_cuffs_come_slowly(pace_s: float) -> None:
    clinic = session((0, 128, 82), (pace_s, 139, 134, 136))
    clinic.passes(pace_s)
    clinic.chair("3").cuff(131, 83)
    assert not any(" high " in line for line in told(clinic, "hypertensive-crisis"))


def test_where_cuffs_come_fast_a_crisis_that_nobody_rechecks_is_high_after_three_minutes_to_the_instant() -> None:
    clinic = session((0, 128, 80), (300, 128, 80), (600, 212, 104))
    clinic.passes(200)
    assert told(clinic, "hypertensive-crisis") == [
        "10:00 medium hypertensive-crisis raised",
        "13:00 high hypertensive-crisis worsened",
    ]
    assert "not rechecked" in clinic.alert("hypertensive-crisis").text


def test_a_crisis_that_is_corrected_to_another_still_waits_and_no_longer_than_before() -> None:
    clinic = session(*FAST, (615, 205, 104))
    clinic.passes(300)
    assert told(clinic, "hypertensive-crisis") == [
        "10:00 medium hypertensive-crisis raised",
        "13:00 high hypertensive-crisis worsened",
    ]
    assert from_iso(clinic.transitions[-1].onset_at) == START_US + 600_000_000
    rechecked = session((0, 128, 80), (600, 212, 104), (615, 205, 104), (620, 184, 100))
    assert told(rechecked, "hypertensive-crisis")[1:] == ["10:20 high hypertensive-crisis worsened"]


def test_a_crisis_that_is_corrected_waits_where_high_pressure_is_switched_off_too() -> None:
    off = {"enabled": False}
    clinic = Scene()
    clinic.configures({"hypertension": {priority: {"sbp": off, "dbp": off} for priority in ("low", "medium")}})
    clinic.chair("3").starts()
    for clinic.now_s, sbp, dbp in (*FAST, (615, 205, 104)):
        clinic.chair("3").cuff(sbp, dbp)
    clinic.passes(300)
    assert told(clinic, "hypertensive-crisis") == [
        "10:00 medium hypertensive-crisis raised",
        "13:00 high hypertensive-crisis worsened",
    ]


def test_a_second_crisis_that_is_doubted_waits_for_its_own_three_minutes() -> None:
    clinic = session((0, 128, 80), (600, 212, 104), (660, 130, 80), (700, 215, 105))
    clinic.passes(300)
    assert told(clinic, "hypertensive-crisis") == [
        "10:00 medium hypertensive-crisis raised",
        "11:00 medium hypertensive-crisis latched",
        "11:40 medium hypertensive-crisis closed",
        "11:40 medium hypertensive-crisis raised",
        "14:40 high hypertensive-crisis worsened",
    ]


def test_a_crisis_that_nobody_rechecked_lasts_until_a_cuff_is_back_below_it() -> None:
    clinic = session(*FAST)
    clinic.passes(200)
    for at_s, sbp in ((900, 195), (1200, 189)):
        clinic.now_s = at_s
        clinic.chair("3").cuff(sbp, 100)
    assert told(clinic, "hypertensive-crisis")[1:] == [
        "13:00 high hypertensive-crisis worsened",
        "20:00 high hypertensive-crisis latched",
    ]


def test_a_crisis_that_stands_is_not_doubted_again_whatever_was_read_meanwhile() -> None:
    clinic = session((0, 205, 95), (300, None, 70), (600, 270, 115))
    assert told(clinic, "hypertensive-crisis") == [
        "0:00 high hypertensive-crisis raised",
        "10:00 high hypertensive-crisis worsened",
    ]


def test_a_crisis_that_a_site_no_longer_wants_told_is_not_raised_for_want_of_a_recheck() -> None:
    clinic = session(*FAST)
    off = {"enabled": False}
    clinic.configures({"hypertensive-crisis": {"high": {"sbp": off, "dbp": off}}})
    clinic.passes(300)
    assert told(clinic, "hypertensive-crisis", "integrity")[1:] == []


HIGH_PRESSURE_OFF = {
    "hypertension": {name: {"sbp": {"enabled": False}, "dbp": {"enabled": False}} for name in ("low", "medium")}
}


def test_where_high_pressure_is_off_a_doubted_crisis_that_is_corrected_to_another_still_waits() -> None:
    clinic = Scene()
    clinic.configures(HIGH_PRESSURE_OFF)
    clinic.chair("3").starts()
    for at_s, sbp in ((0, 128), (600, 212), (610, 214)):
        clinic.now_s = at_s
        clinic.chair("3").cuff(sbp, 80)
    assert told(clinic, "hypertensive-crisis") == ["10:00 medium hypertensive-crisis raised"]


def test_high_cuffs_from_before_high_pressure_was_switched_off_bear_no_crisis_out() -> None:
    clinic = session((0, 185, 95), (300, 186, 95))
    clinic.configures(HIGH_PRESSURE_OFF)
    for at_s, sbp in ((600, 128), (900, 212)):
        clinic.now_s = at_s
        clinic.chair("3").cuff(sbp, 80)
    assert told(clinic, "hypertensive-crisis") == ["15:00 medium hypertensive-crisis raised"]


def test_a_cuff_that_lacks_what_was_in_crisis_is_no_recheck_unless_it_is_high_itself() -> None:
    first = FAST
    lacking = session(*first, (660, None, 84))
    lacking.passes(200)
    assert told(lacking, "hypertensive-crisis")[1:] == ["13:00 high hypertensive-crisis worsened"]
    assert lacking.alert("hypertensive-crisis").evidence["value"] == 212
    high = session(*first, (660, None, 112))
    assert told(high, "hypertensive-crisis")[1:] == ["11:00 high hypertensive-crisis worsened"]
    complete = session(*first, (660, None, 84), (720, 131, 82))
    assert told(complete, "hypertensive-crisis")[1:] == ["12:00 medium hypertensive-crisis latched"]


def test_a_correction_takes_a_doubtful_crisis_back() -> None:
    clinic = session((0, 128, 80), (600, 212, 104), (608, 122, 80))
    clinic.passes(300)
    assert told(clinic, "hypertensive-crisis")[1:] == ["10:08 medium hypertensive-crisis latched"]


def test_a_limit_that_is_off_makes_no_crisis_of_symptoms_in_either_order() -> None:
    off = {"enabled": False}
    for first in ("cuff", "symptoms"):
        clinic = Scene()
        clinic.configures({"hypertension": {"low": {"sbp": off, "dbp": off}}})
        clinic.chair("3").starts()
        for what in ("symptoms", "cuff") if first == "symptoms" else ("cuff", "symptoms"):
            clinic.now_s += 60
            if what == "cuff":
                clinic.chair("3").cuff(184, 96)
            else:
                symptoms(clinic)
        assert told(clinic, "hypertensive-crisis") == []


def test_a_recheck_that_failed_is_no_recheck() -> None:
    clinic = session(*FAST)
    three = clinic.chair("3")
    clinic.now_s = 660
    clinic.send(three.vitals(status={"sbp": "cuff-failed", "dbp": "cuff-failed"}))
    clinic.passes(150)
    assert told(clinic, "hypertensive-crisis")[1:] == ["13:00 high hypertensive-crisis worsened"]


def test_a_restart_does_not_forget_the_recheck() -> None:
    clinic = session(*FAST)
    clinic.shard = type(clinic.shard).restore(clinic.shard.snapshot())
    clinic.passes(200)
    assert told(clinic, "hypertensive-crisis")[1:] == ["13:00 high hypertensive-crisis worsened"]


def test_a_high_cuff_of_a_patient_with_symptoms_is_a_crisis_in_either_order() -> None:
    before = session((0, 150, 85))
    symptoms(before)
    assert told(before, "hypertensive-crisis") == []
    before.now_s = 300
    before.chair("3").cuff(184, 96)
    assert told(before, "hypertensive-crisis") == ["5:00 high hypertensive-crisis raised"]

    after = session((0, 150, 85), (300, 184, 96))
    symptoms(after)
    assert told(after, "hypertensive-crisis") == ["5:00 high hypertensive-crisis raised"]
    after.now_s = 600
    after.chair("3").cuff(178, 96)
    assert told(after, "hypertensive-crisis")[1:] == [], "178 is not back at 170"
    after.now_s = 900
    after.chair("3").cuff(150, 90)
    assert told(after, "hypertensive-crisis")[1:] == ["15:00 high hypertensive-crisis latched"]


@pytest.mark.parametrize(("minutes", "crisis"), [(30, True), (30.1, False)])
def test_symptoms_and_a_high_cuff_belong_together_for_half_an_hour(minutes: float, crisis: bool) -> None:
    before = Scene()
    before.chair("3").starts()
    symptoms(before)
    before.now_s = minutes * 60
    before.chair("3").cuff(184, 96)
    after = session((0, 184, 96))
    after.now_s = minutes * 60
    symptoms(after)
    for clinic in (before, after):
        assert bool(told(clinic, "hypertensive-crisis")) is crisis


def test_a_cuff_that_stays_on_the_display_is_as_old_as_when_it_was_last_shown() -> None:
    clinic = session((0, 184, 96))
    for at_s in range(10, 45 * 60, 10):
        clinic.now_s = at_s
        clinic.chair("3").cuff(184, 96)
    symptoms(clinic)
    assert told(clinic, "hypertensive-crisis") == ["44:50 high hypertensive-crisis raised"]


def test_symptoms_decide_a_crisis_that_waits_and_nothing_is_left_of_its_wait() -> None:
    clinic = session(*FAST)
    clinic.now_s = 620
    symptoms(clinic)
    clinic.passes(300)
    assert told(clinic, "hypertensive-crisis")[1:] == ["10:20 high hypertensive-crisis worsened"]


def test_a_cuff_far_from_a_normal_one_says_so_on_the_board_and_is_no_baseline() -> None:
    clinic = session((0, 128, 80), (120, 205, 104))
    (card,) = clinic.shard.chairs("main")["chairs"]
    assert card["values"]["sbp"]["quality"] == "outlier"
    assert card["baseline"]["sbp"] == 128


# ---- rise, and low pressure


def test_a_rise_is_medium_only_confirmed_and_with_a_pressure_that_is_high_itself() -> None:
    low = session((0, 105, 65), (600, 150, 80), (900, 152, 80), dose_s=300)
    assert told(low, "pressure-rise") == ["10:00 low pressure-rise raised"]
    high = session((0, 120, 75), (600, 166, 90), (900, 164, 88), dose_s=300)
    assert told(high, "pressure-rise") == ["10:00 low pressure-rise raised", "15:00 medium pressure-rise worsened"]
    assert high.transitions[-1].evidence["baseline"] == 120
    single = session((0, 120, 75), (600, 166, 90), (900, 140, 82), (1200, 166, 90), dose_s=300)
    assert not [line for line in told(single, "pressure-rise") if "medium" in line]


def test_the_baseline_is_the_median_of_the_good_cuffs_before_the_dose_else_the_first() -> None:
    clinic = session((0, 150, 90), (200, 130, 80), (400, 132, 81), (700, 171, 95), dose_s=500)
    assert told(clinic, "pressure-rise") == []
    clinic = session((0, 150, 90), (200, 130, 80), (400, 132, 81), (700, 172, 95), dose_s=500)
    assert told(clinic, "pressure-rise") == ["11:40 low pressure-rise raised"]
    late = session((100, 120, 75), (700, 160, 85), dose_s=50)
    assert told(late, "pressure-rise") == ["11:40 low pressure-rise raised"]


def test_a_low_cuff_with_a_slow_heart_needs_no_second() -> None:
    def faint(rate: float) -> list[str]:
        clinic = Scene()
        three = clinic.chair("3")
        three.starts()
        three.shows(5, hr=[rate, rate + 1] * 3)
        three.cuff(86, 50)
        return told(clinic, "hypotension")

    assert faint(48) == ["0:05 medium hypotension raised"]
    assert faint(60) == ["0:05 low hypotension raised"]


@pytest.mark.parametrize(("rate", "pulse", "slow"), [(48, 52, True), (52, 48, False)])
def test_the_rate_beside_a_low_cuff_is_the_monitor_s_before_the_oximeter_s(
    rate: float, pulse: float, slow: bool
) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(5, hr=[rate, rate + 1] * 3, pulse=[pulse, pulse + 1] * 3)
    three.cuff(86, 50)
    assert told(clinic, "hypotension") == [f"0:05 {'medium' if slow else 'low'} hypotension raised"]


@pytest.mark.parametrize(("age_s", "slow"), [(29, True), (30, False)])
def test_a_rate_that_is_no_longer_valid_stands_in_for_no_second_cuff(age_s: float, slow: bool) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.send(three.vitals(hr=48))
    clinic.now_s = age_s
    three.cuff(86, 50)
    assert told(clinic, "hypotension") == [f"0:{age_s} {'medium' if slow else 'low'} hypotension raised"]


def test_twice_below_eighty_is_high() -> None:
    clinic = session((0, 120, 70), (300, 78, 45), (420, 76, 44))
    assert told(clinic, "hypotension") == ["5:00 low hypotension raised", "7:00 high hypotension worsened"]
