"""An alert's life: every phase and stimulus is decided exactly once, and the page that shows it is made from the table."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from alerts.desk.lifecycle import (
    COMMANDS,
    TABLE,
    IllegalStep,
    Impossible,
    Move,
    Refusal,
    Stimulus,
    decide,
    diagram,
    stimulus_of_close,
)
from models.tables.limits import LIMITS
from models.tables.rules import RULES
from models.wire.live import AlertPhase

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"
every_step = pytest.mark.parametrize(("phase", "stimulus"), list(itertools.product(AlertPhase, Stimulus)))


def test_every_phase_and_stimulus_is_decided_exactly_once() -> None:
    assert set(TABLE) == set(itertools.product(AlertPhase, Stimulus))
    source = (PAGE.parent.parent / "alerts" / "desk" / "lifecycle.py").read_text()
    written = re.findall(r"^    \((P\.\w+), (S\.\w+)\):", source, re.MULTILINE)
    assert len(written) == len(set(written)), "a row that is written twice silently loses to the later one"


@every_step
def test_a_step_is_taken_refused_with_a_reason_or_raises(phase: AlertPhase, stimulus: Stimulus) -> None:
    found = TABLE[phase, stimulus]
    if isinstance(found, Impossible):
        with pytest.raises(IllegalStep, match=f"{stimulus} cannot come to an alert that is {phase}"):
            decide(phase, stimulus)
    else:
        assert decide(phase, stimulus) is found
        assert not isinstance(found, Refusal) or found.reason


@every_step
def test_no_person_s_command_can_ever_raise(phase: AlertPhase, stimulus: Stimulus) -> None:
    if stimulus in COMMANDS:
        assert not isinstance(TABLE[phase, stimulus], Impossible)


@pytest.mark.parametrize("phase", [AlertPhase.ACTIVE, AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED])
def test_worse_always_makes_an_alert_active_and_pages(phase: AlertPhase) -> None:
    assert TABLE[phase, Stimulus.WORSENED] == Move(AlertPhase.ACTIVE, ("worsened",), pages=True)


@pytest.mark.parametrize("phase", [AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED])
def test_what_somebody_quieted_runs_out_and_pages_again(phase: AlertPhase) -> None:
    assert TABLE[phase, Stimulus.RAN_OUT] == Move(AlertPhase.ACTIVE, ("expired",), pages=True)


def moves() -> list[tuple[AlertPhase, Stimulus, Move]]:
    return [(phase, stimulus, found) for (phase, stimulus), found in TABLE.items() if isinstance(found, Move)]


def test_what_gets_worse_runs_out_or_is_escalated_pages_from_any_phase_and_nothing_else_does() -> None:
    paging = {Stimulus.WORSENED, Stimulus.RAN_OUT, Stimulus.ESCALATE}
    assert {(phase, stimulus) for phase, stimulus, move in moves() if move.pages} == {
        (phase, stimulus) for phase, stimulus, _ in moves() if stimulus in paging
    }


def test_every_step_is_on_record_and_each_command_under_its_own_name_however_often_it_is_given() -> None:
    names = {
        Stimulus.WORSENED: "worsened", Stimulus.EASED: "eased", Stimulus.ENDED: "closed", Stimulus.RECURRED: "closed",
        Stimulus.ACKNOWLEDGE: "acknowledged", Stimulus.SNOOZE: "snoozed", Stimulus.UNSNOOZE: "expired",
        Stimulus.RENAMED: "renamed", Stimulus.CLOSE: "closed", Stimulus.CLOSE_MEASURED: "closed", Stimulus.ESCALATE: "escalated", Stimulus.RAN_OUT: "expired",
    }  # fmt: skip
    for phase, stimulus, move in moves():
        expected = names.get(stimulus, "latched" if move.to is AlertPhase.LATCHED else "closed")
        assert move.steps[0] == expected, (phase, stimulus)


def test_the_last_transition_of_a_step_says_where_it_leads() -> None:
    leads_to = {
        "worsened": AlertPhase.ACTIVE, "expired": AlertPhase.ACTIVE, "acknowledged": AlertPhase.ACKNOWLEDGED, "snoozed": AlertPhase.SNOOZED,
        "latched": AlertPhase.LATCHED, "closed": AlertPhase.CLOSED,
    }  # fmt: skip
    for phase, stimulus, move in moves():
        last = move.steps[-1]
        # Easier changes nothing but the priority, another alias nothing at all.
        # What is escalated is everybody's again, but over if it was over.
        stays = last in {"eased", "renamed"} or (last == "escalated" and phase is AlertPhase.LATCHED)
        expected = phase if stays else leads_to.get(last, AlertPhase.ACTIVE)
        assert move.to is expected, (phase, stimulus)
        assert (len(move.steps) == 2) is ((phase, stimulus) == (AlertPhase.LATCHED, Stimulus.ACKNOWLEDGE))


@pytest.mark.parametrize("phase", [AlertPhase.ACTIVE, AlertPhase.ACKNOWLEDGED, AlertPhase.LATCHED])
def test_only_a_snooze_can_be_taken_back_and_only_a_condition_that_goes_on_can_be_snoozed(phase: AlertPhase) -> None:
    assert TABLE[phase, Stimulus.UNSNOOZE] == Refusal("the alert is not snoozed")
    assert isinstance(TABLE[phase, Stimulus.SNOOZE], Refusal) is (phase is AlertPhase.LATCHED)


def test_a_condition_that_is_over_can_only_come_back_and_one_that_goes_on_cannot() -> None:
    condition = set(Stimulus) - COMMANDS - {Stimulus.RAN_OUT, Stimulus.RENAMED}
    for phase in set(AlertPhase) - {AlertPhase.CLOSED}:
        possible = {stimulus for stimulus in condition if not isinstance(TABLE[phase, stimulus], Impossible)}
        assert possible == ({Stimulus.RECURRED} if phase is AlertPhase.LATCHED else condition - {Stimulus.RECURRED})


def test_only_what_somebody_quieted_can_run_out() -> None:
    quieted = {phase for phase in AlertPhase if not isinstance(TABLE[phase, Stimulus.RAN_OUT], Impossible)}
    assert quieted == {AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED}


def test_only_a_person_or_a_new_alert_ends_a_latched_one() -> None:
    leaving = {
        stimulus for stimulus in Stimulus if isinstance(move := TABLE[AlertPhase.LATCHED, stimulus], Move) and move.to is not AlertPhase.LATCHED
    }  # fmt: skip
    assert leaving == {Stimulus.ACKNOWLEDGE, Stimulus.CLOSE, Stimulus.CLOSE_MEASURED, Stimulus.RECURRED}


@pytest.mark.parametrize("phase", [AlertPhase.ACTIVE, AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED])
def test_what_is_measured_and_goes_on_cannot_be_closed_from_any_phase(phase: AlertPhase) -> None:
    found = TABLE[phase, Stimulus.CLOSE_MEASURED]
    assert isinstance(found, Refusal)
    assert "acknowledge or snooze" in found.reason


def test_every_rule_with_a_limit_is_measured_and_of_scores_only_where_a_session_shows_their_end() -> None:
    assert {limit.rule for limit in LIMITS} | {"prolonged-dissociation"} == {
        rule.name for rule in RULES.values() if rule.measured
    }
    for rule in RULES.values():
        named, outside = stimulus_of_close(rule.name, "S-1"), stimulus_of_close(rule.name, None)
        assert named is (Stimulus.CLOSE_MEASURED if rule.measured else Stimulus.CLOSE)
        assert outside is (Stimulus.CLOSE_MEASURED if rule.measured == "reading" else Stimulus.CLOSE)


def test_a_closed_alert_stays_closed() -> None:
    assert not [stimulus for stimulus in Stimulus if isinstance(TABLE[AlertPhase.CLOSED, stimulus], Move)]


def test_an_unseen_end_of_a_latching_rule_waits_to_be_seen() -> None:
    assert TABLE[AlertPhase.ACTIVE, Stimulus.ENDED_UNSEEN] == Move(AlertPhase.LATCHED, ("latched",))


def test_every_phase_can_be_reached_and_left() -> None:
    assert {move.to for _, _, move in moves()} == set(AlertPhase)
    for phase in set(AlertPhase) - {AlertPhase.CLOSED}:
        assert {move.to for origin, _, move in moves() if origin is phase} - {phase}


def test_the_page_about_an_alert_s_life_is_made_from_the_table() -> None:
    (drawn,) = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert drawn == diagram(), (
        "docs/lifecycle.md: paste the output of alerts.desk.lifecycle.diagram() between the fences"
    )
