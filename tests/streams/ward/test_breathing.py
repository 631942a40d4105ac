"""Breathing: RR and EtCO2 as two witnesses of one thing, on what capnographs do; and the monitor's own alarm."""

from __future__ import annotations

from typing import Any

import pytest

from models.wire.observations import DeviceAssigned, MonitorAlarm
from streams.shard import Shard
from tests.support.scenes import Scene, breathing, moment

RR, CO2 = 14.0, 38.0


def breathes(clinic: Scene, seconds: int, rr: float | None = RR, etco2: float | None = CO2, **more: Any) -> None:
    """So long of somebody whose EtCO2, where there is one, lives; and whose saturation is good, unless it is said."""
    living = {name: breathing(level, seconds) for name, level in (("etco2", etco2),) if level is not None and level > 8}
    dead = {"etco2": etco2} if etco2 is not None and etco2 <= 8 else {}
    rate = {} if rr is None else {"rr": rr}
    clinic.chair("3").shows(seconds, **{"spo2": breathing(96, seconds), **living, **dead, **rate, **more})


def watched(seconds: int = 60, **more: Any) -> Scene:
    """A session with a capnograph that has shown breathing for a while."""
    clinic = Scene()
    clinic.chair("3").starts()
    breathes(clinic, seconds, **more)
    return clinic


def alarm(clinic: Scene, *, active: bool = True, **who: str) -> None:
    who = who or {"device": "m-3"}
    # `who` has names alone; pydantic checks at run time what mypy cannot know of a dict.
    clinic.send(MonitorAlarm(at=moment(clinic.now_s), site=clinic.site, alarm="no-breath", active=active, **who))  # type: ignore[arg-type]  # pydantic checks at run time what mypy cannot know of a dict


def raised_s(clinic: Scene) -> list[str]:
    return [line.split()[0] for line in clinic.told("apnoea") if "raised" in line]


# ---- the two witnesses ----------------------------------------------------------------------------------------------


def test_a_rate_of_zero_beside_a_living_co2_is_no_apnoea_after_the_monitor_s_own_zero() -> None:
    clinic = watched()
    breathes(clinic, 9, rr=None, etco2=None)
    breathes(clinic, 21, rr=0)
    breathes(clinic, 60)
    assert clinic.told() == []


def test_a_rate_of_zero_beside_a_living_co2_is_no_apnoea_however_long() -> None:
    clinic = watched()
    breathes(clinic, 600, rr=0)
    assert clinic.told("apnoea", "bradypnoea") == []


@pytest.mark.parametrize("rr", [1.0, 2.0, 3.0])
def test_a_rate_of_three_or_fewer_beside_a_living_co2_is_slow_breathing_and_no_apnoea(rr: float) -> None:
    clinic = watched()
    breathes(clinic, 600, rr=rr)
    assert clinic.told("apnoea", "bradypnoea") == ["1:30 medium bradypnoea raised (P-3)"]


def test_neither_rate_nor_co2_after_breathing_is_a_pause_in_a_few_seconds() -> None:
    clinic = watched()
    breathes(clinic, 10, rr=0, etco2=0)
    assert clinic.told("apnoea", "bradypnoea") == ["1:03 high apnoea raised (P-3)"]
    assert "Breathing 0 /min and EtCO2 0 mmHg, no breath for at least 3 s" in clinic.transitions[-1].text


def test_two_lines_without_a_breath_are_no_pause() -> None:
    clinic = watched()
    for _ in range(5):
        breathes(clinic, 2, rr=0, etco2=0)
        breathes(clinic, 10)
    assert clinic.told("apnoea") == []


def test_after_a_pause_co2_alone_shows_that_breathing_is_back() -> None:
    clinic = watched()
    breathes(clinic, 20, rr=0, etco2=0)
    breathes(clinic, 18, rr=0)
    breathes(clinic, 20)
    assert [line.split(" ", 1)[1] for line in clinic.told("apnoea")] == [
        "high apnoea raised (P-3)",
        "high apnoea latched (P-3)",
    ]
    assert clinic.told("apnoea")[1].startswith("1:50")


def test_a_second_pause_soon_after_the_first_is_the_same_alert_while_it_stands() -> None:
    clinic = watched()
    for _ in range(3):
        breathes(clinic, 15, rr=0, etco2=0)
        breathes(clinic, 15, rr=0)
    assert len(raised_s(clinic)) == 1


