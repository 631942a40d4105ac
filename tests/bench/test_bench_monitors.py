"""Yardsticks of real monitors: the capnograph's invented numbers are as it was measured to show them, cuffs count as they say."""

from __future__ import annotations

import numpy as np
import pytest

from bench.detection import breathing, capnograph
from bench.detection.capnograph import PAUSE, SLOW, Labelled, Shown
from bench.detection.card import Card, breathing_bars, cuff_bars
from bench.detection.cuff_series import CuffRow, measure, thin
from bench.detection.told import Alert, Step
from models.instants import SECOND
from models.tables.rules import Priority

NAN = float("nan")


def person(*stretches: tuple[int, int], spo2: float = 97.0) -> Labelled:
    """Somebody who breathes as labelled: (label, seconds) in turn."""
    state = np.concatenate([np.full(seconds, label, np.int64) for label, seconds in stretches])
    return Labelled("somebody", state, {"spo2": np.full(len(state), spo2), "pulse": np.full(len(state), 70.0)})


def shown(*stretches: tuple[int, int], seed: int = 1) -> Shown:
    return capnograph.capnograph(person(*stretches), seed)


@pytest.fixture
def without_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """No self-zero falls into the scene."""
    monkeypatch.setattr(capnograph, "ZERO_EVERY_S", 1e9)


@pytest.mark.usefixtures("without_zero")
@pytest.mark.parametrize("seed", range(5))
def test_in_a_pause_the_last_numbers_stay_then_both_are_zero_and_the_rate_comes_back_later(seed: int) -> None:
    one = shown((0, 100), (PAUSE, 60), (0, 100), seed=seed)
    (pause,) = one.pauses

    assert (pause.first, pause.last) == (100, 159)
    assert pause.shown is not None
    assert 132 <= pause.shown <= 138
    held = slice(100, pause.shown)
    assert set(one.rr[held]) == {one.rr[99]}
    assert set(one.etco2[held]) == {one.etco2[99]}
    nothing = slice(pause.shown, 160)
    assert set(one.rr[nothing]) == set(one.etco2[nothing]) == {0.0}
    assert (one.etco2[160:] > 20).all(), "EtCO2 is back with the first breath"
    rate_back = int(np.flatnonzero(one.rr[160:] > 0)[0])
    assert 15 <= rate_back <= 21


@pytest.mark.usefixtures("without_zero")
def test_a_short_pause_is_never_seen_in_the_numbers() -> None:
    one = shown((0, 100), (PAUSE, 30), (0, 100))

    assert one.pauses[0].shown is None
    assert (one.rr > 3).all()
    assert (one.etco2 > 20).all()


def test_its_own_zero_is_a_gap_then_a_rate_of_nought_beside_a_living_etco2() -> None:
    one = shown((0, 9000))
    gone = capnograph.runs(np.isnan(one.etco2))

    assert 3 <= len(gone) <= 4
    for first, last in gone[:-1]:
        assert last - first + 1 == capnograph.ZERO_GAP_S
        after = one.rr[last + 1 : last + 30]
        assert 18 <= int(np.flatnonzero(after > 0)[0]) <= 24
        assert (one.etco2[last + 1 : last + 25] > 20).all()


