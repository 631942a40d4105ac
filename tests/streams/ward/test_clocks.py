"""Senders' clocks that cannot be right: set back, never right, standing still. Nothing of the patient is lost for long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.instants import SECOND
from streams.shard import Shard
from streams.ward.state import Clock
from tests.support.scenes import START_US, Scene, seconds

both_clocks = pytest.mark.parametrize("clock", ["received", "observed"])


def scene(clock: Clock) -> Scene:
    clinic = Scene(clock=clock)
    clinic.chair("3").starts("ect", None)
    return clinic


def sends(
    clinic: Scene, length: int, spo2: float, says: Callable[[float], float] = lambda at_s: at_s, beat_s: float = 1.0
) -> None:
    """So many lines of chair 3, whose clock says something else than the time at which each is received.

    A saturation below 90 is reached by a slide from 93. No two minutes have the same heart rates.
    """
    for n in range(length):
        clinic.now_s += beat_s
        level = max(spo2, 93 - 4 * n) if spo2 < 90 else spo2
        rate = 60 + round(clinic.now_s * clinic.now_s / 7) % 13
        clinic.send(clinic.chair("3").vitals(at_s=says(clinic.now_s), spo2=level + n % 2, hr=rate, pulse=rate))


def raised(clinic: Scene, rule: str) -> list[float]:
    return [seconds(one.at) for one in clinic.transitions if one.rule == rule and one.transition == "raised"]


YEARS_S = 26 * 365 * 86400.0


@both_clocks
@pytest.mark.parametrize("back_s", [121, 300, 1800, 3600, 3 * 3600 + 7.25, YEARS_S])
@pytest.mark.parametrize("beat_s", [1.0, 2.0, 10.0])
def test_a_clock_that_is_set_back_blinds_for_some_seconds_and_is_said(
    clock: Clock, back_s: float, beat_s: float
) -> None:
    clinic = scene(clock)
    sends(clinic, round(600 / beat_s), 96, beat_s=beat_s)
    set_s = clinic.now_s
    sends(clinic, round(60 / beat_s), 96, lambda at_s: at_s - back_s, beat_s)
    (said_s,) = raised(clinic, "clock-skew")
    assert said_s - set_s <= 60
    low_s = clinic.now_s
    sends(clinic, round(120 / beat_s), 80, lambda at_s: at_s - back_s, beat_s)
    (low,) = raised(clinic, "desaturation")
    assert low - low_s <= 20 + 2 * beat_s


@both_clocks
def test_a_fall_in_the_very_second_in_which_the_clock_is_set_is_told_within_a_minute_of_its_hold(clock: Clock) -> None:
    clinic = scene(clock)
    sends(clinic, 600, 96)
    low_s = clinic.now_s
    sends(clinic, 120, 80, lambda at_s: at_s - 3600)
    (low,) = raised(clinic, "desaturation")
    assert low - low_s <= 15 + 60


@both_clocks
def test_a_line_a_minute_whose_clock_is_set_back_is_believed_from_the_third_on(clock: Clock) -> None:
    clinic = scene(clock)
    sends(clinic, 20, 96, beat_s=60)
    set_s = clinic.now_s
    sends(clinic, 10, 82, lambda at_s: at_s - 3600, beat_s=60)
    (low,) = raised(clinic, "desaturation")
    assert low - set_s <= 5 * 60
    assert len(raised(clinic, "no-data")) <= 2


@both_clocks
def test_a_clock_that_is_set_back_and_then_right_again(clock: Clock) -> None:
    clinic = scene(clock)
    sends(clinic, 300, 96)
    sends(clinic, 300, 96, lambda at_s: at_s - 3600)
    sends(clinic, 60, 96)
    assert [one.transition for one in clinic.transitions if one.rule == "clock-skew"] == ["raised", "closed"]
    sends(clinic, 60, 80)
    assert len(raised(clinic, "desaturation")) == 1


def test_a_device_that_was_never_right_is_judged_by_arrival_after_ten_seconds() -> None:
    clinic = scene("received")
    sends(clinic, 60, 96, lambda at_s: at_s - YEARS_S)
    sends(clinic, 60, 80, lambda at_s: at_s - YEARS_S)
    (one,) = [one for one in clinic.transitions if one.rule == "desaturation" and one.transition == "raised"]
    assert 70 <= seconds(one.at) <= 80
    assert "It comes late" not in one.text
    assert 60 <= seconds(one.onset_at) <= 70


def test_a_session_that_starts_after_the_clock_was_set_back_is_watched() -> None:
    """The device's own past must not make all that comes late."""
    clinic = scene("received")
    sends(clinic, 300, 96)
    clinic.chair("3").ends()
    clinic.now_s += 60
    clinic.send()
    clinic.chair("3").starts("ect", None, session="S-4", patient="P-4")
    low_s = clinic.now_s
    sends(clinic, 60, 80, lambda at_s: at_s - YEARS_S)
    (one,) = [one for one in clinic.transitions if one.rule == "desaturation" and one.transition == "raised"]
    assert one.patient == "P-4"
    assert seconds(one.at) - low_s <= 30


