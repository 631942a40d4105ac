"""What the monitor showed in a session is said at its end: the extremes that were believed, and for how long it was watched."""

from __future__ import annotations

from typing import Any

from streams.shard import Shard
from tests.support.scenes import Scene


def seen(clinic: Scene) -> list[dict[str, Any]]:
    return [entry.doc["seen"] for entry in clinic.entries if entry.kind == "session.ended"]


def watched(*, restarted: bool = False) -> Scene:
    """A dip that lasted, a probe that slipped for three seconds, and two cuffs that agree."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(142, 96)
    three.shows(60, spo2=97)
    three.spo2([97 - n // 10 for n in range(60)])
    if restarted:
        clinic.shard = Shard.restore(clinic.shard.snapshot())
    three.spo2([60, 60, 60, *([92] * 57)])
    three.cuff(151, 88)
    three.ends()
    return clinic


def test_a_sessions_end_says_its_highest_cuffs_and_its_lowest_believed_saturation() -> None:
    (said,) = seen(watched())
    assert (said["peak_sbp"], said["peak_dbp"], said["lowest_spo2"]) == (151, 96, 92)
    assert 170 <= said["watched_s"] <= 182


def test_a_restart_changes_nothing_of_what_was_seen() -> None:
    assert seen(watched(restarted=True)) == seen(watched())


def test_a_fall_that_was_doubted_and_then_held_counts_from_its_first_reading() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(60, spo2=97)
    three.spo2([*([78, 79] * 10), *([80] * 30)])
    three.ends()
    assert seen(clinic)[0]["lowest_spo2"] == 78


def test_a_cuff_far_above_a_normal_one_is_the_highest_only_once_another_agrees() -> None:
    for confirmed, highest in ((False, 150), (True, 212)):
        clinic = Scene()
        three = clinic.chair("3")
        three.starts()
        for systolic in (142, 214, 212 if confirmed else 150):
            three.cuff(systolic, 84)
            clinic.passes(120)
        three.ends()
        assert (seen(clinic)[0]["peak_sbp"], confirmed) == (highest, confirmed)


def test_whoever_comes_next_begins_with_nothing_seen() -> None:
    clinic = watched()
    four = clinic.chair("4")  # it takes the row of the session before
    four.starts()
    four.ends()
    assert seen(clinic)[1] == {"watched_s": 0}
