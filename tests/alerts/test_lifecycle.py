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
)
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


def test_only_a_person_or_a_new_alert_ends_a_latched_one() -> None:
    leaving = {
        stimulus for stimulus in Stimulus if isinstance(move := TABLE[AlertPhase.LATCHED, stimulus], Move) and move.to is not AlertPhase.LATCHED
    }  # fmt: skip
    assert leaving == {Stimulus.ACKNOWLEDGE, Stimulus.CLOSE, Stimulus.RECURRED}


def test_a_closed_alert_stays_closed() -> None:
    assert not [stimulus for stimulus in Stimulus if isinstance(TABLE[AlertPhase.CLOSED, stimulus], Move)]


def test_an_unseen_end_of_a_latching_rule_waits_to_be_seen() -> None:
    assert TABLE[AlertPhase.ACTIVE, Stimulus.ENDED_UNSEEN] == Move(AlertPhase.LATCHED, ("latched",))


def test_every_phase_can_be_reached_and_left() -> None:
    moves = [(phase, found.to) for (phase, _), found in TABLE.items() if isinstance(found, Move)]
    assert {to for _, to in moves} == set(AlertPhase)
    for phase in set(AlertPhase) - {AlertPhase.CLOSED}:
        assert {to for origin, to in moves if origin is phase} - {phase}


def test_the_page_about_an_alert_s_life_is_made_from_the_table() -> None:
    (drawn,) = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert drawn == diagram(), (
        "docs/lifecycle.md: paste the output of alerts.desk.lifecycle.diagram() between the fences"
    )
