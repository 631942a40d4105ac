"""What the store keeps of patients at home, on both databases: forecasts, courses, the scheduler's pages, the burden."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.effects import AuditEntry, Effect, Forecast, FrameEffects, Page, Transition
from alerts.store.forecast_cache import CachedState
from alerts.store.outbox import everybody
from alerts.store.store import Store
from models.instants import DAY, MINUTE, iso, to_datetime
from models.wire.home import KeptForecastOut
from tests.alerts.test_store import START, frame, page, step
from tests.support.paging import sent, store, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]


def made(patient: str, as_of: str, in_14: float, site: str = "main") -> Forecast:
    doc = {
        "kind": "forecast.made",
        "patient": patient,
        "as_of": as_of,
        "relapse_probability": {"14d": in_14},
        "source": "f",
    }
    return Forecast(iso(START), site, patient, as_of, f"{patient}-{as_of}", doc)


def days(found: list[KeptForecastOut]) -> list[tuple[str, str, float]]:
    return [(each["patient"], each["as_of"], (each["relapse_probability"] or {})["14d"]) for each in found]


def test_every_forecast_stays_readable_and_the_latest_day_is_the_newest(store: Store) -> None:
    store.commit(frame(1, made("A-1", "2026-03-02", 0.2), made("B-2", "2026-03-02", 0.6)))
    store.commit(frame(2, made("A-1", "2026-03-09", 0.5), made("A-1", "2026-03-09", 0.4)))
    store.commit(frame(3, made("A-1", "2026-02-20", 0.9), made("A-1", "2026-03-09", 0.1, site="north")))
    assert sorted(days(store.forecasts("main"))) == [("A-1", "2026-03-09", 0.4), ("B-2", "2026-03-02", 0.6)]
    assert days(store.forecasts("main", "A-1", history=True)) == [
        ("A-1", "2026-02-20", 0.9), ("A-1", "2026-03-02", 0.2), ("A-1", "2026-03-09", 0.4),
    ]  # fmt: skip
    assert days(store.forecasts("main", as_of="2026-03-02")) == [("A-1", "2026-03-02", 0.2), ("B-2", "2026-03-02", 0.6)]
    (north,) = store.forecasts("north")
    assert (north["site"], north["made_at"]) == ("north", iso(START))
    assert "source" not in north


def test_a_frame_of_forecasts_that_comes_twice_changes_nothing_and_one_that_disagrees_is_told(store: Store) -> None:
    effects = (made("A-1", "2026-03-02", 0.2), made("A-1", "2026-03-09", 0.5))
    assert store.commit(frame(1, *effects)) == []
    assert store.commit(frame(1, *effects)) == []
    (conflict,) = store.commit(frame(1, effects[0], made("A-1", "2026-03-09", 0.7)))
    assert conflict.kind == "forecast"
    assert days(store.forecasts("main", "A-1", history=True))[-1] == ("A-1", "2026-03-09", 0.5)


def said(patient: str, kind: str, received_us: int, **doc: Any) -> AuditEntry:
    return AuditEntry(
        iso(START), "main", patient, None, kind, None, "accepted", {"kind": kind, **doc}, iso(received_us)
    )


def test_a_course_is_read_back_in_order_of_arrival_with_when_it_was_received(store: Store) -> None:
    store.commit(frame(2, said("A-1", "checkin", START + 5, score=9), said("B-2", "dose", START + 6)))
    store.commit(frame(1, said("A-1", "dose", START), said("A-1", "session.started", START)))
    courses = store.courses("main", ["A-1", "nobody"])
    assert courses == {
        "A-1": [
            {"kind": "dose", "received_at": iso(START)},
            {"kind": "checkin", "score": 9, "received_at": iso(START + 5)},
        ],
        "nobody": [],
    }


def test_what_the_forecaster_keeps_takes_the_place_of_what_was_kept_before(store: Store) -> None:
    first = [CachedState("main", "A-1", 3, b"\x00one"), CachedState("main", "B-2", 5, b"two")]
    store.save_cached_states(first)
    store.save_cached_states(
        [CachedState("main", "A-1", 4, b"three"), CachedState("north", "A-1", 9, b"another clinic's")]
    )
    store.save_cached_states([])
    assert store.cached_states("main", ["A-1", "B-2", "nobody"]) == {
        "A-1": CachedState("main", "A-1", 4, b"three"), "B-2": first[1],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schedulers", "watching", "planning"),
    [((), ["k1", "digest"], ["k1", "digest"]), (("desk",), ["k1"], ["digest"])],
)
def test_the_digest_goes_to_whoever_plans_and_to_everybody_where_nobody_does(
    store: Store, schedulers: tuple[str, ...], watching: list[str], planning: list[str]
) -> None:
    digest = Page("digest", iso(START), "main", "-", "low", (), "2 due", "A-1: 60 %", "scheduler")
    store.commit(frame(1, step(1), page("k1"), digest))

    def owed(destination: str) -> list[str]:
        found = store.claim_pages(destination, everybody(["nurses", "desk"], schedulers), START, MINUTE, 10)
        return [each.page.key for each in found]

    assert owed("nurses") == watching
    assert owed("desk") == planning


def answered(seq: int, alert: str, after_us: int, by: str | None) -> Transition:
    said = step(seq, "acknowledged", alert)
    evidence = dict(said.evidence) if by is None else {**said.evidence, "by": by}
    fields = {name: getattr(said, name) for name in said.__dataclass_fields__}
    return Transition(**{**fields, "at": iso(START + after_us), "evidence": evidence})


def test_the_burden_counts_alerts_by_rule_and_chair_and_how_soon_pages_were_answered(store: Store) -> None:
    effects: tuple[Effect, ...] = (
        step(1, "raised", "a1"), page("k1", "a1"), step(2, "raised", "a2"), page("k2", "a2"),
        answered(3, "a1", 90_000_000, "rn-1"), answered(4, "a2", 60_000_000, None),
        said("A-1", "session.ended", START, seen={"watched_s": 3600}), said("A-1", "session.ended", START, seen={"watched_s": 1800}),
        said("A-1", "session.ended", START),
    )  # fmt: skip
    store.commit(FrameEffects(0, 1, effects))
    (owed,) = store.claim_pages("nurses", ["nurses"], START, MINUTE)
    store.mark_pages([sent(owed)], START + 1)
    at_start = to_datetime(START).hour
    assert store.burden("main", START - DAY) == {
        "rules": [{"rule": "desaturation", "title": "Low oxygen", "high": 2, "medium": 0, "low": 0, "info": 0}],
        "chairs": [{"chair": "3", "alerts": 2}], "alerts": 2, "sessions": 1, "hours_watched": 1.5,
        "pages": {"owed": 2, "sent": 1, "answered": 1, "unanswered": 1, "median_answer_s": 90.0},
        "monitor_alarms": [],
        "by_hour": [2 if hour == at_start else 0 for hour in range(24)],
        "answers": [
            {"by": by, "key": key, "pages": pages, "answered": done, "median_answer_s": 90.0 if done else None}
            for by, key, pages, done in (
                ("chair", "3", 2, 1), ("hour", str(at_start), 2, 1), ("rule", "Low oxygen", 2, 1),
                ("rung", "1 · nobody", 1, 0), ("rung", "1 · rn-1", 1, 1),
            )
        ],
    }  # fmt: skip
    assert store.burden("main", START + DAY)["alerts"] == 0
    assert store.burden("north", START - DAY)["pages"]["owed"] == 0


def test_the_monitors_own_alarms_count_in_the_burden_each_once_while_it_goes_on(store: Store) -> None:
    def own(minute: int, label: str, active: bool, device: str = "m3") -> Effect:
        about = {"alarm": "other", "label": label, "active": active, "device": device}
        return said("A-1", "monitor.alarm", START + minute * MINUTE, **about)

    effects = (
        own(0, "Low SpO2", True), own(1, "Low SpO2", True), own(1, "Low SpO2", True, "m4"), own(2, "Low SpO2", False),
        own(3, "Low SpO2", True), own(4, "Leads off", True), own(5, "Leads off", False),
    )  # fmt: skip
    store.commit(FrameEffects(0, 1, effects))
    assert store.burden("main", START - DAY)["monitor_alarms"] == [
        {"label": "Low SpO2", "alarms": 3}, {"label": "Leads off", "alarms": 1},
    ]  # fmt: skip
    assert store.burden("main", START - DAY)["alerts"] == 0
    assert store.burden("north", START - DAY)["monitor_alarms"] == []
