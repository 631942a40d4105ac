"""What stays of a session for years: its readings by the minute, each counted once, with their extremes."""

from __future__ import annotations

import pytest

from alerts.effects import ChannelMinute, VitalsMinute
from models.instants import MINUTE
from models.wire.observations import Vitals
from streams.shard import Shard
from streams.ward import sample
from tests.support.scenes import START_US, Scene, moment


def spo2_of(minutes: list[VitalsMinute]) -> list[tuple[int, ChannelMinute]]:
    """The minutes of the saturation, counted from the scene's start."""
    return [
        ((each.minute_us - START_US) // MINUTE, each.channels["spo2"]) for each in minutes if "spo2" in each.channels
    ]


def watched(*, restarted: bool = False) -> Scene:
    """A session of two minutes and a half, in which the saturation falls for three seconds."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(70, spo2=97)
    if restarted:
        clinic.shard = Shard.restore(clinic.shard.snapshot())
    three.spo2([90, 88, 91, *([98, 97] * 38)])
    three.ends()
    return clinic


def test_a_minute_has_the_lowest_the_highest_the_sum_and_the_number_of_its_readings() -> None:
    clinic = watched()
    first, second, third = spo2_of(clinic.minutes)
    assert {(each.site, each.session, each.patient) for each in clinic.minutes} == {("main", "S-3", "P-3")}
    assert [at for at, _ in (first, second, third)] == [0, 1, 2]
    assert (second[1].lowest, second[1].highest) == (88, 98)
    assert sum(each.readings for _, each in (first, second, third)) == 70 + 79
    assert sum(each.total for _, each in (first, second, third)) == 70 * 97 + 90 + 88 + 91 + 38 * (98 + 97)


def test_a_restart_in_the_middle_of_a_minute_loses_none_of_it() -> None:
    assert watched(restarted=True).minutes == watched().minutes


def four_minutes_in_a_frame() -> list[VitalsMinute]:
    """The minutes that a frame ends: lines of six minutes of two sessions come at once, what is ahead is judged by arrival."""
    clinic = Scene()
    three, four = clinic.chair("3"), clinic.chair("4")
    three.starts()
    four.starts()
    lines = [{"at": moment(at_s), "spo2": 90 + at_s % 8} for at_s in range(0, 360, 10)]
    clinic.send(*(vitals(device=each.device, **line) for line in lines for each in (three, four)))
    return clinic.minutes


def test_minutes_beyond_the_room_for_them_are_none_the_less_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = four_minutes_in_a_frame()
    assert len(roomy) == 4
    monkeypatch.setattr(sample, "MINUTES_KEPT", 1)
    assert four_minutes_in_a_frame() == roomy


def vitals(**read: object) -> Vitals:
    return Vitals.model_validate({"kind": "vitals", **read})


def line(at_s: float, **read: object) -> Vitals:
    return vitals(at=moment(at_s), device="m-3", patient="P-3", **read)


def test_a_late_line_counts_for_its_own_minute_and_one_that_comes_again_with_its_id_does_not() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(125, spo2=97)
    before = len(clinic.minutes)
    late = moment(30)
    clinic.send(vitals(at=late, device=three.device, spo2=71, id="x"))
    clinic.send(vitals(at=late, device=three.device, spo2=71, id="x"))
    three.ends()
    parts = spo2_of(clinic.minutes[before:])
    assert [(at, part.lowest, part.readings) for at, part in parts if part.lowest == 71] == [(0, 71, 1)]


@pytest.mark.parametrize(
    "said", [{"spo2": 0}, {"status": {"spo2": "probe-off"}}, {"spo2": 131}], ids=["out of range", "off", "impossible"]
)
def test_what_cannot_be_a_reading_is_in_no_minute(said: dict[str, object]) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, spo2=97)
    clinic.send(vitals(at=moment(31), device=three.device, **said))
    three.ends()
    ((_, only),) = spo2_of(clinic.minutes)
    assert (only.lowest, only.readings) == (97, 30)


def test_readings_before_the_session_was_entered_stay_under_the_name_that_they_came_under() -> None:
    clinic = Scene()
    clinic.send(*(line(n, spo2=97) for n in range(5)))
    three = clinic.chair("3")
    three.starts()
    three.shows(5, spo2=98)
    three.ends()
    whose = [(each.session, each.patient, each.channels["spo2"].highest) for each in clinic.minutes]
    assert whose == [(None, "P-3", 97), ("S-3", "P-3", 98)]
