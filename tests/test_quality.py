"""Signal quality: what is believed, and what a reading that is not believed may do, which is nothing."""

from __future__ import annotations

from math import isfinite
from typing import Any

import pytest

from models.channels import CHANNELS, Channel
from streams.quality import FROZEN_AFTER
from tests.scenes import Scene, breathing

every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)


def shown(clinic: Scene, channel: str) -> dict[str, Any]:
    (card,) = clinic.shard.chairs("main")["chairs"]
    found: dict[str, Any] = card["values"][channel]
    return found


def one_reading(channel: str, value: float) -> dict[str, Any]:
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
    middle = round((channel.lowest + channel.highest) / 2)
    reach = channel.grain + channel.fastest
    for far, quality in ((reach, "good"), (reach + 0.1, "step")):
        clinic = Scene()
        clinic.send(clinic.chair("3").vitals(**{channel.name: middle}))
        clinic.now_s += 1
        clinic.send(clinic.chair("3").vitals(**{channel.name: middle + far}))
        assert shown(clinic, channel.name)["quality"] == quality
        assert shown(clinic, channel.name)["value"] == (middle if quality == "step" else pytest.approx(middle + far))


def test_a_value_that_jumped_and_stays_is_believed_once_the_body_could_have_got_there() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.spo2([98] * 5 + [70] * 8)
    # 28 % away: 2 + 4 %/s takes 7 s.
    assert shown(clinic, "spo2")["quality"] == "good"
    clinic = Scene()
    clinic.chair("3").spo2([98] * 5 + [70] * 6)
    assert shown(clinic, "spo2")["quality"] == "step"


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
        "stale_after_s": 30,
    }


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
