"""The detectors' scorecard, small: its yardsticks measure what they say, the bars hold on a few sessions, and it can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.detection import panels
from bench.detection.believable import low_runs
from bench.detection.burden import Fated, burden_of
from bench.detection.card import LATE_S, Card, grave, simulated_bars
from bench.detection.injected import KINDS, Invented, found, invent
from bench.detection.matching import Expect, Expected, matched, unexplained
from bench.detection.plain import PLAIN, crossings
from bench.detection.recordings import SETS, Recording, data
from bench.detection.simulated import Scored, family
from bench.detection.told import Alert, Step
from models.arrays import Floats
from models.instants import EPOCH, SECOND
from models.tables.rules import Priority
from models.wire.observations import LimitChange, LimitChanges, SiteConfigured
from streams.clinic.held_out import FAMILIES
from streams.ward import samples
from streams.ward.signal.channel_table import CHANNEL_TABLE

ROOT = Path(__file__).resolve().parents[2]
MEDIUM, HIGH = Priority.MEDIUM, Priority.HIGH
GONE = float("nan")


def recorded(spo2: list[float], pulse: list[float] | None = None, rr: list[float] | None = None) -> Recording:
    none = [GONE] * len(spo2)
    channels = {"hr": none, "pulse": pulse or [70.0] * len(spo2), "rr": rr or none, "spo2": spo2}
    columns: dict[str, Floats] = {name: np.array(values, dtype=np.float64) for name, values in channels.items()}
    return Recording("somebody", "invented", np.arange(len(spo2), dtype=np.float64), columns)


# The yardsticks


def test_a_plain_limit_alarms_at_each_crossing_and_again_after_a_gap() -> None:
    spo2 = [95.0, 89.0, 89.0, 90.0, 89.0, GONE, 89.0, 0.0, 95.0] + [88.0] * 17
    one = [(each.first, each.last) for each in crossings(recorded(spo2))]

    assert one == [(1, 2), (4, 4), (6, 7), (9, 25)]
    assert [each.first for each in crossings(recorded(spo2), delayed=True)] == [9]


def test_plain_limits_are_open_where_the_table_says_so() -> None:
    inside = recorded([90.0, 90.0], pulse=[45.0, 120.0], rr=[8.0, 8.0])
    outside = recorded([89.0, 95.0], pulse=[44.0, 121.0], rr=[7.0, 8.0])

    assert crossings(inside) == []
    assert {each.limit.name for each in crossings(outside)} == {limit.name for limit in PLAIN}


@pytest.mark.parametrize(
    ("spo2", "pulse", "runs"),
    [
        ([95.0] * 9 + [91.0] + [89.0] * 30 + [91.0] + [95.0] * 9, None, 1),
        ([95.0] * 9 + [91.0] + [89.0] * 29 + [91.0] + [95.0] * 9, None, 0),
        ([91.0] + [89.0] * 20 + [90.0] + [89.0] * 20, None, 0),
        # Six of thirty seconds lost are one too many; five are not.
        ([91.0] + [89.0] * 12 + [GONE] * 6 + [89.0] * 12 + [91.0], None, 0),
        ([91.0] + [89.0] * 12 + [GONE] * 5 + [89.0] * 13 + [91.0], None, 1),
        ([91.0] + [89.0] * 40, [71.0] + [20.0] * 40, 0),
        ([91.0] + [89.0] * 40, [71.0] + [GONE] * 40, 1),
        ([51.0] + [49.0] * 40, None, 0),
        # The reading that steps is not believed, the ones that stay there are.
        ([97.0] * 5 + [85.0] * 31, None, 1),
        ([97.0] * 5 + [85.0] * 30, None, 0),
        ([97.0, 85.0] * 40, None, 0),
    ],
)
def test_a_believable_low_run_is_as_it_was_fixed(spo2: list[float], pulse: list[float] | None, runs: int) -> None:
    assert len(low_runs(recorded(spo2, pulse))) == runs


def told(rule: str, *steps: tuple[float, Priority], over_s: float | None = None) -> Alert:
    alert = Alert("P1", "S1", rule, "respiratory", round(steps[0][0] * SECOND))
    alert.steps = [
        Step(round(at_s * SECOND), "worsened" if n else "raised", priority, "")
        for n, (at_s, priority) in enumerate(steps)
    ]
    alert.over_us = None if over_s is None else round(over_s * SECOND)
    return alert


def so(
    rule: str, priority: Priority, from_s: float, to_s: float, due_s: float | None, expect: Expect = "raise"
) -> Expected:
    due_us = None if due_s is None else round(due_s * SECOND)
    return Expected("P1", rule, priority, round(from_s * SECOND), round(to_s * SECOND), expect, due_us)


def test_an_event_is_found_by_its_own_priority_or_a_worse_one_and_late_from_when_it_was_due() -> None:
    event = so("desaturation", HIGH, 100, 200, 110)
    late = [told("desaturation", (105, MEDIUM), (117, HIGH), over_s=230)]

    assert matched([event], late)[0].late_s == 7
    assert matched([event], [told("desaturation", (105, MEDIUM), over_s=230)])[0].told_us is None
    assert matched([event], [told("desaturation", (20, HIGH), over_s=90)])[0].told_us is None
    assert matched([event], [told("bradycardia", (110, HIGH))])[0].told_us is None


def test_an_apnoea_answers_for_slow_breathing_and_a_slow_breathing_not_for_an_apnoea() -> None:
    assert matched([so("bradypnoea", MEDIUM, 0, 60, 30)], [told("apnoea", (25, HIGH))])[0].told_us is not None
    assert matched([so("apnoea", HIGH, 0, 60, 20)], [told("bradypnoea", (25, MEDIUM))])[0].told_us is None


def test_an_alert_is_false_unless_something_as_grave_was_so() -> None:
    alert = [told("desaturation", (100, MEDIUM), (120, HIGH))]

    assert len(unexplained([], alert)) == 2
    assert [each.step.priority for each in unexplained([so("desaturation", MEDIUM, 80, 130, 95)], alert)] == [HIGH]
    assert unexplained([so("desaturation", HIGH, 80, 130, None, "either")], alert) == []
    assert len(unexplained([so("desaturation", HIGH, 80, 130, None, "quiet")], alert)) == 2
    assert len(unexplained([so("desaturation", HIGH, 200, 300, 220)], alert)) == 2


# The bars, on a few sessions, with margin: the whole card is `make prove-detection`

HELD = ("desaturation", "bradycardia", "tachycardia", "apnoea", "bradypnoea", "hypertensive-crisis")


@pytest.fixture(scope="module")
def eventful() -> Scored:
    return family("eventful", sessions=2, seed=6)


def lost(scored: Scored) -> list[str]:
    """What was not found, or not in time."""
    return [
        f"{match.event.rule} {match.event.priority.word} in {match.event.patient}: {match.late_s}"
        for match in scored.matches
        if match.event.rule in HELD and match.event.priority >= MEDIUM and (match.late_s is None or match.late_s > 5)
    ]


def test_what_happens_in_eventful_sessions_is_found_in_time(eventful: Scored) -> None:
    assert lost(eventful) == []
    assert sum(match.event.rule in HELD and match.event.priority >= MEDIUM for match in eventful.matches) >= 8


@pytest.mark.parametrize("name", ["uneventful", "near-threshold"])
def test_a_quiet_session_calls_nobody(name: str) -> None:
    quiet = family(name, sessions=2, seed=7)

    assert quiet.hours > 4
    assert quiet.false == []
    assert [cuff for cuff in quiet.alone if cuff.raised] == []
    assert sum(quiet.plain.values()) > 5, "plain limits would have called"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_bars_of_finding_and_of_calling_nobody_hold_for_every_family(name: str) -> None:
    """Three sessions of each: whatever its lines do on their way, nothing that lasts is missed or late."""
    few = family(name, sessions=3, seed=1)

    told = [(one.event.rule, one.event.patient, one.late_s) for one in grave([few])]
    assert [one for one in told if one[2] is None or one[2] > LATE_S] == []
    assert few.false == [] or not few.quiet


def test_the_card_fails_if_every_hold_were_twice_as_long(eventful: Scored) -> None:
    longer: LimitChanges = {
        "desaturation": {"medium": {"spo2": LimitChange(hold_s=30.0)}, "high": {"spo2": LimitChange(hold_s=20.0)}},
        "bradycardia": {"medium": {"rate": LimitChange(hold_s=60.0)}, "high": {"rate": LimitChange(hold_s=30.0)}},
        "tachycardia": {"medium": {"rate": LimitChange(hold_s=120.0)}},
    }
    slow = family("eventful", sessions=2, seed=6, configuration=SiteConfigured(at=EPOCH, limits=longer))

    assert len(lost(slow)) >= 3
    held = {bar.what: bar.holds for bar in simulated_bars("", [slow])}
    assert not held["found later than the rule's own time plus 5 s"]


def test_the_card_fails_if_nothing_were_held_at_all() -> None:
    at_once: LimitChanges = {
        "desaturation": {"medium": {"spo2": LimitChange(hold_s=0.0)}},
        "bradycardia": {"medium": {"rate": LimitChange(hold_s=0.0)}},
    }
    jumpy = family("near-threshold", sessions=2, seed=7, configuration=SiteConfigured(at=EPOCH, limits=at_once))
    held = {bar.what: bar.holds for bar in simulated_bars("", [jumpy])}

    assert jumpy.false
    assert not held["false high or medium alerts, uneventful and near-threshold"]
    assert not held["alerts above low, of every category, in hovering sessions"]


def test_the_card_shows_it_if_impossible_steps_were_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    doubting = family("artefact-heavy", sessions=2, seed=1)
    believed = CHANNEL_TABLE.copy()
    believed["fastest_per_us"] = 1.0
    monkeypatch.setattr(samples, "CHANNEL_TABLE", believed)
    believing = family("artefact-heavy", sessions=2, seed=1)

    assert doubting.false == []
    assert len(believing.false) >= 2


# Invented events in recorded stretches


@pytest.fixture(scope="module")
def stretch() -> Recording:
    """Twenty minutes that look recorded: whole numbers that wander, with dropouts and zeros."""
    rng = np.random.default_rng(3)
    length = 1200
    slow = np.repeat(rng.normal(0, 1, length // 20), 20)
    spo2 = np.clip(np.rint(97 + slow + rng.normal(0, 0.4, length)), 94, 100)
    pulse, rr = np.rint(72 + 2 * slow + rng.normal(0, 1, length)), np.rint(15 + slow)
    for begin in rng.integers(0, length - 10, 25).tolist():
        spo2[begin : begin + int(rng.integers(1, 6))] = rng.choice([GONE, 0.0])
    channels = {"hr": pulse.copy(), "pulse": pulse, "rr": rr, "spo2": spo2}
    return Recording("somebody", "invented", np.arange(length, dtype=np.float64), channels)


@pytest.fixture(scope="module")
def invented(stretch: Recording) -> list[Invented]:
    return invent([stretch], per_kind=2, seed=1)


def test_events_are_invented_by_the_seed_and_leave_gaps_and_zeros_as_recorded(
    stretch: Recording, invented: list[Invented]
) -> None:
    again = invent([stretch], per_kind=2, seed=1)

    assert [(event.kind.name, event.from_s) for event in again] == [
        (event.kind.name, event.from_s) for event in invented
    ]
    assert {event.kind.name for event in invented} == {kind.name for kind in KINDS}
    for event in invented:
        for name, moved in event.moved.items():
            recorded_values = stretch.channels[name]
            assert event.kind.hidden_s or np.array_equal(np.isnan(moved), np.isnan(recorded_values))
            assert event.kind.hidden_s or name == "rr" or (moved[recorded_values == 0] == 0).all()
            outside = (stretch.at_s < event.from_s - 10) | (stretch.at_s > event.over_s + event.kind.recovery_s + 1)
            assert np.array_equal(moved[outside], recorded_values[outside], equal_nan=True)


def test_invented_events_are_found_and_the_stretches_alone_are_quiet(invented: list[Invented]) -> None:
    outcomes = found(invented)

    assert [each.event.kind.name for each in outcomes if not each.found] == []
    assert not any(each.found for each in found(invented, as_recorded=True))
    assert all(bar.holds for bar in Card(injected=outcomes).bars())


# Recordings


@pytest.fixture(scope="module")
def folder() -> Path:
    found_at = data()
    if found_at is None:
        pytest.skip("no recordings: CHAIRSIDE_DATA names their folder")
    return found_at


def test_believable_low_runs_of_recordings_are_raised_and_fewer_people_are_called_than_by_plain_limits(
    folder: Path,
) -> None:
    some = [folder / "hfno_sedation" / f"{name}.csv.gz" for name in ("P066", "P095", "P050")]
    one = burden_of("hfno_sedation", [path for path in some if path.is_file()])

    assert len(one.runs) >= 3
    assert one.missed == []
    assert one.plain.total() > 10
    every = [step for alert in one.alerts for step in alert.burdens()]
    assert len(every) < one.plain.total() / 2
    assert sum(each.fate == "told" for each in one.fated) <= len(every)


def test_panels_are_chosen_by_the_seed_and_drawn_small(folder: Path, tmp_path: Path) -> None:
    one = burden_of("bidmc", [folder / "bidmc" / "bidmc_13_numerics.csv", folder / "bidmc" / "bidmc_25_numerics.csv"])
    shown = panels.suppressed_panels([one], seed=1)[:5]
    again = panels.suppressed_panels([one], seed=1)[:5]
    panels.draw(shown, folder, "Some", tmp_path / "some.png")

    assert [panel.title for panel in shown] == [panel.title for panel in again]
    assert 0 < (tmp_path / "some.png").stat().st_size <= panels.LARGEST
    assert all(isinstance(each, Fated) for each in one.fated)


def test_the_command_explains_itself() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bench.detection", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert all(option in said for option in ("--quick", "--held-out", "--seed", "--write", "--only"))
    assert set(SETS) == {"hfno_sedation", "bidmc"}
