"""The rules on cuffs beside their text (`cuffs_in_words`), over any series of cuffs that a session may have."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import event as noted
from hypothesis import given, settings

from models.tables.limits import LIMITS
from streams.ward.rules.cuffs import CuffRules, cuff_limits
from tests.streams.ward.cuff_series import Step, series, with_changes
from tests.streams.ward.cuffs_in_words import (
    PRESSURES,
    SECOND,
    Event,
    Named,
    Shown,
    Table,
    Taken,
    Unchecked,
    crisis,
    jumps,
    said,
    said_of_symptoms,
    said_unchecked,
    shown_again,
)


@settings(max_examples=400)
@given(steps=series())
def test_cuffs_are_judged_as_their_text_says(steps: list[Step]) -> None:
    rules, now_us = CuffRules(), 0
    table: Table = LIMITS
    events: list[Event] = []
    for step in steps:
        now_us += round(step.wait_s * SECOND)
        match step.kind:
            case "limits":
                table = with_changes(step.changes)
            case "symptoms":
                events.append(Named(now_us, table))
                assert rules.with_symptoms(now_us, table) == said_of_symptoms(events)
            case "unchecked":
                events.append(Unchecked(table))
                assert rules.not_rechecked(table) == said_unchecked(events)
            case "again":
                shown = {name: rules.last[name] for name in step.pressures if name in rules.last}
                if shown:
                    _cuff(rules, events, now_us, shown, {**shown, **step.mean}, False, table)
            case "cuff":
                _cuff(rules, events, now_us, step.pressures, _readings(step), step.symptomatic, table)
        assert rules.waits_us == crisis(events).waits_us
        rules = CuffRules.unpacked(msgpack.unpackb(msgpack.packb(rules.packed())))


@pytest.mark.parametrize(
    ("mean", "wait_us", "same"),
    [
        (125.0, 180 * SECOND - 1, True), (125.0, 180 * SECOND, False), (None, 180 * SECOND - 1, True), (None, 180 * SECOND, False),
        (126.0, 30 * SECOND - 1, True), (126.0, 30 * SECOND, False),
    ],
)  # fmt: skip
def test_the_same_numbers_are_the_same_cuff_for_less_than_three_minutes_and_with_another_mean_for_half_of_one(
    mean: float | None, wait_us: int, same: bool
) -> None:
    rules = CuffRules()
    rules.read(0, {"sbp": 185.0, "dbp": 95.0, "map": 125.0}, False, cuff_limits(LIMITS))
    assert rules.shown_again(wait_us, {"sbp": 185.0, **({} if mean is None else {"map": mean})}) is same


def _readings(step: Step) -> dict[str, float]:
    readings = {**step.pressures, **step.mean}
    for x in step.rate.values():
        readings["rate"] = x
    if step.baseline is not None:
        usual = dict(zip(PRESSURES, step.baseline, strict=True))
        readings |= {f"{name}-rise": x - usual[name] for name, x in step.pressures.items()}
    return readings


def _cuff(
    rules: CuffRules, events: list[Event], now_us: int, pressures: dict[str, float], readings: dict[str, float],
    symptoms: bool, table: Table,
) -> None:  # fmt: skip
    """One more cuff, as the ward reads it; what the rules make of it is what the text makes of it."""
    shown = {name: x for name, x in readings.items() if name in {"sbp", "dbp", "map"}}
    same = shown_again(events, now_us, shown)
    assert rules.shown_again(now_us, shown) is same
    if same:
        events.append(Shown(now_us))
        return
    assert rules.jumps(now_us, pressures) is jumps(events, now_us, pressures)
    events.append(Taken(now_us, readings, symptoms, table))
    expected = said(events)
    for rule, priority, *_, why in expected:
        noted(f"{rule} {priority} {why}")
    assert [tuple(verdict) for verdict in rules.read(now_us, readings, symptoms, cuff_limits(table))] == expected
