"""Some of the schedules of `make prove-pages`: whatever goes wrong, no high alert is lost, no ladder stops, none is late."""

from __future__ import annotations

import pytest

from bench.paging.__main__ import several

SEEDS = range(200)
BLOCK = 25


@pytest.mark.parametrize("first", SEEDS[::BLOCK])
def test_whatever_goes_wrong_no_high_alert_is_lost_no_ladder_stops_and_none_is_late(first: int) -> None:
    verdicts = several(list(range(first, first + BLOCK)))
    assert {verdict.seed: verdict.broken for verdict in verdicts if verdict.broken} == {}
    assert sum(verdict.high_alerts for verdict in verdicts) >= BLOCK, "the schedules must be worth something"
    assert sum(verdict.calls_timed for verdict in verdicts) >= BLOCK
    assert sum(verdict.crashes for verdict in verdicts) > 0


def test_a_schedule_is_the_same_whenever_it_is_run() -> None:
    assert several([3]) == several([3])
