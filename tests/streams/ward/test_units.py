"""Readings that nobody can have: told in time, with what they look like, until the next good one; they prove nothing."""

from __future__ import annotations

import pytest

from streams.ward.signal.units import looks_like
from tests.support.scenes import Scene, breathing


def scene() -> Scene:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").shows(3, spo2=97.0, hr=70.0)
    return clinic


def implausible(clinic: Scene) -> list[str]:
    return [line.split(" (")[0].split(" ", 1)[1] for line in clinic.told("implausible")]


@pytest.mark.parametrize(
    ("sbp", "dbp", "what"),
    [
        (16.3, 10.4, "looks like kPa (122/78 mmHg)"),
        (27.6, 16.8, "looks like kPa (207/126 mmHg)"),
        (78, 122, "looks like systolic and diastolic swapped"),
        (300, 80, "no cuff can show that"),
        (35, 22, "looks like kPa (263/165 mmHg)"),
        (97, 97, "no cuff can show that"),
    ],
)
def test_a_cuff_that_cannot_be_is_told_at_low_with_what_it_looks_like(sbp: float, dbp: float, what: str) -> None:
    clinic = scene()
    clinic.chair("3").cuff(sbp, dbp)
    assert implausible(clinic) == ["low implausible raised"]
    assert what in clinic.alert("implausible").text
    assert "Systolic pressure" in clinic.alert("implausible").text
    assert clinic.told("hypertension", "hypertensive-crisis", "hypotension") == []


def test_it_lasts_until_a_good_cuff_whatever_else_is_lost_or_comes_back_meanwhile() -> None:
    clinic = scene()
    three = clinic.chair("3")
    three.cuff(16.3, 10.4)
    three.shows(60, hr=70.0)
    three.shows(10, spo2=97.0, hr=70.0)
    assert "probe-off" in {one.rule for one in clinic.transitions}
    assert implausible(clinic) == ["low implausible raised"]
    three.cuff(124, 78)
    assert implausible(clinic)[1:] == ["low implausible closed"]
    clinic.now_s += 60
    three.cuff(78, 124)
    assert implausible(clinic)[2:] == ["low implausible raised"]


def test_a_restart_does_not_forget_that_the_last_cuff_could_not_be() -> None:
    clinic = scene()
    clinic.chair("3").cuff(16.3, 10.4)
    clinic.shard = type(clinic.shard).restore(clinic.shard.snapshot())
    clinic.chair("3").shows(60, hr=70.0)
    assert implausible(clinic) == ["low implausible raised"]
    clinic.chair("3").cuff(124, 78)
    assert implausible(clinic)[1:] == ["low implausible closed"]


def test_a_cuff_of_one_pressure_that_can_be_is_told_nothing_of() -> None:
    clinic = scene()
    clinic.chair("3").cuff(124, None)
    clinic.now_s += 60
    clinic.chair("3").cuff(0, 0)
    assert implausible(clinic) == [], "0 is how some monitors say that there is none"


def test_a_pressure_that_is_not_there_looks_like_nothing() -> None:
    assert looks_like({"sbp": 16.3}) == ""
    assert looks_like({"dbp": 10.4}) == ""


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"spo2": 0.97}, "SpO2 0.97 % looks like a fraction (97 %)"),
        ({"spo2": 0.3}, "SpO2 0.3 %"),
        ({"tcco2": 5.5}, "Transcutaneous CO2 5.5 mmHg looks like kPa (41 mmHg)"),
        ({"rr": 72, "pulse": 14}, "Pulse 14 /min, Breathing 72 /min looks like breathing and pulse swapped"),
        ({"rr": 66, "hr": 14}, "Heart rate 14 /min looks like breathing and heart rate swapped"),
        ({"rr": 80, "hr": 70}, "Breathing 80 /min"),
    ],
)
def test_a_continuous_channel_out_of_range_is_told_with_what_it_looks_like(shown: dict[str, float], words: str) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(10, hr=70, rr=14, spo2=breathing(97, 10), tcco2=40, pulse=70)
    three.shows(45, etco2=breathing(38, 45), **shown)
    alert = clinic.alert("implausible")
    assert words in alert.text
    assert (alert.evidence.get("looks_like") is not None) is ("looks" in words)


