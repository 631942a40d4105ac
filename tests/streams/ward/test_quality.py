"""Signal quality: what is believed, and what a reading that is not believed may do, which is nothing."""

from __future__ import annotations

from math import isfinite

import pytest

from models.instants import SECOND
from models.tables.channels import CHANNELS, Channel
from models.wire.live import ValueOut
from streams.ward.rows import KEYS_KEPT
from streams.ward.signal.quality import FROZEN_AFTER
from tests.support.scenes import START_US, Scene, breathing

every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)


def shown(clinic: Scene, channel: str) -> ValueOut:
    (card,) = clinic.shard.chairs("main")["chairs"]
    return next(value for name, value in card["values"].items() if name == channel)


def one_reading(channel: str, value: float) -> ValueOut:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(**{channel: value}))
    return shown(clinic, channel)


@every_channel
def test_the_ends_of_a_channel_s_range_are_believed_and_beyond_them_nothing_is(channel: Channel) -> None:
    for value in (channel.lowest, channel.highest):
        assert one_reading(channel.name, value)["quality"] == "good"
    for value in (channel.lowest - 0.1, channel.highest + 0.1, -100.0, 32767.0, 1e300, -1.7e308):
        reading = one_reading(channel.name, value)
        assert reading["quality"] == "implausible"
        assert reading["value"] is None


@pytest.mark.parametrize("channel", [c for c in CHANNELS if isfinite(c.grain)], ids=lambda channel: channel.name)
def test_a_change_faster_than_the_body_is_a_step_and_the_value_before_stays(channel: Channel) -> None:
    start = channel.lowest
    reach = channel.grain + channel.fastest
    for far, quality in ((reach, "good"), (reach + 0.1, "step")):
        clinic = Scene()
        clinic.send(clinic.chair("3").vitals(**{channel.name: start}))
        clinic.now_s += 1
        clinic.send(clinic.chair("3").vitals(**{channel.name: start + far}))
        assert shown(clinic, channel.name)["quality"] == quality
        assert shown(clinic, channel.name)["value"] == (start if quality == "step" else pytest.approx(start + far))


def test_a_step_is_judged_between_neighbours_and_does_not_become_believable_by_waiting() -> None:
    clinic = Scene()
    clinic.chair("3").spo2([98] * 5 + [85] * 29)
    assert shown(clinic, "spo2")["quality"] == "step"
    assert clinic.told("desaturation") == []


def test_a_step_that_returns_has_never_been() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").shows(100, spo2=[98] * 20 + [80] * 28 + [97] * 52, hr=breathing(70, 100))
    assert clinic.told() == []


def test_a_step_that_holds_is_believed_after_half_a_minute_and_counts_from_its_first_sample() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(80, spo2=[98] * 20 + [breathing(80, 60)[n] for n in range(60)], hr=breathing(70, 80))
    assert clinic.told("desaturation") == ["0:50 high desaturation raised (P-3)"]
    assert clinic.alert("desaturation").onset_us == START_US + 20 * SECOND


def test_the_first_sample_of_a_believed_step_vouches_for_the_time_since_the_one_before_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(70, hr=[142.0, 143.0] * 10 + breathing(206, 50))
    assert clinic.told("tachycardia") == ["1:00 medium tachycardia raised (P-3)"]


def test_what_lies_before_a_step_that_steps_again_counts_for_half_a_minute_at_most() -> None:
    clinic = Scene()
    clinic.configures({"tachycardia": {"medium": {"rate": {"hold_s": 100}}}})
    three = clinic.chair("3")
    three.starts()
    three.shows(130, hr=[*breathing(142, 11), *breathing(206, 25), *breathing(70, 25), *breathing(220, 69)])
    assert clinic.told("tachycardia") == ["2:01 medium tachycardia raised (P-3)"]


