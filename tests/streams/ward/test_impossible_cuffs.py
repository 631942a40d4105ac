"""Cuffs that no cuff can show: told at once, with what they look like, until the next good one; they prove nothing."""

from __future__ import annotations

from math import nan

import pytest

from streams.ward.signal.pressure_units import looks_like
from tests.support.scenes import Scene


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
    assert looks_like(16.3, nan) == ""
    assert looks_like(nan, 10.4) == ""
