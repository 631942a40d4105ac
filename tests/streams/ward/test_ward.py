"""The ward on the edge of what it can be told: no reading and no entry may stop it, and what is not believed is not used."""

from __future__ import annotations

import pytest

from models.wire.observations import Conflicted, SetAside
from streams.shard import OffsetGap, Shard
from tests.support.scenes import Scene, breathing, moment, pack


def test_a_cuff_that_is_not_believed_is_no_baseline() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(130, 15)  # a diastolic of 15 is a cuff that slipped
    assert clinic.shard.chairs("main")["chairs"][0]["baseline"] == {"sbp": 130.0, "dbp": None}
    clinic.now_s += 60
    three.infuses()
    three.cuff(130, 80)
    assert clinic.told("pressure-rise") == []


def test_a_rule_on_two_channels_goes_on_when_one_of_them_is_missing() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(130, 80)
    three.infuses()
    clinic.now_s += 300
    three.cuff(175, 110)
    clinic.now_s += 300
    three.cuff(None, 80)
    assert clinic.told("pressure-rise") == ["5:00 low pressure-rise raised (P-3)"]
    clinic.now_s += 300
    three.cuff(135, 80)
    assert clinic.told("pressure-rise")[1:] == ["15:00 low pressure-rise closed (P-3)"]


def test_what_is_not_believed_is_not_even_said() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(21, rr=2, etco2=7)
    clinic.now_s += 40
    for _ in range(11):
        clinic.send(three.vitals(rr=12, etco2=500))  # breathing again; the CO2 line is nonsense
        clinic.now_s += 1
    for one in clinic.transitions:
        assert one.evidence.get("value") != 500


@pytest.mark.parametrize("minutes", [1e10, 1e9, 1441.0, -5.0, 0.0])
def test_a_dose_of_an_impossible_length_is_watched_as_a_usual_one(minutes: float) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts(planned_minutes=minutes)
    three.infuses(minutes=minutes)
    three.cuff(120, 75)
    assert clinic.shard.chairs("main")["chairs"][0]["phase"] == "dosing"
    clinic.now_s += 41 * 60
    clinic.send()
    assert clinic.shard.chairs("main")["chairs"][0]["phase"] == "observation"


def test_records_that_disagree_twice_are_one_alert() -> None:
    clinic = Scene()
    for offset in (7, 9):
        clinic.send(Conflicted(at=moment(0), offset=offset, effect=0, stored="a", offered="b"))
        clinic.now_s += 1
    assert [one.transition for one in clinic.transitions] == ["raised"]
    clinic.closes("integrity")
    clinic.send(Conflicted(at=moment(0), offset=11, effect=0, stored="a", offered="b"))
    assert [one.transition for one in clinic.transitions] == ["raised", "closed", "raised"]


def test_a_line_that_an_edge_could_not_use_is_a_dead_letter_with_its_reason() -> None:
    clinic = Scene()
    clinic.send(SetAside(at=moment(0), field="spo2", reason="not a number", line='{"spo2": "97"}'))
    (letter,) = clinic.dead_letters
    assert (letter.field, letter.reason, letter.line) == ("spo2", "not a number", '{"spo2": "97"}')
    assert clinic.shard.ward.counts["set aside"] == 1


def test_a_frame_that_came_already_is_skipped_and_one_that_is_not_next_is_refused() -> None:
    shard = Shard()
    shard.step(0, 1, pack([]))
    assert shard.step(0, 2, pack([])).effects == ()
    with pytest.raises(OffsetGap) as gap:
        shard.step(2, 3, pack([]))
    assert (gap.value.expected, gap.value.came) == (1, 2)


def test_the_clock_never_goes_back() -> None:
    shard = Shard()
    shard.step(0, 10_000_000, pack([]))
    shard.step(1, 5_000_000, pack([]))
    assert shard.ward.clock_us == 10_000_000


# ---- evidence