def test_a_probe_is_back_with_its_second_reading_where_it_was() -> None:
    clinic = Scene()
    clinic.chair("3").spo2([98.0] * 20 + [90.0] * 5 + [92.5, 95.0])
    assert shown(clinic, "spo2")["quality"] == "step"
    clinic.chair("3").spo2([96.0])
    assert shown(clinic, "spo2")["quality"] == "good"


def test_how_near_is_back_is_judged_by_the_furthest_that_a_step_has_gone() -> None:
    clinic = Scene()
    clinic.chair("3").spo2([98.0] * 20 + [91.0] + [70.0] * 10 + [93.0] * 2)
    assert shown(clinic, "spo2")["quality"] == "good"


def test_a_saturation_that_flutters_where_it_stepped_to_is_not_believed() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").spo2([98.0] * 20 + [80.0, 85.0] * 25)
    assert clinic.told("desaturation") == []


def test_a_step_that_steps_again_starts_anew() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.spo2([98] * 20 + [80] * 20 + [70] * 31)
    assert clinic.told("desaturation") == ["1:10 high desaturation raised (P-3)"]
    assert clinic.alert("desaturation").onset_us == START_US + 40 * SECOND


@pytest.mark.parametrize("per_s", [1, 2, 4])
def test_a_saturation_that_falls_as_fast_as_a_body_can_is_believed_all_the_way(per_s: int) -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").spo2([98.0] * 5 + [98.0 - per_s * second for second in range(1, 20 // per_s)] + [78.0] * 12)
    (raised, *_) = clinic.told("desaturation")
    assert "raised" in raised
    assert shown(clinic, "spo2")["quality"] == "good"


def test_a_movement_that_shakes_every_signal_raises_nothing() -> None:
    """As a hand that moves shows it: everything jumps in one second, and SpO2 goes up and down from second to second."""
    shaken = [89, 83, 93, 83, 82, 93, 82, 91, 80, 88, 90, 86, 84, 85, 89] * 2
    rates = [94, 100, 92, 97, 102, 103, 96, 101, 98, 102, 92, 101, 99, 104, 95] * 2
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, spo2=97, hr=breathing(68, 30), pulse=breathing(68, 30), rr=breathing(14, 30))
    three.shows(26, spo2=shaken, hr=rates, pulse=rates[5:] + rates[:5], rr=[24 + n % 5 for n in range(30)])
    three.shows(60, spo2=96, hr=breathing(69, 60), pulse=breathing(69, 60), rr=breathing(14, 60))
    assert clinic.told("desaturation", "tachycardia", "tachypnoea") == []


def test_a_moment_of_movement_does_not_restart_what_was_running() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(
        60,
        rr=[14.0] * 10 + [6.0] * 17 + [18.0] * 4 + [6.0] * 29,
        hr=[72.0, 73.0] * 13 + [73.0] + [110.0] * 4 + [72.0, 73.0] * 20,
    )
    (raised,) = clinic.told("bradypnoea")
    assert raised in {f"0:{second} medium bradypnoea raised (P-3)" for second in range(43, 47)}


def test_a_probe_that_is_off_disagrees_with_nobody() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(10, hr=breathing(70, 10), pulse=breathing(70, 10))
    three.shows(40, hr=[70.0 - second for second in range(28)] + breathing(42, 12))
    assert shown(clinic, "hr")["quality"] == "good"
    three.shows(2, hr=43, pulse=43)
    assert shown(clinic, "hr")["quality"] == "good"
    assert clinic.told("artefact") == []


def test_a_saturation_that_fell_on_during_a_movement_is_believed_as_soon_as_the_movement_is_over() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    falling = [97.0, *(91 - second / 2 for second in range(20))]
    shaken = [68.0, 73, 92, 79, 78, 70, 66]
    low = [77.0, 76, 76, *[75.0] * 20]
    three.shows(len(falling) + len(shaken) + len(low), spo2=[*falling, *shaken, *low], hr=breathing(70, 51))
    told = clinic.told("desaturation")
    assert told[0].startswith("0:19 medium")
    # At or below 85 for eight seconds before the movement and for two after it; not half a minute later, when it is well again.
    assert told[1:] == ["0:30 high desaturation worsened (P-3)"]