def test_a_line_that_never_showed_a_breath_waits_for_the_ordinary_time() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    breathes(clinic, 19, rr=0, etco2=0)
    assert clinic.told("apnoea") == []
    breathes(clinic, 5, rr=0, etco2=0)
    assert raised_s(clinic) == ["0:20"]


def test_no_co2_beside_a_chest_that_moves_is_an_apnoea_after_the_ordinary_time() -> None:
    clinic = watched()
    breathes(clinic, 25, etco2=0)
    assert raised_s(clinic) == ["1:20"]


def test_a_movement_in_the_second_in_which_breathing_stops_delays_nothing() -> None:
    clinic = watched(pulse=72)
    clinic.chair("3").shows(8, rr=0, etco2=0, spo2=breathing(96, 8), pulse=110)
    assert raised_s(clinic) == ["1:03"]


def test_a_pause_on_a_line_each_ten_seconds_is_told_with_the_second_of_them() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    for n in range(12):
        shown = {"rr": RR, "etco2": CO2 + n % 2} if n < 10 else {"rr": 0.0, "etco2": 0.0}
        clinic.send(clinic.chair("3").vitals(spo2=96.0 + n % 2, **shown))
        clinic.now_s += 10
    assert raised_s(clinic) == ["1:50"]


# ---- what could hide a pause is bounded -----------------------------------------------------------------------------


def test_a_co2_that_stands_still_beside_no_rate_speaks_for_a_breath_for_a_minute_at_most() -> None:
    clinic = watched()
    clinic.chair("3").shows(100, rr=0, etco2=CO2, spo2=breathing(96, 100))
    assert raised_s(clinic) == ["2:20"]


def test_a_co2_that_stood_still_long_before_the_rate_went_speaks_from_then_on() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").shows(300, rr=breathing(RR, 300), etco2=CO2, spo2=breathing(96, 300))
    clinic.chair("3").shows(50, rr=0, etco2=CO2, spo2=breathing(96, 50))
    clinic.chair("3").shows(30, rr=breathing(RR, 30), etco2=CO2, spo2=breathing(96, 30))
    assert clinic.told("apnoea") == []


def test_without_co2_a_rate_of_zero_after_a_gap_waits_for_its_first_breath_and_not_for_ever() -> None:
    clinic = watched(etco2=None)
    breathes(clinic, 9, rr=None, etco2=None)
    breathes(clinic, 25, rr=0, etco2=None)
    breathes(clinic, 60, etco2=None)
    assert clinic.told("apnoea") == []
    breathes(clinic, 9, rr=None, etco2=None)
    breathes(clinic, 60, rr=0, etco2=None)
    assert raised_s(clinic) == ["3:33"]


def test_without_co2_and_without_a_gap_a_rate_of_zero_is_an_apnoea_after_the_ordinary_time() -> None:
    clinic = watched(etco2=None)
    breathes(clinic, 25, rr=0, etco2=None)
    assert raised_s(clinic) == ["1:20"]


# ---- by the make of the monitor -------------------------------------------------------------------------------------


def of_a_known_make(device: str = "m-3") -> Scene:
    clinic = Scene()
    clinic.send(DeviceAssigned(at=moment(0), site=clinic.site, device=device, chair="3", profile="sidestream"))
    clinic.chair("3").starts()
    breathes(clinic, 60)
    return clinic


def test_a_make_that_is_known_to_hold_its_numbers_says_since_when_at_the_least() -> None:
    clinic = of_a_known_make()
    breathes(clinic, 5, rr=0, etco2=0)
    (raised,) = clinic.transitions
    assert "no breath for at least 33 s" in raised.text
    assert (raised.at, raised.onset_at) == (moment_text(63), moment_text(30))


def test_a_make_that_is_known_to_hold_both_numbers_together_is_believed_for_longer() -> None:
    clinic = of_a_known_make()
    clinic.chair("3").shows(100, rr=0, etco2=CO2, spo2=breathing(96, 100))
    assert clinic.told("apnoea") == []


def test_what_is_known_of_a_device_outlives_its_session_and_a_restart() -> None:
    clinic = of_a_known_make()
    clinic.chair("3").ends()
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    clinic.chair("3").starts()
    breathes(clinic, 60)
    breathes(clinic, 5, rr=0, etco2=0)
    assert "33 s" in clinic.transitions[-1].text