@pytest.mark.usefixtures("without_zero")
@pytest.mark.parametrize("label", SLOW)
def test_slow_breathing_settles_at_five_to_seven(label: int) -> None:
    one = shown((0, 60), (label, 120))
    settled = one.rr[120:]

    assert settled.min() >= 5
    assert settled.max() <= 7


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others() -> None:
    one, again, other = (shown((0, 3000), seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(one.rr, again.rr, equal_nan=True)
    assert not np.array_equal(one.rr, other.rr, equal_nan=True)


def loud(at_s: float, rule: str = "bradycardia") -> Alert:
    at_us = round(at_s * SECOND)
    return Alert("somebody", None, rule, "x", at_us, [Step(at_us, "raised", Priority.HIGH, "")])


@pytest.mark.parametrize(
    ("stretches", "spo2", "about"),
    [
        (((0, 300),), 97.0, False),
        (((0, 180), (PAUSE, 20), (0, 100)), 97.0, True),
        (((0, 180), (PAUSE, 19), (0, 101)), 97.0, False),
        (((0, 190), (PAUSE, 30), (0, 80)), 97.0, False),
        (((0, 100), (7, 30), (0, 170)), 97.0, True),
        (((0, 100), (7, 29), (0, 171)), 97.0, False),
        (((0, 300),), 88.0, True),
        (((0, 300),), 0.0, False),
    ],
)  # fmt: skip
def test_an_alert_is_about_a_pause_slow_breathing_or_low_oxygen_within_a_minute(
    stretches: tuple[tuple[int, int], ...], spo2: float, about: bool
) -> None:
    (one,) = breathing.louds(person(*stretches, spo2=spo2), [loud(125)])

    assert one.about is about


def test_a_bar_on_breathing_fails_if_most_is_told_while_somebody_breathes() -> None:
    good = breathing.Breathing(1, 10.0, [breathing.Told("a", 0, 50, 35, 5.0)], 10, 1, [], 10.0, [])
    bad = breathing.Breathing(1, 10.0, [breathing.Told("a", 0, 50, 35, None)], 10, 5, [], 10.0, [])
    bad.loud = [breathing.Loud("a", "apnoea", Priority.HIGH, 1.0, False)] * 8
    bad.alone = bad.loud

    assert all(bar.holds for bar in breathing_bars(good))
    assert not any(bar.holds for bar in breathing_bars(bad))
    assert "invented" in Card(breathing=bad).text()


def cuffs(*rows: tuple[int, float, float]) -> list[CuffRow]:
    return [CuffRow(minute, sbp, dbp, NAN) for minute, sbp, dbp in rows]


def test_a_pressure_lasts_by_three_cuffs_over_twenty_minutes_and_has_the_spacing_of_its_cuffs() -> None:
    found = measure(
        {
            "long": cuffs(
                (0, 120, 70), (5, 84, 50), (10, 82, 50), (15, 83, 50), (20, 84, 50), (25, 86, 50), (30, 120, 70)
            ),
            "few": cuffs((0, 84, 50), (25, 84, 50), (40, 120, 70)),
            "short": cuffs((0, 84, 50), (5, 84, 50), (10, 84, 50), (20, 120, 70)),
            "broken": cuffs((0, 84, 50), (10, 84, 50), (45, 84, 50), (50, 120, 70)),
            "wrong": cuffs((0, 84, 90), (15, 84, 90), (30, 84, 90), (45, 120, 70)),
        }
    )

    assert [(each.of, each.stay, each.spacing_min, each.told) for each in found.lasting] == [
        ("SBP <90", "long", 5, True)
    ]


@pytest.mark.parametrize(
    ("rows", "believed", "borne_out"),
    [
        (cuffs((0, 170, 90), (10, 210, 100), (20, 190, 100)), True, True),
        (cuffs((0, 170, 90), (10, 210, 100), (20, 130, 80)), True, False),
        (cuffs((0, 170, 90), (10, 210, 100), (41, 130, 80)), True, False),
        (cuffs((0, 170, 90), (31, 210, 100), (62, 130, 80)), True, None),
        (cuffs((0, 150, 95), (10, 145, 125), (20, 150, 95)), False, False),
    ],
)
def test_a_crisis_is_borne_out_or_refuted_by_the_nearest_cuffs_within_half_an_hour(
    rows: list[CuffRow], believed: bool, borne_out: bool | None
) -> None:
    (crisis,) = measure({"one": rows}).crises

    assert (crisis.believed, crisis.news, crisis.called, crisis.borne_out) == (believed, believed, True, borne_out)


def test_thinned_cuffs_are_at_least_so_far_apart() -> None:
    rows = cuffs(*((minute, 84.0, 50.0) for minute in (0, 4, 9, 10, 15, 45, 46)))
    assert [row.minute for row in thin(rows, 10)] == [0, 10, 45]
    assert {apart for apart, lasting in measure({"low": rows}).thinned.items() if lasting} == {5, 13}


def test_a_bar_on_cuffs_says_the_worst_spacing() -> None:
    found = measure({"high": cuffs(*((minute, 185.0, 100.0) for minute in range(0, 40, 5)))})
    told = next(bar for bar in cuff_bars(found) if "180/110" in bar.what)

    assert told.holds
    assert told.found.startswith("5 min: 1 of 1")
