"""The bodies of the invented clinic: effects as published, and people who differ."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from streams.clinic import OPENS_US
from streams.clinic_body import Body, Given, effect_level, live
from streams.clinic_notes import Notes, write_down
from streams.clinic_people import PROTOCOLS, Drug
from streams.clinic_plan import Booking, SessionPlan, plan_session


def quiet_sessions(drug: Drug, sessions: int) -> list[tuple[SessionPlan, Body, Notes]]:
    lived = []
    for number in range(sessions):
        plan = plan_session(3, Booking(number, OPENS_US, "1", drug=drug, adverse=0.0))
        body = live(plan)
        lived.append((plan, body, write_down(plan, body)))
    return lived


@pytest.fixture(scope="module")
def infusions() -> list[tuple[SessionPlan, Body, Notes]]:
    return quiet_sessions("ketamine", 200)


@pytest.fixture(scope="module")
def sprays() -> list[tuple[SessionPlan, Body, Notes]]:
    return quiet_sessions("esketamine", 200)


def rises(lived: list[tuple[SessionPlan, Body, Notes]], minute: float, side: str) -> float:
    """Mean rise from the cuff before the dose to the one nearest to `minute`."""
    found = []
    for plan, _, notes in lived:
        before = [cuff for cuff in notes.cuffs if cuff.at_s < plan.dose_s]
        after = [cuff for cuff in notes.cuffs if abs(cuff.at_s - plan.dose_s - 60 * minute) < 120]
        if before and after:
            found.append(getattr(after[0], side) - getattr(before[-1], side))
    assert len(found) > 0.9 * len(lived)
    return float(np.mean(found))


def test_infusions_raise_pressure_as_published(infusions: list[tuple[SessionPlan, Body, Notes]]) -> None:
    # Gen Hosp Psychiatry 2024: +16.0 (SD 11.2) and +11.0 (SD 8.45) at 40 min; 200 sessions know the mean to 0.8.
    assert rises(infusions, 40, "sbp") == pytest.approx(16.0, abs=2.0)
    assert rises(infusions, 40, "dbp") == pytest.approx(11.0, abs=1.6)
    spread = np.std([plan.response.rise_sbp for plan, _, _ in infusions])
    assert spread == pytest.approx(11.2, abs=1.5)


def test_sprays_raise_pressure_as_published(sprays: list[tuple[SessionPlan, Body, Notes]]) -> None:
    # Doherty 2020: mean of the largest rise 13.3 and 8.7.
    assert rises(sprays, 40, "sbp") == pytest.approx(13.3, abs=2.0)
    assert rises(sprays, 40, "dbp") == pytest.approx(8.7, abs=1.6)


def test_pressure_peaks_at_forty_minutes_and_is_gone_within_two_hours(
    infusions: list[tuple[SessionPlan, Body, Notes]],
) -> None:
    course = {minute: rises(infusions, minute, "sbp") for minute in (10, 20, 30, 40, 55, 70, 85, 100, 115)}
    assert max(course, key=lambda minute: course[minute]) in (30, 40)
    assert course[70] < 0.6 * course[40]
    assert course[115] < 0.25 * course[40]


def test_the_heart_quickens_as_published(infusions: list[tuple[SessionPlan, Body, Notes]]) -> None:
    # Vankawala 2021: +4.09 /min.
    changes = []
    for plan, body, _ in infusions:
        hr = body.channels["hr"]
        changes.append(hr[plan.dose_s + 2100 : plan.dose_s + 2500].mean() - hr[plan.dose_s - 300 : plan.dose_s].mean())
    assert np.mean(changes) == pytest.approx(4.1, abs=0.8)


def test_about_half_of_the_sprays_sedate(sprays: list[tuple[SessionPlan, Body, Notes]]) -> None:
    sedated = [min(score.score for score in notes.scores if score.instrument == "moaas") for _, _, notes in sprays]
    # Label: 48-61 %, most of them at 4.
    assert 0.45 <= np.mean(np.array(sedated) < 5) <= 0.65
    assert np.mean(np.array(sedated) <= 3) < 0.15


def test_dissociation_peaks_at_forty_minutes_and_has_gone_by_ninety(
    infusions: list[tuple[SessionPlan, Body, Notes]],
) -> None:
    by_minute: dict[int, list[int]] = defaultdict(list)
    for plan, _, notes in infusions:
        for score in notes.scores:
            if score.instrument == "cadss-6":
                by_minute[round((score.at_s - plan.dose_s - 40) / 60)].append(score.score)
    means = {minute: float(np.mean(scores)) for minute, scores in by_minute.items()}
    assert max(means, key=lambda minute: means[minute]) == 40
    assert 2 <= means[40] <= 5
    assert means[90] < 0.5


def test_an_infusion_stopped_halfway_has_less_effect_and_lets_go_sooner() -> None:
    minute = np.arange(0, 180.0)
    whole, stopped = (effect_level((Given(0.0, stopped_min=at),), minute, 25.0) for at in (None, 20.0))
    assert whole.max() == pytest.approx(1.0)
    assert minute[whole.argmax()] == 40
    assert minute[stopped.argmax()] == 20
    assert (stopped[21:] < whole[21:]).all()
    assert effect_level((), minute, 25.0).max() == 0
    assert (whole[:20] == stopped[:20]).all()


def test_people_differ_and_are_fit_to_be_treated() -> None:
    people = [plan_session(1, Booking(number, OPENS_US, "1")).person for number in range(200)]
    assert len({(person.weight_kg, person.birth_year) for person in people}) > 190
    assert max(person.sbp for person in people) < 140
    assert max(person.dbp for person in people) < 90
    assert 0.15 < np.mean(["hypertension" in person.conditions for person in people]) < 0.4


def test_cuffs_and_checkins_come_when_the_protocol_wants_them(
    infusions: list[tuple[SessionPlan, Body, Notes]], sprays: list[tuple[SessionPlan, Body, Notes]]
) -> None:
    for plan, _, notes in infusions + sprays:
        cuffs = np.array([cuff.at_s - plan.dose_s for cuff in notes.cuffs])
        for minute in PROTOCOLS[plan.protocol.drug].cuff_min:
            # A failed one is taken again after 75 s, and may fail again.
            assert ((cuffs > 60 * minute) & (cuffs < 60 * minute + 350)).any()
        for minute in plan.protocol.checkin_min:
            asked = [score for score in notes.scores if 0 < score.at_s - plan.dose_s - 60 * minute < 90]
            assert [score.instrument for score in asked] == ["moaas", "cadss-6", "distress"]