def moment_text(at_s: float) -> str:
    return moment(at_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---- the monitor's own alarm ----------------------------------------------------------------------------------------


def test_the_monitor_s_own_alarm_of_no_breath_raises_at_once() -> None:
    clinic = watched()
    alarm(clinic)
    assert clinic.told() == ["1:00 high apnoea raised (P-3)"]
    assert "monitor's own alarm" in clinic.transitions[-1].text


def test_the_numbers_of_the_last_breath_do_not_end_the_monitor_s_own_alarm() -> None:
    clinic = watched()
    alarm(clinic)
    breathes(clinic, 35)
    breathes(clinic, 20, rr=0, etco2=0)
    assert clinic.told() == ["1:00 high apnoea raised (P-3)"]
    breathes(clinic, 40)
    assert clinic.told() == ["1:00 high apnoea raised (P-3)", "2:30 high apnoea latched (P-3)"]


def test_breathing_ends_the_monitor_s_own_alarm_where_its_end_is_never_sent() -> None:
    clinic = watched(etco2=None)
    alarm(clinic)
    breathes(clinic, 120, etco2=None)
    assert [line.split()[-2] for line in clinic.told("apnoea")] == ["raised", "latched"]


def test_an_alarm_of_a_monitor_that_sends_no_numbers_of_breathing_ends_when_it_says_so() -> None:
    clinic = watched(rr=None, etco2=None)
    alarm(clinic)
    breathes(clinic, 120, rr=None, etco2=None)
    assert clinic.told("apnoea") == ["1:00 high apnoea raised (P-3)"]
    alarm(clinic, active=False)
    assert clinic.told("apnoea")[1:] == ["3:00 high apnoea latched (P-3)"]


def test_the_end_of_an_alarm_does_not_end_what_the_numbers_show() -> None:
    clinic = watched()
    breathes(clinic, 30, rr=0, etco2=0)
    alarm(clinic)
    alarm(clinic, active=False)
    breathes(clinic, 10, rr=0, etco2=0)
    assert clinic.told("apnoea") == ["1:03 high apnoea raised (P-3)"]


def test_an_alarm_about_nobody_is_set_aside_and_one_about_somebody_unannounced_is_not() -> None:
    clinic = Scene()
    clinic.send(MonitorAlarm(at=moment(0), site=clinic.site, alarm="no-breath"))
    assert [letter.reason for letter in clinic.dead_letters] == ["no patient, session or device is named"]
    alarm(clinic, device="m-9")
    assert [line for line in clinic.told("apnoea") if "high" in line] == ["0:00 high apnoea raised (m-9)"]


def test_a_monitor_s_other_alarm_is_on_record_and_raises_ends_and_silences_nothing() -> None:
    clinic = watched()
    breathes(clinic, 30, rr=0, etco2=0)
    before = clinic.told()
    for active in (True, True, False):
        clinic.send(MonitorAlarm(
            at=moment(clinic.now_s), site=clinic.site, alarm="other", label="Low SpO2", priority="medium", active=active,
            device="m-3", id=f"41/{active}",
        ))  # fmt: skip
    assert clinic.told() == before
    entered = [each for each in clinic.entries if each.kind == "monitor.alarm"]
    assert [(each.doc["label"], each.doc["active"]) for each in entered] == [("Low SpO2", True), ("Low SpO2", False)]
    assert {each.session for each in entered} == {clinic.entries[0].session}
    clinic.send(MonitorAlarm(at=moment(clinic.now_s), site=clinic.site, alarm="other", label="Low SpO2", device="m-77"))
    assert [letter.reason for letter in clinic.dead_letters] == ["no session is open of it"]
    assert not any("m-77" in line for line in clinic.told())


# ---- slow breathing, by the company it keeps ------------------------------------------------------------------------


def slow(rr: float = 7, own: float = 11, seconds: int = 60, **beside: Any) -> Scene:
    """A session whose own rate is `own`, then so long of a slow one."""
    clinic = watched(rr=own, etco2=beside.get("etco2", CO2))
    breathes(clinic, seconds, **{"rr": rr, **beside})
    return clinic


def test_breathing_slow_but_well_is_nobody_s_business() -> None:
    assert slow(7, own=7, seconds=900).told() == []
    assert slow(8, own=8, seconds=900, etco2=None).told() == []
    assert slow(7, own=11, seconds=900, etco2=44).told() == []


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (lambda: slow(spo2=93), "with SpO2 93 %."),
        (lambda: slow(etco2=50), "with EtCO2 50 mmHg."),
        (lambda: slow(8, own=14), "with a fall from this session's own 14 /min."),
        (lambda: slow(6, own=14, spo2=92), "with SpO2 92 % and a fall from this session's own 14 /min."),
    ],
)
def test_slow_breathing_is_raised_with_the_company_it_keeps_and_says_which(scene: Any, words: str) -> None:
    clinic = scene()
    assert clinic.told("bradypnoea") == ["1:30 medium bradypnoea raised (P-3)"]
    assert clinic.transitions[-1].text.endswith(f" for 30 s, {words}")
    assert clinic.transitions[-1].evidence["beside"]


