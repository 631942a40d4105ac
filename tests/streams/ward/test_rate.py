"""The heart rate without an ECG: a failing pleth is no slow heart, and a slow heart is told all the same."""

from __future__ import annotations

from tests.support.scenes import Scene, breathing


def watched(**rates: float) -> Scene:
    clinic = Scene()
    clinic.chair("3").starts()
    shows(clinic, 60, **rates)
    return clinic


def shows(clinic: Scene, seconds: int, **rates: float | None) -> None:
    channels = {name: None if level is None else breathing(level, seconds) for name, level in rates.items()}
    clinic.chair("3").shows(seconds, **{"spo2": breathing(96, seconds), **channels})


def falls(clinic: Scene, **rates: float) -> None:
    """To a slow rate, slowly enough for nothing to call it a step."""
    for level in (60, 50, 40):
        shows(clinic, 2, **dict.fromkeys(rates, level))
    shows(clinic, 1, **rates)


def test_a_dying_pleth_is_no_slow_heart() -> None:
    clinic = watched(pulse=72)
    falls(clinic, pulse=33)
    shows(clinic, 19, pulse=33)
    shows(clinic, 25, pulse=None)
    shows(clinic, 60, pulse=72)
    assert clinic.told("bradycardia") == []


def test_a_slow_pulse_that_is_old_enough_is_told_without_an_ecg() -> None:
    clinic = watched(pulse=72)
    falls(clinic, pulse=33)
    shows(clinic, 40, pulse=33)
    assert [line for line in clinic.told("bradycardia") if "high" in line] == ["1:36 high bradycardia worsened (P-3)"]


def test_the_same_person_is_told_sooner_with_an_ecg() -> None:
    clinic = watched(hr=72, pulse=72)
    falls(clinic, hr=33, pulse=33)
    shows(clinic, 40, hr=33, pulse=33)
    assert clinic.told("bradycardia")[0] == "1:21 high bradycardia raised (P-3)"


def test_a_slow_pulse_that_outlives_the_loss_of_its_signal_is_told_when_it_is_back() -> None:
    clinic = watched(pulse=72)
    falls(clinic, pulse=33)
    shows(clinic, 12, pulse=33)
    shows(clinic, 8, pulse=None)
    shows(clinic, 10, pulse=33)
    (raised,) = clinic.told("bradycardia")
    assert raised == "1:29 high bradycardia raised (P-3)"


def test_a_lost_ecg_leaves_the_pulse_alone() -> None:
    clinic = watched(hr=72, pulse=72)
    shows(clinic, 10, hr=None, pulse=72)
    falls(clinic, pulse=33)
    shows(clinic, 20, hr=None, pulse=33)
    assert clinic.told("bradycardia") == []


def test_a_monitor_that_sends_a_line_each_ten_seconds_loses_nothing_between_them() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    for n in range(12):
        clinic.send(clinic.chair("3").vitals(pulse=72 + n % 2 if n < 8 else 33 + n % 2, spo2=96 + n % 2))
        clinic.now_s += 10
    assert clinic.told("bradycardia") == ["1:50 high bradycardia raised (P-3)"]