def test_an_alert_says_where_the_reading_came_from_and_what_is_usual() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(180, spo2=breathing(96, 180), hr=breathing(70, 180))
    three.infuses()
    three.shows(200, spo2=[96.0 - second // 20 for second in range(200)], hr=breathing(70, 200))
    (raised,) = [one for one in clinic.transitions if one.rule == "desaturation"]
    assert raised.evidence["trend"] == {"from": 93, "over_s": 95}
    assert 96 <= float(str(raised.evidence["baseline"])) <= 97
    assert (raised.evidence["data_age_s"], raised.evidence["minute"]) == (0, 2.6)


def test_a_pressure_alert_says_the_cuff_before() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").cuff(150, 85)
    clinic.now_s = 300
    clinic.chair("3").cuff(186, 96)
    assert clinic.alert("hypertension").evidence["trend"] == {"from": 150, "over_s": 300}
    assert clinic.alert("hypertension").evidence["baseline"] == 150


# ---- holding


def test_persistence_is_counted_on_the_sender_s_clock_not_on_frames() -> None:
    """Sixteen seconds of readings that arrive in one batch are sixteen seconds of readings."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.now_s = 20
    clinic.send(*(three.vitals(at_s=4 + second, spo2=88) for second in range(17)))
    assert clinic.told("desaturation") == ["0:19 medium desaturation raised (P-3)"]


@pytest.mark.parametrize(("back", "raised_s"), [(1, 17), (2, 18)])
def test_one_or_two_readings_back_inside_slow_a_hold_but_do_not_restart_it(back: int, raised_s: int) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.spo2([88] * 10 + [91] * back + [88] * 20)
    assert clinic.told("desaturation") == [f"0:{raised_s} medium desaturation raised (P-3)"]


def test_a_third_reading_back_inside_restarts_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.spo2([88] * 10 + [91] * 3 + [88] * 20)
    assert clinic.told("desaturation") == ["0:28 medium desaturation raised (P-3)"]


def test_readings_that_are_not_believed_pause_a_hold() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.spo2([88] * 10 + [0] * 8 + [88] * 20)
    # Nine seconds before the zeros; the first reading after them vouches for its own second; five more.
    assert clinic.told("desaturation") == ["0:23 medium desaturation raised (P-3)"]


@pytest.mark.parametrize("shown", [0, None, 400])
def test_a_loose_probe_neither_starts_nor_ends_an_alarm(shown: float | None) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(20, spo2=shown, rr=breathing(14, 20))
    assert clinic.told("desaturation") == []
    three.spo2([88] * 16)
    three.shows(25, spo2=shown, rr=breathing(14, 25))
    assert clinic.told("desaturation") == ["0:35 medium desaturation raised (P-3)"]


def test_a_worse_limit_of_the_same_rule_worsens_the_alert_and_an_easier_one_eases_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.spo2([89] * 16 + [84] * 13 + [89] * 33 + [94] * 32)
    assert [line.split(" (")[0] for line in clinic.told("desaturation")] == [
        "0:15 medium desaturation raised",
        "0:26 high desaturation worsened",
        "0:59 medium desaturation eased",
        "1:32 medium desaturation latched",
    ]


# ---- cuffs


def test_a_second_high_cuff_within_ten_minutes_confirms_the_first() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(185, 90)
    clinic.now_s += 600
    three.cuff(186, 90)
    assert clinic.told("hypertension") == [
        "0:00 low hypertension raised (P-3)",
        "10:00 medium hypertension worsened (P-3)",
    ]


def test_a_second_high_cuff_after_half_an_hour_is_a_new_first() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(185, 90)
    clinic.now_s += 1801
    three.cuff(186, 90)
    assert clinic.told("hypertension") == ["0:00 low hypertension raised (P-3)"]
    clinic.now_s += 300
    three.cuff(184, 90)
    assert clinic.told("hypertension")[1:] == ["35:01 medium hypertension worsened (P-3)"]


def test_a_cuff_that_disagrees_starts_anew() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for sbp in (85, 100, 85, 84):
        three.cuff(sbp, 60)
        clinic.now_s += 120
    assert clinic.told("hypotension") == [
        "0:00 low hypotension raised (P-3)",
        "2:00 low hypotension closed (P-3)",
        "4:00 low hypotension raised (P-3)",
        "6:00 medium hypotension worsened (P-3)",
    ]


def test_a_cuff_that_failed_between_two_high_ones_disagrees_with_nothing() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(185, 90)
    clinic.now_s += 120
    clinic.send(three.vitals(status={"sbp": "cuff-failed", "dbp": "cuff-failed"}))
    clinic.now_s += 120
    three.cuff(186, 90)
    assert clinic.told("hypertension")[1:] == ["4:00 medium hypertension worsened (P-3)"]


# ---- late and repeated


def test_a_sample_older_than_its_channel_s_newest_starts_and_ends_nothing() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.spo2([97] * 40)
    clinic.send(*(three.vitals(at_s=second, spo2=70) for second in range(39)))
    assert clinic.told("desaturation") == []
    assert clinic.shard.chairs("main")["chairs"][0]["values"]["spo2"]["value"] == 97


def test_channels_of_one_instant_may_come_in_lines_of_their_own() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for _ in range(32):
        clinic.send(three.vitals(spo2=88), three.vitals(rr=6), three.vitals(hr=40))
        clinic.now_s += 1
    assert {line.split(" (")[0] for line in clinic.told()} == {
        "0:15 medium desaturation raised",
        "0:30 medium bradypnoea raised",
        "0:30 medium bradycardia raised",
    }


def test_a_sample_sent_again_under_its_key_is_dropped() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.send(three.vitals(id="a", sbp=185.0))
    clinic.now_s += 60
    clinic.send(three.vitals(id="a", sbp=185.0))
    assert clinic.told("hypertension") == ["0:00 low hypertension raised (P-3)"], "one cuff does not confirm itself"