def test_the_steps_of_a_restart_are_not_forgotten() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").spo2([98] * 5 + [80] * 20)
    clinic.shard = type(clinic.shard).restore(clinic.shard.snapshot())
    clinic.chair("3").spo2([80] * 11)
    assert clinic.told("desaturation") == ["0:35 high desaturation raised (P-3)"]


def test_both_probes_of_a_sudden_fast_rhythm_are_believed_together() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(100, hr=[80.0] * 20 + breathing(175, 80), pulse=[80.0] * 20 + breathing(174, 80))
    assert clinic.told("tachycardia") == ["1:20 medium tachycardia raised (P-3)"]


# ---- two probes


def test_two_probes_that_disagree_are_both_doubted_and_said_after_twenty_seconds() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, hr=breathing(70, 30), pulse=breathing(71, 30), spo2=97)
    three.shows(25, hr=36, pulse=breathing(71, 25), spo2=breathing(84, 25))
    assert clinic.told() == ["0:53 low artefact raised (P-3)"], "after the averages have parted"
    assert {shown(clinic, name)["quality"] for name in ("hr", "pulse")} == {"disagrees"}
    three.shows(1, hr=70, pulse=71, spo2=96)
    assert clinic.told()[1:] == ["0:55 low artefact closed (P-3)"]


def test_a_saturation_that_stays_low_while_two_probes_disagree_is_told_in_spite_of_the_doubt_and_with_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, hr=breathing(70, 30), pulse=breathing(71, 30), spo2=97)
    three.shows(60, hr=breathing(70, 60), pulse=38, spo2=breathing(83, 60))
    assert clinic.told("artefact")
    assert not clinic.told("desaturation")
    three.shows(30, hr=breathing(70, 30), pulse=38, spo2=breathing(83, 30))
    assert clinic.told("desaturation") == [
        "1:30 medium desaturation raised (P-3)", "1:45 high desaturation worsened (P-3)",
    ]  # fmt: skip
    assert clinic.transitions[-1].text.endswith("for 75 s; it is doubted: heart rate 71 and pulse 38 /min disagree.")
    assert clinic.transitions[-1].evidence["doubt"] == "disagrees"


def test_a_low_saturation_that_mends_itself_within_a_doubt_is_not_told() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, hr=breathing(70, 30), pulse=breathing(71, 30), spo2=97)
    for _ in range(3):
        three.shows(45, hr=breathing(70, 45), pulse=140, spo2=breathing(84, 45))
        three.shows(15, hr=breathing(70, 15), pulse=140, spo2=breathing(95, 15))
    assert not clinic.told("desaturation")


def test_movement_that_doubles_the_pulse_beside_a_normal_saturation_says_nothing_of_oxygen() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, hr=breathing(70, 30), pulse=breathing(71, 30), spo2=97)
    three.shows(600, hr=breathing(70, 600), pulse=breathing(140, 600), spo2=breathing(95, 600))
    assert [line.split()[2] for line in clinic.told()] == ["artefact"]
    assert clinic.pages == []


def test_a_silence_after_a_long_disagreement_is_a_silence() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, hr=breathing(70, 30), pulse=breathing(71, 30), spo2=97)
    three.shows(100, hr=breathing(70, 100), pulse=breathing(140, 100), spo2=breathing(95, 100))
    clinic.passes(40)
    assert clinic.told("no-data")[0].startswith("2:39 ")


def test_a_doubt_ends_for_a_monitor_that_sends_a_line_each_ten_seconds_too() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for n in range(30):
        low = n >= 15
        clinic.send(three.vitals(hr=84 + n % 2, pulse=42 + n % 3, spo2=80 + n % 2 if low else 97 + n % 2))
        clinic.now_s += 10
    assert clinic.told("desaturation") == [
        "3:30 medium desaturation raised (P-3)", "3:50 high desaturation worsened (P-3)",
    ]  # fmt: skip