@both_clocks
def test_a_clock_that_stands_still_while_its_readings_do_not(clock: Clock) -> None:
    clinic = scene(clock)
    sends(clinic, 300, 96)
    stood_s = clinic.now_s
    sends(clinic, 140, 80, lambda _: stood_s)
    (low,) = raised(clinic, "desaturation")
    assert low - stood_s <= 15 + 60
    assert len(raised(clinic, "clock-skew")) == 1


@both_clocks
@pytest.mark.parametrize("beat_s", [1.0, 2.0])
def test_a_clock_that_shows_whole_minutes_only_neither_runs_away_nor_hides_a_fall(clock: Clock, beat_s: float) -> None:
    clinic = scene(clock)

    def whole(at_s: float) -> float:
        return at_s // 60 * 60

    sends(clinic, round(3600 / beat_s), 96, whole, beat_s)
    assert abs((clinic.shard.ward.clock_us - START_US) / SECOND - clinic.now_s) <= 65
    low_s = clinic.now_s
    sends(clinic, round(180 / beat_s), 80, whole, beat_s)
    (low,) = raised(clinic, "desaturation")
    assert low - low_s <= 80


@both_clocks
def test_whole_minutes_of_somebody_whose_readings_hardly_change_run_no_further_ahead(clock: Clock) -> None:
    clinic = scene(clock)

    def minutes(length: int, spo2: float) -> None:
        # Lines that say what the one before said are the same line again: how many count differs from minute to minute.
        for n in range(length):
            clinic.now_s += 1
            rate = 70 + (n * n // 7) % 5 // 2
            at_s = clinic.now_s // 60 * 60
            clinic.send(clinic.chair("3").vitals(at_s=at_s, spo2=max(spo2, 97 - n) if spo2 < 90 else spo2, pulse=rate))

    minutes(1800, 96)
    assert abs((clinic.shard.ward.clock_us - START_US) / SECOND - clinic.now_s) <= 75
    low_s = clinic.now_s
    minutes(240, 80)
    (low,) = raised(clinic, "desaturation")
    assert low - low_s <= 100
    assert [at_s for at_s in raised(clinic, "no-data") if at_s > 60] == [], "what it shows is known after a minute"
    assert len(raised(clinic, "clock-skew")) <= 1, "what shows whole minutes is not wrong by one"


def test_readings_that_stand_still_as_well_once_a_clock_is_known_to_are_lost_like_any() -> None:
    clinic = scene("received")
    sends(clinic, 60, 96)
    stood_s = clinic.now_s
    sends(clinic, 60, 96, lambda _: stood_s)
    last_s = clinic.now_s
    for _ in range(60):
        clinic.now_s += 1
        clinic.send(clinic.chair("3").vitals(at_s=stood_s, spo2=97, hr=70))
    (lost,) = raised(clinic, "no-data")
    assert 29 <= lost - last_s <= 32


def test_a_clock_and_readings_that_stand_still_are_one_line_that_is_sent_again() -> None:
    clinic = scene("received")
    sends(clinic, 60, 96)
    stood_s = clinic.now_s
    for _ in range(60):
        clinic.now_s += 1
        clinic.send(clinic.chair("3").vitals(at_s=stood_s, spo2=80, hr=70))
    assert raised(clinic, "desaturation") == []
    assert raised(clinic, "no-data") == [stood_s + 30]


@both_clocks
@pytest.mark.parametrize("length", [5, 60, 300])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_batch_that_is_sent_again_is_no_clock_that_was_set(clock: Clock, length: int, restarted: bool) -> None:
    clinic = scene(clock)
    three = clinic.chair("3")

    def line(second: int) -> None:
        clinic.send(
            three.vitals(at_s=second, spo2=(80 if 200 <= second < 230 else 96) + second % 2, hr=70 + second % 7)
        )

    for second in range(400):
        clinic.now_s = second
        line(second)
    said = clinic.told()
    if restarted:  # that is when a batch is sent again: it was not answered
        clinic.shard = Shard.restore(clinic.shard.snapshot())
    for second in range(400 - length, 400):
        line(second)
    assert clinic.told() == said
    for second in range(400, 430):
        clinic.now_s = second
        line(second)
    assert clinic.told() == said


def test_a_backlog_after_live_lines_starts_and_ends_nothing() -> None:
    clinic = scene("received")
    three = clinic.chair("3")
    sends(clinic, 60, 96)
    clinic.now_s += 40
    clinic.send()
    said = clinic.told()
    sends(clinic, 3, 96)
    clinic.send(*(three.vitals(at_s=60 + second, spo2=80 + second % 2, hr=70 + second % 3) for second in range(40)))
    sends(clinic, 30, 96)
    assert raised(clinic, "desaturation") == []
    assert [one for one in clinic.told() if "clock-skew" in one] == []
    assert said == ["1:30 low no-data raised (P-3)"]


def test_a_batch_of_half_an_hour_that_comes_late_keeps_its_own_time() -> None:
    clinic = scene("received")
    three = clinic.chair("3")
    sends(clinic, 60, 96)
    clinic.now_s = 1860
    clinic.send(
        *(
            three.vitals(at_s=second, spo2=(80 if 600 <= second < 660 else 96), hr=70 + second % 3)
            for second in range(61, 1860)
        )
    )
    (one,) = [one for one in clinic.transitions if one.rule == "desaturation" and one.transition == "raised"]
    assert 610 <= seconds(one.at) <= 660
    assert "It comes late" in one.text


def test_a_backlog_that_takes_half_a_minute_to_come_keeps_its_own_time_to_its_end() -> None:
    clinic = scene("received")
    three = clinic.chair("3")
    sends(clinic, 60, 96)
    clinic.now_s = 1500
    for first in range(60, 660, 20):
        clinic.now_s += 1
        clinic.send(
            *(
                three.vitals(
                    at_s=second,
                    spo2=(max(80, 93 - 4 * (second - 400)) if 400 <= second < 460 else 96),
                    hr=70 + second % 3,
                )
                for second in range(first, first + 20)
            )
        )
    sends(clinic, 30, 96)
    (one,) = [one for one in clinic.transitions if one.rule == "desaturation" and one.transition == "raised"]
    assert 410 <= seconds(one.at) <= 460
    assert "It comes late" in one.text


@both_clocks
def test_one_device_whose_clock_is_set_back_changes_nothing_of_another_beside_it(clock: Clock) -> None:
    clinic = scene(clock)
    three = clinic.chair("3")
    three.takes("oximeter")
    for second in range(400):
        clinic.now_s = second
        level = max(80, 93 - 4 * max(second - 300, 0)) if second >= 300 else 96
        back_s = 3600 if second >= 200 else 0
        clinic.send(
            three.vitals(hr=70 + second % 3),
            three.vitals(at_s=second - back_s, device="oximeter", spo2=level + second % 2),
        )
    (low,) = raised(clinic, "desaturation")
    assert 300 <= low <= 330
    assert raised(clinic, "artefact") == []


@both_clocks
def test_what_is_known_of_a_clock_is_in_the_checkpoint(clock: Clock) -> None:
    clinic = scene(clock)
    sends(clinic, 100, 96)
    sends(clinic, 8, 96, lambda at_s: at_s - 3600)
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    sends(clinic, 30, 96, lambda at_s: at_s - 3600)
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    sends(clinic, 30, 80, lambda at_s: at_s - 3600)
    assert len(raised(clinic, "clock-skew")) == 1
    assert len(raised(clinic, "desaturation")) == 1
    assert clinic.shard.ward.clock_us % SECOND == 0


def test_in_a_recording_a_line_that_steps_back_takes_no_time_back() -> None:
    clinic = Scene(clock="observed")
    three = clinic.chair("3")
    clinic.send(three.vitals(at_s=100, patient="P-3", spo2=97))
    clinic.send(three.vitals(at_s=50, patient="P-3", pulse=70).model_copy(update={"device": "oximeter"}))
    assert clinic.shard.ward.clock_us == START_US + 100 * SECOND


@pytest.mark.parametrize("beat_s", [1.0, 5.0, 10.0])
@pytest.mark.parametrize("gap_s", [30, 120, 300])
@pytest.mark.parametrize("later_s", [10, 60, 180])
def test_what_a_recording_has_late_fills_the_gap_and_takes_no_time_from_what_comes_after(
    beat_s: float, gap_s: int, later_s: int
) -> None:
    """Lines that overtook a stretch, then the stretch, then a fall: told as if all had come in order, and no clock was set."""
    clinic = scene("observed")
    three = clinic.chair("3")
    sends(clinic, round(600 / beat_s), 96, beat_s=beat_s)
    gap = [clinic.now_s + beat_s * n for n in range(1, round(gap_s / beat_s) + 1)]
    clinic.now_s = gap[-1]
    sends(clinic, round(later_s / beat_s), 96, beat_s=beat_s)
    clinic.send(*(three.vitals(at_s=at_s, spo2=96 + round(at_s) % 2, hr=70 + round(at_s) % 3) for at_s in gap))
    sends(clinic, round(60 / beat_s), 96, beat_s=beat_s)
    low_s = clinic.now_s
    sends(clinic, round(60 / beat_s), 80, beat_s=beat_s)
    assert raised(clinic, "clock-skew") == []
    (low,) = raised(clinic, "desaturation")
    assert low_s < low <= low_s + 15 + 3 * beat_s
