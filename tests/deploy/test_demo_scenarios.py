"""The demonstration's close calls: each is told as its lesson says, in its chair, within its ten minutes."""

from __future__ import annotations

import json
from itertools import groupby

import pytest

from deploy.demo_past import past_records
from deploy.demo_scenarios import SCENARIOS, Scenario, demo_settings
from models.instants import MINUTE, from_iso, to_us
from streams.clinic.clinic import DEMO_SEED, OPENS_US, demo_clinic
from streams.hosts.replay import Replay
from streams.intake.json import read_lines
from streams.journal.frame import frame_of
from tests.support.service import invoked

TEN_MINUTES = 10


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_a_close_call_is_told_in_its_chair_while_the_lesson_lasts(scenario: Scenario) -> None:
    clinic = demo_clinic(DEMO_SEED, OPENS_US, hours=TEN_MINUTES / 60, events=scenario.events)
    batches = (
        frame_of(read_lines([json.dumps(line).encode() for _, line in batch]).records)
        for _, batch in groupby(clinic.arrivals(), lambda each: each[0] // MINUTE)
    )
    told = [
        ((from_iso(step.at) - OPENS_US) / MINUTE, step.rule)
        for step in Replay().run(batches)
        if step.transition in {"raised", "worsened"} and step.evidence.get("chair") == scenario.chair
        and step.priority in {"high", "medium"} and from_iso(step.at) >= OPENS_US
    ]  # fmt: skip
    mine = [minute for minute, rule in told if rule == scenario.rule]
    assert mine, f"{scenario.rule} was never told: {told}"
    minutes = [minute for minute, _ in scenario.lesson]
    assert minutes == sorted(minutes)
    assert minutes[0] == 0
    assert minutes[1] - 1 <= mine[0] <= minutes[-1], "the lesson looks before and after"


def test_the_scenarios_are_named_and_an_unknown_one_is_refused_by_name() -> None:
    listed = invoked("demo", "--list")
    assert listed.status == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(SCENARIOS)
    refused = invoked("demo", "--scenario", "nothing", "--no-browser")
    assert refused.status == 2
    assert "there is no scenario 'nothing'; there are slow-desaturation" in refused.stderr


def test_somebody_is_on_call_in_the_demonstration_and_its_chairs_keep_their_places() -> None:
    settings = demo_settings()
    assert settings.board.chairs == tuple(str(n) for n in range(1, 13))
    assert {*settings.on_call().schedules} == {"nurses", "physicians"}


@pytest.mark.parametrize("hour", [1, 9, 23])
def test_nothing_of_the_demonstrations_past_is_later_than_its_start_at_any_hour_of_the_day(hour: int) -> None:
    """A later record would set its clock ahead: readings of now would be hours old."""
    until_us = from_iso(f"2026-11-27T{hour:02}:19:00Z")
    records = past_records(DEMO_SEED, until_us)
    assert len(records) > 1000
    assert max(to_us(each.at) for each in records) <= until_us