def test_a_temperature_in_fahrenheit_is_told_with_the_reading_and_ends_with_the_next_good_one() -> None:
    clinic = scene()
    three = clinic.chair("3")
    three.cuff(None, temp=98.6)
    assert clinic.alert("implausible").text.endswith("Temperature 98.6 °C: looks like °F (37.0 °C).")
    three.shows(5, spo2=97.0, hr=70.0, temp=98.7)
    assert implausible(clinic) == ["low implausible raised"]
    three.cuff(124, 78)
    assert implausible(clinic) == ["low implausible raised"], "a good cuff is no good temperature"
    clinic.now_s += 1
    three.cuff(None, temp=37.1)
    assert implausible(clinic)[1:] == ["low implausible closed"]
    assert clinic.told("hyperthermia") == []


def test_a_temperature_that_no_unit_explains_is_told_too() -> None:
    clinic = scene()
    clinic.chair("3").cuff(None, temp=12.0)
    assert clinic.alert("implausible").text.endswith("Temperature 12 °C: nobody has that.")


def test_co2_in_kpa_from_the_start_is_implausible_and_no_pause() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(240, spo2=breathing(97, 240), rr=breathing(14, 240), etco2=[5.1, 5.2] * 120)
    assert implausible(clinic) == ["low implausible raised"]
    assert clinic.alert("implausible").text.endswith("End-tidal CO2 5.1 mmHg looks like kPa (38 mmHg).")
    assert not {"apnoea", "shallow-breathing"} & clinic.open_rules()


def test_where_nobody_breathes_or_co2_was_usual_before_little_of_it_stays_a_pause() -> None:
    still = Scene()
    three = still.chair("3")
    three.starts()
    three.shows(60, spo2=breathing(97, 60), rr=breathing(14, 60), etco2=[5.1, 5.2] * 30)
    three.shows(60, spo2=breathing(97, 60), rr=[0.0] * 60, etco2=[5.1, 5.2] * 30)
    assert "apnoea" in still.open_rules(), "a breath that is gone is no unit"
    usual = Scene()
    three = usual.chair("3")
    three.starts()
    three.shows(700, spo2=breathing(97, 700), rr=breathing(14, 700), etco2=breathing(38, 700))
    three.shows(60, spo2=breathing(97, 60), rr=breathing(14, 60), etco2=[5.1, 5.2] * 30)
    assert "apnoea" in usual.open_rules(), "it was in mmHg before"


def test_a_saturation_that_sinks_below_what_oximeters_are_made_for_stays_a_low_saturation() -> None:
    clinic = scene()
    three = clinic.chair("3")
    sinks = [97.0 - second for second in range(77)]
    three.shows(77, spo2=sinks, hr=breathing(70, 77))
    three.shows(60, spo2=[20.0, 21.0] * 30, hr=breathing(70, 60))
    assert "implausible" not in clinic.open_rules()
    assert {line.split(" ")[3] for line in clinic.told("desaturation")} == {"raised", "worsened"}
    assert float(clinic.alert("desaturation").evidence["value"]) < 30, "it is told anew all the way down"


def test_a_saturation_that_is_gone_at_once_is_no_low_saturation() -> None:
    clinic = scene()
    three = clinic.chair("3")
    three.shows(10, spo2=[97.0] * 10, hr=breathing(70, 10))
    three.shows(60, spo2=[20.0] * 60, hr=breathing(70, 60))
    assert clinic.open_rules() == {"implausible"}


def test_a_step_that_comes_back_higher_than_it_began_is_over() -> None:
    clinic = scene()
    three = clinic.chair("3")
    three.shows(20, spo2=[93.0] * 20, hr=breathing(70, 20))
    three.shows(12, spo2=[60.0] * 12, hr=breathing(70, 12))
    three.shows(60, spo2=[100.0] * 60, hr=breathing(70, 60))
    assert clinic.told("desaturation") == []


def test_a_saturation_that_was_never_one_is_told_within_3_min_of_somebody_without_a_session_too() -> None:
    clinic = Scene()
    clinic.chair("3").shows(200, spo2=0.97, pulse=70.0)
    (said,) = [one for one in clinic.transitions if one.rule == "implausible"]
    assert (said.priority, "looks like a fraction (97 %)" in said.text) == ("low", True)
    assert clinic.told("implausible") == ["3:00 low implausible raised (m-3)"]


def test_a_nought_from_the_first_sample_on_is_how_a_monitor_says_that_there_is_nothing() -> None:
    clinic = Scene()
    clinic.chair("3").shows(200, spo2=97.0, pulse=70.0, hr=0.0)
    assert clinic.told("implausible") == []
