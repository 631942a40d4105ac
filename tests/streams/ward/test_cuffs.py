"""Cuffs: one is a reading, two are a finding; a crisis is believed at once unless it stands alone far above a normal one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tables.limits import LIMITS
from models.wire.observations import CheckIn
from streams.ward.rules.cuffs import CuffRules
from tests.support.scenes import Scene, moment

HIGH_OR_MEDIUM = (" medium ", " high ")


def session(*cuffs: tuple[float, float, float | None], dose_s: float | None = None) -> Scene:
    """A session with these cuffs: (second, systolic, diastolic)."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for at_s, sbp, dbp in cuffs:
        if dose_s is not None and at_s > dose_s:
            clinic.now_s = dose_s
            three.infuses()
            dose_s = None
        clinic.now_s = at_s
        three.cuff(sbp, dbp)
    return clinic


def told(clinic: Scene, *rules: str) -> list[str]:
    return [line.split(" (")[0] for line in clinic.told(*rules)]


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


# ---- crisis


def test_a_crisis_that_grew_from_a_high_cuff_is_high_at_once() -> None:
    clinic = session((0, 128, 80), (600, 165, 95), (1200, 205, 105))
    assert told(clinic, "hypertensive-crisis") == ["20:00 high hypertensive-crisis raised"]
    clinic = session((0, 205, 105))
    assert told(clinic, "hypertensive-crisis") == ["0:00 high hypertensive-crisis raised"], "nothing to doubt it by"


def test_a_crisis_far_above_a_normal_cuff_waits_at_low_and_its_recheck_decides() -> None:
    first = ((0, 128, 80), (600, 212, 104))
    high = session(*first, (700, 184, 100))
    assert told(high, "hypertensive-crisis") == [
        "10:00 low hypertensive-crisis raised",
        "11:40 high hypertensive-crisis worsened",
    ]
    normal = session(*first, (700, 131, 82))
    assert told(normal, "hypertensive-crisis") == [
        "10:00 low hypertensive-crisis raised",
        "11:40 low hypertensive-crisis closed",
    ]
    normal.passes(600)
    assert told(normal, "hypertensive-crisis")[2:] == []


def test_a_crisis_that_nobody_rechecks_is_high_after_three_minutes_to_the_instant() -> None:
    clinic = session((0, 128, 80), (600.25, 212, 104))
    clinic.now_s = 800
    clinic.send()
    assert told(clinic, "hypertensive-crisis") == [
        "10:00.250 low hypertensive-crisis raised",
        "13:00.250 high hypertensive-crisis worsened",
    ]
    assert "not rechecked" in clinic.alert("hypertensive-crisis").text


def test_a_recheck_that_failed_is_no_recheck() -> None:
    clinic = session((0, 128, 80), (600, 212, 104))
    three = clinic.chair("3")
    clinic.now_s = 660
    clinic.send(three.vitals(status={"sbp": "cuff-failed", "dbp": "cuff-failed"}))
    clinic.passes(150)
    assert told(clinic, "hypertensive-crisis")[1:] == ["13:00 high hypertensive-crisis worsened"]


def test_a_restart_does_not_forget_the_recheck() -> None:
    clinic = session((0, 128, 80), (600, 212, 104))
    clinic.shard = type(clinic.shard).restore(clinic.shard.snapshot())
    clinic.passes(200)
    assert told(clinic, "hypertensive-crisis")[1:] == ["13:00 high hypertensive-crisis worsened"]


def test_a_high_cuff_of_a_patient_with_symptoms_is_a_crisis_in_either_order() -> None:
    def symptoms(clinic: Scene) -> None:
        who = {"at": moment(clinic.now_s), "patient": "P-3", "session": "S-3"}
        clinic.send(CheckIn.model_validate({**who, "instrument": "symptoms", "items": {"severe-headache": True}}))

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


def test_twice_below_eighty_is_high() -> None:
    clinic = session((0, 120, 70), (300, 78, 45), (420, 76, 44))
    assert told(clinic, "hypotension") == ["5:00 low hypotension raised", "7:00 high hypotension worsened"]


# ---- by property

pressures = st.tuples(
    st.sampled_from([70, 85, 89, 95, 120, 150, 165, 179, 181, 195, 201, 230]),
    st.sampled_from([45, 70, 104, 109, 112, 121]),
)
waits = st.sampled_from([60, 120, 170, 300, 599, 601, 900])


@given(cuffs=st.lists(st.tuples(waits, pressures), min_size=1, max_size=12))
def test_above_low_there_are_always_two_cuffs_or_a_crisis(cuffs: list[tuple[int, tuple[int, int]]]) -> None:
    """Against the table's text, cuff by cuff, without its machinery: what is past now and was past in the cuff before."""
    machine, at_us = CuffRules(), 0
    before: tuple[int, int] = (120, 75)
    standing: dict[str, int] = {}
    for wait_s, (sbp, dbp) in cuffs:
        at_us += wait_s * 1_000_000
        readings = {"sbp": float(sbp), "dbp": float(dbp)}
        high = sbp >= 180 or dbp >= 110
        for verdict in machine.read(at_us, readings, False, LIMITS):
            priority = -1 if verdict.priority is None else int(verdict.priority)
            worse = priority > standing.get(verdict.rule, -1)
            if worse and priority >= 2 and verdict.rule == "hypertension":
                assert wait_s <= 600
                assert high
                assert before[0] >= 180 or before[1] >= 110
            if worse and priority >= 2 and verdict.rule == "hypotension":
                assert wait_s <= 600
                assert max(sbp, before[0]) < 90
            if worse and priority == 3 and verdict.rule == "hypertensive-crisis":
                assert high
                assert max(sbp, before[0]) >= 200 or max(dbp, before[1]) >= 120
            standing[verdict.rule] = priority
        assert CuffRules.unpacked(machine.packed()) == machine
        before = (sbp, dbp)
