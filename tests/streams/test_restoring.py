"""A state is all that the next frame depends on: a shard that is restored again and again is the one that never was.

The days have what a state may forget: clocks that lie, lines sent twice and again, monitors that nobody announced, other limits
and policies, answers from home and forecasts, commands; then a day of silence, and years. What differs is named by its field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from bench.crash.states import state_differences
from models.instants import DAY, HOUR, MINUTE, NEVER, SECOND, from_iso, iso, to_datetime
from models.wire.observations import (
    OBSERVATION,
    AlertAcknowledged,
    AlertClosed,
    AlertSnoozed,
    Event,
    SiteConfigured,
    Vitals,
)
from streams.clinic.clinic import OPENS_US, simulate
from streams.shard import Shard
from streams.ward.association import CUTOFFS_KEPT_FOR, Association
from streams.ward.pasts import FORGOTTEN_AFTER, Past, Pasts
from streams.ward.state import Clock
from tests.support.scenes import pack

Arrival = tuple[int, dict[str, Any]]
FRAME: Final = 60
LENGTH_H: Final = 0.8
SET_BACK: Final = 30 * MINUTE
SET_AHEAD: Final = HOUR
LAG: Final = 3 * SECOND


def treatments(family: str, seed: int, start_us: int) -> Iterator[Arrival]:
    """Three sessions. One clock is set back for ten minutes, another runs ahead for ten; the first monitor's lines come twice, a
    few seconds later, and two minutes of them once more."""
    arrivals = list(simulate(sessions=3, seed=seed, hours=LENGTH_H, start_us=start_us, family=family).arrivals())
    devices = sorted({line["device"] for _, line in arrivals if line["kind"] == "vitals" and "device" in line})
    for arrives_us, line in arrivals:
        minute = (arrives_us - start_us) / MINUTE
        device = line.get("device") if line["kind"] == "vitals" else None
        shift_us = 0
        if device == devices[1] and 15 <= minute < 25:
            shift_us = -SET_BACK
        elif device == devices[2] and 28 <= minute < 38:
            shift_us = SET_AHEAD
        said = {**line, "at": iso(from_iso(line["at"]) + shift_us)} if shift_us else line
        yield arrives_us, said
        if device == devices[0] and 8 <= minute < 20:
            yield arrives_us + LAG, said
        if device in devices[:2] and 22 <= minute < 24:
            yield arrives_us + 6 * MINUTE, said


def unannounced(start_us: int) -> Iterator[Arrival]:
    """A monitor that nobody announced, for ten minutes."""
    for second in range(600):
        at_us = start_us + 5 * MINUTE + second * SECOND
        yield (
            at_us,
            {"kind": "vitals", "at": iso(at_us), "device": "m-stray", "spo2": 92 + second % 5, "hr": 70 + second % 3},
        )


def at_home(start_us: int) -> Iterator[Arrival]:
    """Six weeks of answers, doses and forecasts of two patients, and some more on the day itself."""
    for number in range(-42, 2):
        for n, patient in enumerate(("H-1", "H-2")):
            at_us = start_us + number * DAY + (20 + n) * MINUTE
            who = {"at": iso(at_us), "patient": patient}
            score = 6 + n + max(number + 20, 0) // 2
            if number % 3 == 0:
                yield (
                    at_us,
                    {"kind": "checkin", **who, "instrument": "phq-9", "score": score, "id": f"{patient}{number}"},
                )
            if number % 7 == 0:
                yield at_us, {"kind": "dose", **who, "drug": "ketamine", "route": "iv", "amount_mg": 35.0}
            if number % 5 == 0:
                rising = [min(0.99, (score + day) / 24) for day in range(85)]
                made = {
                    "as_of": iso(at_us)[:10],
                    "cdf": rising,
                    "due": {"p10": "beyond_horizon", "p90": "beyond_horizon"},
                }
                yield at_us + MINUTE, {"kind": "forecast.made", **who, **made, "entries": number + 43}
    yield (
        start_us,
        {"kind": "patient.registered", "at": iso(start_us), "patient": "H-1", "timezone": "Pacific/Auckland"},
    )


def settings(start_us: int) -> Iterator[tuple[int, SiteConfigured]]:
    """Two other configurations."""
    for minute, enter in ((12, 84), (33, 91)):
        limits = {"desaturation": {"medium": {"spo2": {"enter": enter, "leave": enter + 2}}}}
        at_us = start_us + minute * MINUTE
        policies = {"maintenance": {"due_probability": enter / 100}, "link": f"https://watch.example/{enter}"}
        yield at_us, SiteConfigured.model_validate({"at": to_datetime(at_us), "limits": limits, "policies": policies})


def arrivals(family: str) -> list[tuple[int, Vitals | Event]]:
    """Everything of three days, by arrival: one, the next, and one some years later."""
    found: list[tuple[int, Any]] = []
    for n, start_us in enumerate((OPENS_US, OPENS_US + 27 * HOUR, OPENS_US + 1000 * DAY)):
        lines = [*treatments(family, n, start_us), *unannounced(start_us), *at_home(start_us)]
        found += [(at_us, OBSERVATION.validate_json(json.dumps(line))) for at_us, line in lines]
        found += settings(start_us)
    return sorted(found, key=lambda arrival: arrival[0])


def commanded(shard: Shard, number: int, at_us: int) -> list[Event]:
    """Somebody's answer to an open alert, now and then."""
    standing = sorted(shard.desk.open)
    if number % 7 or not standing:
        return []
    kind = (AlertAcknowledged, AlertSnoozed, AlertClosed)[number // 7 % 3]
    fields = {"at": to_datetime(at_us), "alert": standing[number % len(standing)], "by": "rn-1", "id": f"tap-{number}"}
    return [kind.model_validate({**fields, "until": to_datetime(at_us + 9 * MINUTE)})]


@pytest.mark.parametrize(
    ("clock", "family", "every"),
    [
        ("observed", "eventful", 49), ("received", "artefact-heavy", 19),
        pytest.param("observed", "eventful", 7, marks=pytest.mark.prove),
    ],
)  # fmt: skip
def test_a_shard_that_is_restored_again_and_again_is_the_one_that_never_was(
    clock: Clock, family: str, every: int
) -> None:
    whole, often = Shard(clock=clock), Shard(clock=clock)
    lines = arrivals(family)
    rules = set[str]()
    for number, start in enumerate(range(0, len(lines), FRAME)):
        some = lines[start : start + FRAME]
        received_us = some[-1][0]
        payload = pack([*(record for _, record in some), *commanded(whole, number, received_us)])
        expected = whole.step(number, received_us, payload)
        assert often.step(number, received_us, payload) == expected, f"frame {number}"
        rules |= {effect.rule for effect in expected.effects if hasattr(effect, "rule")}
        if number % every == 0:
            state = often.snapshot()
            assert state_differences(state, whole.snapshot()) == [], f"after frame {number}"
            often = Shard.restore(state)
    assert {"clock-skew", "desaturation", "checkin-overdue", "maintenance-due", "no-data"} <= rules
    assert not whole.faults


def test_what_a_checkpoint_leaves_out_of_pasts_and_cutoffs_counts_no_more_without_one() -> None:
    pasts, past = Pasts(), Past(mean=1.0, sessions=4, ended_us=OPENS_US)
    pasts.put("main", "P-1", past)
    association = Association()
    association.set_cutoff("main", "device", "m-1", OPENS_US + 9 * HOUR, OPENS_US)
    for passed_us in (FORGOTTEN_AFTER - 1, FORGOTTEN_AFTER):
        now_us = OPENS_US + passed_us
        kept = Pasts.unpacked(pasts.packed(now_us))
        assert kept.of("main", "P-1", now_us) == pasts.of("main", "P-1", now_us)
        assert (kept.of("main", "P-1", now_us) == past) == (passed_us < FORGOTTEN_AFTER)
    for passed_us in (CUTOFFS_KEPT_FOR, CUTOFFS_KEPT_FOR - 1):
        now_us = OPENS_US + passed_us
        whole, restored = (Association.unpacked(association.packed(at_us)) for at_us in (OPENS_US, now_us))
        for one in (whole, restored):
            one.set_cutoff("main", "device", "m-1", OPENS_US, now_us)
        assert whole.packed(now_us) == restored.packed(now_us)


def test_a_difference_of_two_states_is_named_by_its_field() -> None:
    shard = Shard()
    before = shard.snapshot()
    at_us = OPENS_US
    shard.step(
        0,
        at_us,
        pack([OBSERVATION.validate_python({"kind": "vitals", "at": to_datetime(at_us), "device": "m-1", "spo2": 97})]),
    )
    assert state_differences(before, before) == []
    differ = state_differences(before, shard.snapshot())
    assert f"ward.clock_us: {NEVER} | {at_us}" in differ
    assert "ward.clocks length: 0 | 1" in differ
    assert "next_offset: 0 | 1" in differ