def test_slow_breathing_of_somebody_who_is_sedated_is_raised() -> None:
    clinic = watched(rr=11)
    clinic.chair("3").scores("moaas", 3)
    breathes(clinic, 60, rr=7)
    assert clinic.told("bradypnoea") == ["1:30 medium bradypnoea raised (P-3)"]
    assert clinic.transitions[-1].text.endswith("with MOAA/S 3.")
    awake = watched(rr=11)
    awake.chair("3").scores("moaas", 3)
    awake.chair("3").scores("moaas", 5)
    breathes(awake, 60, rr=7)
    assert awake.told("bradypnoea") == []


def test_slow_breathing_waits_for_company_and_is_raised_when_it_comes() -> None:
    clinic = slow(7, seconds=300)
    breathes(clinic, 60, rr=7, spo2=92)
    assert clinic.told("bradypnoea") == ["6:30 medium bradypnoea raised (P-3)"]


def test_five_breaths_a_minute_need_no_company() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    breathes(clinic, 60, rr=5)
    assert clinic.told() == ["0:30 medium bradypnoea raised (P-3)"]
    assert clinic.transitions[-1].text.endswith("Breathing 5 /min, at or below 5 /min for 30 s.")
    breathes(clinic, 40, rr=8)
    assert len(clinic.told()) == 2


def test_a_session_s_own_rate_is_learnt_while_breathing_is_not_slow() -> None:
    """Or a slow hour would become what is usual, and no fall."""
    clinic = watched(rr=14)
    breathes(clinic, 20, rr=7)
    breathes(clinic, 20, rr=14)
    breathes(clinic, 600, rr=9)
    breathes(clinic, 60, rr=6)
    assert [line for line in clinic.told("bradypnoea") if "raised" in line] == ["12:10 medium bradypnoea raised (P-3)"]


# ---- shallow breathing ----------------------------------------------------------------------------------------------


def shallow(seconds: int = 90, rr: float = 12, spo2: float = 97, etco2: float = 10, own: float = CO2) -> Scene:
    """A session whose own EtCO2 is `own`, then so long of a lower one."""
    clinic = watched(rr=14, etco2=own)
    breathes(clinic, seconds, rr=rr, etco2=etco2, spo2=breathing(spo2, seconds))
    return clinic


@pytest.mark.parametrize(
    ("beside", "words"),
    [({"spo2": 92.0}, "SpO2 92 %"), ({"rr": 8.0}, "breathing 8 /min"), ({"rr": 2.0}, "breathing 2 /min")],
)
def test_co2_that_falls_to_ten_calls_somebody_with_a_saturation_or_a_rate_beside_it(
    beside: dict[str, float], words: str
) -> None:
    # `beside` never names `seconds`, the one argument that is no float.
    clinic = shallow(**beside)  # type: ignore[arg-type]  # `beside` never names `seconds`, the one that is no float
    assert "2:00 medium shallow-breathing raised (P-3)" in clinic.told()
    (text,) = [one.text for one in clinic.transitions if one.rule == "shallow-breathing"]
    assert words in text
    assert "38" in text


def test_co2_that_falls_to_ten_with_nothing_beside_it_is_said_after_three_minutes_and_calls_nobody() -> None:
    clinic = shallow(seconds=200)
    assert clinic.told() == ["4:00 low shallow-breathing raised (P-3)"]
    assert clinic.pages == []


def test_a_pause_is_no_shallow_breathing_as_well() -> None:
    assert shallow(rr=0, etco2=3, seconds=100).told("shallow-breathing") == []


def test_a_co2_that_was_always_low_is_no_fall() -> None:
    assert shallow(etco2=15, own=24, spo2=92).told("shallow-breathing") == []


def test_co2_of_fifteen_itself_counts() -> None:
    assert shallow(etco2=15, rr=8).told("shallow-breathing") == []  # the pair 15 and 16 in turn: never three in a row
    clinic = watched()
    clinic.chair("3").shows(100, rr=8, etco2=15, spo2=breathing(96, 100))
    assert "2:00 medium shallow-breathing raised (P-3)" in clinic.told()