def test_a_saturation_that_is_low_again_when_the_probes_agree_is_told_by_the_ordinary_time() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, hr=breathing(70, 30), pulse=breathing(71, 30), spo2=97)
    three.shows(40, hr=breathing(70, 40), pulse=38, spo2=breathing(83, 40))
    three.shows(30, hr=breathing(70, 30), pulse=breathing(70, 30), spo2=breathing(83, 30))
    assert clinic.told("desaturation")[0].endswith("high desaturation raised (P-3)")
    assert clinic.told("desaturation")[0].startswith("1:20"), "ten seconds after they agree"


@pytest.mark.parametrize("sent", [0, 1, 127, 255])
def test_the_numbers_that_an_oximeter_sends_without_a_finger_say_that_its_probe_is_off(sent: int) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, hr=breathing(70, 30), pulse=breathing(70, 30), spo2=97)
    three.shows(60, hr=breathing(70, 60), pulse=511, spo2=sent)
    assert clinic.told() == ["0:59 low probe-off raised (P-3)"]


def test_an_irregular_heart_on_two_probes_is_believed() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    swings = [(-30, 25), (35, -10), (0, 30), (-20, -35), (40, 5), (10, 20), (-35, -5)]
    irregular = [swings[n % 7] for n in range(700)]
    three.shows(700, hr=[105 + a for a, _ in irregular], pulse=[104 + b for _, b in irregular], spo2=breathing(96, 700))
    assert [line for line in clinic.told() if "medium" in line or "high" in line or "artefact" in line] == []


# ---- a gap, a blank, an alternation


def test_lines_that_lack_a_channel_pause_it_and_a_silence_between_lines_does_not() -> None:
    def apnoea(between: list[float]) -> list[str]:
        clinic = Scene()
        three = clinic.chair("3")
        three.starts()
        three.shows(1, rr=14, hr=70)
        three.shows(7, rr=0, hr=breathing(71, 7))
        for at_s in between:
            clinic.send(three.vitals(at_s=at_s, hr=70 + at_s % 3))
        clinic.now_s = 28
        clinic.send(three.vitals(rr=0, hr=70))
        return clinic.told("apnoea")

    assert apnoea([]) == ["0:28 high apnoea raised (P-3)"]
    assert apnoea([8.0 + second for second in range(20)]) == []


def test_a_signal_that_is_good_every_other_second_counts_half_of_the_time() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").spo2([88.0, 0.0] * 30)
    assert clinic.told("desaturation") == ["0:30 medium desaturation raised (P-3)"]


def test_a_reading_after_a_gap_is_believed_however_far_it_is() -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(spo2=98))
    clinic.now_s += 31
    clinic.send(clinic.chair("3").vitals(spo2=60))
    assert shown(clinic, "spo2") == {
        "value": 60,
        "at": "2026-11-23T14:00:31.000Z",
        "age_s": 0,
        "quality": "good",
        "stale_after_s": 72,  # two beats of 31 s, and ten seconds
    }


@pytest.mark.parametrize(("channel", "before", "after"), [("temp", 26, 44), ("tcco2", 20, 120)])
def test_a_reading_after_a_gap_is_no_step_though_the_body_is_slower(channel: str, before: float, after: float) -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(**{channel: before}))
    clinic.now_s += 31
    clinic.send(clinic.chair("3").vitals(**{channel: after}))
    assert shown(clinic, channel)["quality"] == "good"


