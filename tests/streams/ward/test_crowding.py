"""A flood of devices that nobody knows opens a bounded number of sessions, is told, and hides nobody who was announced."""

from __future__ import annotations

import time

from alerts.effects import Transition
from models.instants import SECOND
from models.wire.observations import AlertClosed, SessionStarted, SetAside, Vitals
from streams.shard import Shard
from streams.ward.rules.crowding import AT_A_SITE, OF_A_SENDER, TOLD_AGAIN
from tests.support.scenes import Scene, moment


def told(clinic: Scene, rule: str) -> list[Transition]:
    return [each for each in clinic.effects if isinstance(each, Transition) and each.rule == rule]


def flood(clinic: Scene, count: int, source: str | None = None, first: int = 0) -> None:
    """So many devices, one sample each, a thousand a frame."""
    for begin in range(first, first + count, 1000):
        clinic.send(*(
            Vitals(at=moment(clinic.now_s), device=f"{source}-{number}", source=source, spo2=97.0)
            for number in range(begin, min(begin + 1000, first + count))
        ))  # fmt: skip


def test_ten_thousand_unknown_devices_open_as_many_sessions_as_a_sender_may_and_are_told_once() -> None:
    clinic = Scene()
    began = time.monotonic()
    flood(clinic, 10_000)
    assert time.monotonic() - began < 30
    assert len(clinic.shard.ward.association.sessions) == OF_A_SENDER
    (alert,) = told(clinic, "unknown-devices")
    assert (alert.transition, alert.priority, alert.category) == ("raised", "medium", "technical")
    assert alert.evidence["open"] == OF_A_SENDER
    counts = clinic.shard.ward.counts
    assert counts["samples"] == 10_000
    assert counts["samples of nobody"] == 10_000 - OF_A_SENDER, "what is not watched is counted"


def test_a_session_that_is_announced_is_watched_beside_a_flood() -> None:
    clinic = Scene()
    flood(clinic, 2 * OF_A_SENDER)
    clinic.chair("3").starts()
    clinic.chair("3").shows(60, spo2=82)
    assert [each.transition for each in told(clinic, "desaturation")] == ["raised"]
    # And one of the devices that is refused, as soon as somebody starts its session.
    refused = f"None-{2 * OF_A_SENDER - 1}"
    clinic.send(SessionStarted(at=moment(clinic.now_s), patient="P-9", session="S-9", chair="9", device=refused))
    for _ in range(60):
        clinic.now_s += 1
        clinic.send(Vitals(at=moment(clinic.now_s), device=refused, spo2=82.0 + clinic.now_s % 2))
    assert {each.patient for each in told(clinic, "desaturation")} == {"P-3", "P-9"}


def test_one_sender_s_flood_leaves_the_others_their_places_until_the_site_s_are_taken() -> None:
    clinic = Scene()
    flood(clinic, 2 * OF_A_SENDER, "loop")
    flood(clinic, 5, "honest")
    assert clinic.shard.ward.association.unannounced["main", "honest"] == 5
    for number in range(20):
        flood(clinic, OF_A_SENDER, f"made-up-{number}")
    assert len(clinic.shard.ward.association.sessions) == AT_A_SITE
    assert {each.evidence["sender"] for each in told(clinic, "unknown-devices")} >= {"loop"}


def test_a_place_is_free_again_when_a_device_falls_silent() -> None:
    clinic = Scene()
    flood(clinic, OF_A_SENDER + 1)
    clinic.now_s += 3700
    flood(clinic, 1, first=OF_A_SENDER)
    assert len(clinic.shard.ward.association.sessions) == 1


def test_whoever_closes_the_alert_while_the_flood_goes_on_hears_of_it_again() -> None:
    clinic = Scene()
    flood(clinic, OF_A_SENDER + 1)
    (alert,) = told(clinic, "unknown-devices")
    clinic.send(AlertClosed(at=moment(1), alert=alert.alert, by="rn-7"))
    flood(clinic, 50, first=500)
    clinic.passes(TOLD_AGAIN / SECOND)
    flood(clinic, 50, first=600)
    assert [each.transition for each in told(clinic, "unknown-devices")] == ["raised", "closed", "raised"]


def test_a_checkpoint_in_the_middle_of_a_flood_goes_on_counting_where_it_stood() -> None:
    clinic = Scene()
    flood(clinic, OF_A_SENDER - 1)
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    flood(clinic, 10, first=5000)
    assert len(clinic.shard.ward.association.sessions) == OF_A_SENDER


def test_a_recording_has_as_many_people_as_it_has() -> None:
    clinic = Scene(clock="observed")
    flood(clinic, AT_A_SITE + 50)
    assert len(clinic.shard.ward.association.sessions) == AT_A_SITE + 50
    assert told(clinic, "unknown-devices") == []


def test_records_for_another_site_are_told_once_and_again_later() -> None:
    clinic = Scene()
    line = SetAside(at=moment(0), field="site", reason="this service serves main, not north", line="{}")
    for _ in range(100):
        clinic.now_s += 1
        clinic.send(line)
    (alert,) = told(clinic, "other-site")
    assert (alert.transition, alert.priority) == ("raised", "medium")
    assert "not north" in alert.text
    clinic.send(SetAside(at=moment(0), field="spo2", reason="not a number", line="{}"))
    assert len(told(clinic, "other-site")) == 1