def test_what_is_sent_again_under_any_of_a_monitor_s_last_keys_is_no_reading() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    keys = [f"line-{n}" for n in range(KEYS_KEPT)]
    for second, key in enumerate(keys):
        clinic.send(three.vitals(at_s=second, id=key, spo2=97))
    clinic.now_s = 20
    for second, key in enumerate(keys):
        clinic.send(three.vitals(at_s=10 + second, id=key, spo2=96))
        assert shown(clinic, "spo2")["value"] == 97


def test_a_channel_is_missed_from_when_its_last_line_came_not_from_when_it_was_sent() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(31, spo2=breathing(97, 31), hr=breathing(70, 31))
    clinic.now_s = 55
    clinic.send(*(three.vitals(at_s=second, spo2=97, hr=70 + second % 2) for second in range(31, 36)))
    clinic.passes(80)
    assert clinic.told("no-data") == ["1:55 low no-data raised (P-3)"], "two beats of 25 s, and ten seconds"
    assert clinic.alert("no-data").onset_us == START_US + 55 * SECOND


def test_single_spikes_raise_nothing() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").spo2([97, 97, 97, 60] * 30)
    assert clinic.told() == []


def test_a_monitor_that_repeats_itself_for_two_minutes_is_frozen_and_its_next_change_thaws_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(130, spo2=97, hr=70)
    assert clinic.told() == [f"{FROZEN_AFTER // 60_000_000}:00 low artefact raised (P-3)"]
    three.shows(1, spo2=97, hr=71)
    assert clinic.told()[1:] == ["2:10 low artefact closed (P-3)"]


def test_a_frozen_monitor_neither_starts_nor_ends_an_alarm_and_is_no_data_in_the_end() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(200, spo2=88, hr=70)
    assert clinic.told("desaturation") == ["0:15 medium desaturation raised (P-3)"]
    assert clinic.told("no-data") == ["2:29 low no-data raised (P-3)"], "30 s after the last reading that was believed"


def test_a_single_channel_that_holds_still_is_not_frozen() -> None:
    """A healthy SpO2 reads 98 for hours."""
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").spo2([98] * 300)
    assert clinic.told() == []


@pytest.mark.parametrize("word", ["probe-off", "artefact", "off"])
def test_a_status_goes_before_the_number_that_came_with_it(word: str) -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(spo2=97, status={"spo2": word}))
    assert shown(clinic, "spo2")["quality"] == word
    assert shown(clinic, "spo2")["value"] is None


def test_a_value_grows_old_on_the_board() -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(spo2=97, sbp=120))
    clinic.passes(29)
    assert shown(clinic, "spo2")["quality"] == "good"
    clinic.passes(1)
    assert (shown(clinic, "spo2")["quality"], shown(clinic, "spo2")["age_s"]) == ("stale", 30)
    assert shown(clinic, "sbp")["quality"] == "good", "a cuff is a reading of its minutes"


def test_a_noisy_but_live_monitor_is_believed() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").shows(
        600, spo2=breathing(96, 600), hr=breathing(70, 600), rr=breathing(13, 600), etco2=breathing(38, 600)
    )
    assert clinic.told() == []


def test_a_frozen_device_is_found_beside_a_live_one() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for second in range(150):
        clinic.send(three.vitals(spo2=97, pulse=70))
        clinic.send(three.vitals(at_s=second + 0.5, device="m-3", rr=12 + second % 3, etco2=38 + second % 2))
        clinic.now_s += 1
    assert clinic.told("artefact") == ["2:00 low artefact raised (P-3)"]


def test_a_device_whose_two_probes_are_doubted_freezes_too() -> None:
    clinic = Scene()
    clinic.chair("3").shows(130, hr=70, pulse=140, rr=14)
    assert shown(clinic, "rr")["quality"] == "frozen"


@pytest.mark.parametrize("dbp", [70, 125])
def test_a_diastolic_at_or_above_its_systolic_is_no_pressure(dbp: float) -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").cuff(70, dbp)
    assert shown(clinic, "sbp")["quality"] == "implausible"
    assert clinic.told("hypotension", "hypertensive-crisis") == []
