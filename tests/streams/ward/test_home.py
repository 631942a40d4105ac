"""Patients at home: silence, sudden worsening, what a forecast means, and the scheduler's one page a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.effects import Effect, Forecast, Page, Transition
from models.instants import MINUTE, to_datetime, to_us
from models.wire.observations import OBSERVATION, Event, Vitals
from streams.forecasts.pages import patient_list
from streams.shard import Shard
from streams.ward.invariants import validate_state
from tests.support.scenes import pack

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=BERLIN)
"""A Monday; the clocks go forward on the 29th."""


def falling_due(now: float, in_14: float, beyond: float = 0.95) -> list[float]:
    """A distribution that starts at `now` and reaches `in_14` after two weeks."""
    return [round(min(now + (in_14 - now) * day / 14, beyond), 6) for day in range(85)]


@dataclass
class Practice:
    """A clinic and the weeks that pass in it, a frame an entry and ticks between. `now` is its wall clock."""

    now: datetime = NOON
    shard: Shard = field(default_factory=Shard)
    effects: list[Effect] = field(default_factory=list)
    journal: list[tuple[int, bytes]] = field(default_factory=list)

    def send(self, *records: Vitals | Event) -> None:
        stamped = (to_us(self.now), pack(records))
        self.journal.append(stamped)
        self.effects.extend(self.shard.step(self.shard.next_offset, *stamped).effects)
        validate_state(self.shard.ward)

    def says(self, kind: str, patient: str = "P-1", **fields: Any) -> None:
        at = fields.pop("at", self.now).isoformat()
        said = {"kind": kind, "at": at, "patient": patient, "id": f"e{len(self.journal)}", **fields}
        self.send(OBSERVATION.validate_python(said, strict=False))

    def configures(self, **policies: Any) -> None:
        self.says("site.configured", "-", policies={"timezone": "Europe/Berlin", **policies})

    def lives_in(self, zone: str, patient: str = "P-1") -> None:
        self.says("patient.registered", patient, timezone=zone)

    def scores(self, score: float, patient: str = "P-1", instrument: str = "phq-9", **more: Any) -> None:
        self.says("checkin", patient, instrument=instrument, score=score, **more)

    def doses(self, patient: str = "P-1", **more: Any) -> None:
        self.says("dose", patient, drug="esketamine", route="intranasal", amount_mg=84, **more)

    def foresees(self, now: float, in_14: float, patient: str = "P-1", **more: Any) -> None:
        as_of = more.pop("as_of", self.now.astimezone(BERLIN).date().isoformat())
        due = {"p10": "2026-03-05", "p50": "2026-03-12", "p90": "beyond_horizon"}
        self.says("forecast.made", patient, as_of=as_of, cdf=falling_due(now, in_14), due=due, model="test", **more)

    def books(self, when: str, patient: str = "P-1") -> None:
        self.says("intervention", patient, what="booking", detail=when)

    def answers(self, verb: str, rule: str) -> None:
        (alert,) = [alert for alert in self.shard.desk.open.values() if alert.rule == rule]
        self.says(f"alert.{verb}", "-", alert=alert.id, by="scheduler")

    def passes(self, days: float) -> None:
        """Time passes, ticking every three hours and at its end."""
        until = to_datetime(to_us(self.now) + round(days * 24 * 60) * MINUTE)
        while self.now < until:
            self.now = min(self.now + timedelta(hours=3), until)
            self.send()

    def weekly(self, scores: Iterable[float]) -> None:
        """A PHQ-9 a week."""
        for score in scores:
            self.scores(score)
            self.passes(7)

    def told(self, *rules: str) -> list[str]:
        """``03-11 23:00Z low checkin-overdue raised``."""
        steps = [each for each in self.effects if isinstance(each, Transition) and (not rules or each.rule in rules)]
        return [f"{each.at[5:10]} {each.at[11:16]}Z {each.priority} {each.rule} {each.transition}" for each in steps]

    @property
    def pages(self) -> list[Page]:
        return [each for each in self.effects if isinstance(each, Page)]

    def digests(self) -> list[str]:
        return [f"{page.at[5:16]} {page.title} | {page.body}" for page in self.pages if page.audience == "scheduler"]


@pytest.fixture
def clinic() -> Practice:
    practice = Practice()
    practice.configures()
    return practice


# ---- at home, not in a chair -----------------------------------------------------------------------------------------


def test_an_answer_from_home_opens_no_session_and_makes_no_chair(clinic: Practice) -> None:
    clinic.scores(14)
    clinic.doses()
    clinic.foresees(0.1, 0.2)
    assert clinic.shard.ward.association.sessions == {}
    assert clinic.shard.chairs("main")["chairs"] == []


# ---- silence ---------------------------------------------------------------------------------------------------------


def test_a_missed_weekly_answer_is_told_when_the_grace_ends_where_the_patient_is(clinic: Practice) -> None:
    clinic.lives_in("America/New_York")
    clinic.scores(9)
    clinic.passes(20)
    assert clinic.told() == [
        "03-12 04:00Z low checkin-overdue raised",  # the 11th ends in New York, by now on summer time
        "03-18 16:00Z medium checkin-overdue worsened",  # noon there
    ]


def test_whoever_answers_in_time_is_left_alone_across_the_change_of_clocks(clinic: Practice) -> None:
    clinic.lives_in("Europe/Berlin")
    clinic.weekly([9] * 8)
    assert clinic.told("checkin-overdue") == []


def test_an_answer_ends_the_silence_and_a_late_one_from_before_does_not(clinic: Practice) -> None:
    clinic.scores(9)
    clinic.passes(12)
    clinic.scores(9, at=clinic.now - timedelta(days=11))
    assert clinic.told() == ["03-11 23:00Z low checkin-overdue raised"]
    clinic.scores(8)
    assert clinic.told()[1:] == ["03-14 11:00Z low checkin-overdue closed"]


def test_without_a_zone_days_are_those_of_the_observations_offset(clinic: Practice) -> None:
    clinic.scores(9, at=NOON.astimezone(ZoneInfo("Asia/Tokyo")))
    clinic.passes(10)
    assert clinic.told() == ["03-11 15:00Z low checkin-overdue raised"]


def test_a_clinic_chooses_how_often_it_asks_or_not_at_all(clinic: Practice) -> None:
    clinic.configures(checkins={"every_days": 14, "grace_days": 0, "instruments": ["qids-sr16"]})
    clinic.scores(9, instrument="qids-sr16")
    clinic.passes(7)
    clinic.scores(9, instrument="phq-9")
    clinic.passes(8)
    assert clinic.told() == ["03-16 23:00Z low checkin-overdue raised"]
    clinic.configures(checkins={"enabled": False})
    assert clinic.told()[1:] == ["03-17 11:00Z low checkin-overdue closed"]


def test_months_of_history_that_come_at_once_make_nobody_overdue_before_they_are_all_in(clinic: Practice) -> None:
    for week in range(20, -1, -1):
        clinic.scores(12, at=clinic.now - timedelta(weeks=week), id=f"w{week}")
    clinic.passes(1)
    assert clinic.told() == []


# ---- sudden worsening ------------------------------------------------------------------------------------------------


def test_a_rise_of_five_points_over_the_recent_level_is_paged_at_once_whatever_the_forecast_says(
    clinic: Practice,
) -> None:
    clinic.weekly([6, 7, 6])
    clinic.foresees(0.0, 0.01)
    clinic.scores(11)
    assert clinic.told() == ["03-23 11:00Z medium mood-worsening raised"]
    (page,) = clinic.pages
    assert page.body == "P-1: Mood worsening. PHQ-9 11, 5 over the recent 6."
    assert page.audience == "watch"


def test_the_recent_level_is_the_one_since_the_last_dose(clinic: Practice) -> None:
    clinic.weekly([18, 18])
    clinic.doses()
    clinic.passes(3)
    clinic.weekly([8])
    clinic.scores(13)
    assert clinic.told("mood-worsening") == ["03-26 11:00Z medium mood-worsening raised"]


def test_crossing_into_severe_is_told_and_one_point_of_noise_is_not(clinic: Practice) -> None:
    clinic.weekly([18, 19])
    clinic.scores(20)
    assert clinic.told() == []
    clinic.passes(7)
    clinic.scores(21)
    assert clinic.told() == ["03-23 11:00Z medium mood-worsening raised"]


def test_a_first_score_however_bad_is_where_somebody_begins(clinic: Practice) -> None:
    clinic.scores(24)
    assert clinic.told() == []


def test_a_worsening_that_goes_on_is_one_alert_and_a_second_one_is_another(clinic: Practice) -> None:
    clinic.weekly([5, 5, 11, 12])
    assert clinic.told() == ["03-16 11:00Z medium mood-worsening raised"]
    clinic.scores(17)
    assert clinic.told()[1:] == [
        "03-30 11:00Z medium mood-worsening latched",
        "03-30 11:00Z medium mood-worsening closed",
        "03-30 11:00Z medium mood-worsening raised",
    ]


def test_a_corrected_score_takes_its_alarm_back(clinic: Practice) -> None:
    clinic.weekly([5, 5])
    clinic.scores(15, id="wrong")
    clinic.scores(5, id="right", replaces="wrong", at=clinic.now)
    assert clinic.told() == ["03-16 11:00Z medium mood-worsening raised", "03-16 11:00Z medium mood-worsening latched"]


def test_a_late_score_from_before_the_newest_starts_nothing(clinic: Practice) -> None:
    clinic.weekly([5, 5, 5])
    clinic.scores(19, at=clinic.now - timedelta(days=10))
    assert clinic.told() == []


# ---- forecasts -------------------------------------------------------------------------------------------------------


def test_a_dose_that_is_likely_due_within_the_lead_is_on_the_board_and_a_dose_ends_it(clinic: Practice) -> None:
    clinic.scores(9)
    clinic.doses(at=clinic.now - timedelta(days=14))
    clinic.foresees(0.2, 0.7)
    assert clinic.told() == []
    clinic.passes(1)
    clinic.foresees(0.4, 0.8)
    assert clinic.told() == ["03-03 11:00Z info maintenance-due raised"]
    clinic.passes(1)
    clinic.doses()
    assert clinic.told()[1:] == ["03-04 11:00Z info maintenance-due closed"]
    assert [page.audience for page in clinic.pages] == ["scheduler"]


def test_the_decision_is_written_beside_its_threshold_and_its_forecast(clinic: Practice) -> None:
    clinic.foresees(0.4, 0.8, known="abc")
    (raised,) = [each for each in clinic.effects if isinstance(each, Transition)]
    assert raised.evidence == {
        "as_of": "2026-03-02", "known": "abc", "model": "test", "booked_at": None, "probability": 0.6,
        "due": {"p10": "2026-03-05", "p50": "2026-03-12", "p90": "beyond_horizon"},
        "within_days": 7, "limit": 0.5, "page": "none: board only",
    }  # fmt: skip
    assert raised.text == "P-1: Maintenance dose due. 60 % within 7 days (window 2026-03-05 to after 12 weeks)."
    assert raised.source == "site policy: P >= 0.5 within 7 days"


def test_lead_and_threshold_are_the_clinics(clinic: Practice) -> None:
    clinic.configures(maintenance={"lead_days": 14, "due_probability": 0.3})
    clinic.foresees(0.1, 0.35)
    assert clinic.told() == ["03-02 11:00Z info maintenance-due raised"]


def test_a_little_less_likely_is_no_news_and_much_less_ends_it(clinic: Practice) -> None:
    clinic.foresees(0.4, 0.8)
    clinic.passes(1)
    clinic.foresees(0.3, 0.6)
    assert len(clinic.told()) == 1
    clinic.passes(1)
    clinic.foresees(0.1, 0.5)
    assert clinic.told()[1:] == ["03-04 11:00Z info maintenance-due closed"]


def test_a_high_risk_is_told_where_no_visit_is_booked_in_time(clinic: Practice) -> None:
    clinic.books("2026-03-05")
    clinic.foresees(0.8, 0.95)
    assert clinic.told() == []
    clinic.books("2026-03-20T09:00+01:00")
    clinic.passes(1)
    clinic.foresees(0.8, 0.95)
    assert clinic.told() == ["03-03 11:00Z low relapse-risk raised", "03-03 11:00Z info maintenance-due raised"]
    clinic.books("2026-03-06")
    assert sorted(clinic.told()[2:]) == [
        "03-03 11:00Z info maintenance-due closed", "03-03 11:00Z low relapse-risk closed",
    ]  # fmt: skip


def test_a_sharp_rise_is_told_before_it_is_high(clinic: Practice) -> None:
    clinic.foresees(0.0, 0.1)
    clinic.passes(2)
    clinic.foresees(0.1, 0.45)
    assert clinic.told() == ["03-04 11:00Z low relapse-risk raised"]


def test_a_forecast_of_an_earlier_day_is_kept_and_moves_nothing(clinic: Practice) -> None:
    clinic.foresees(0.0, 0.1)
    clinic.foresees(0.9, 0.95, as_of="2026-02-20")
    assert clinic.told() == []
    assert [each.as_of for each in clinic.effects if isinstance(each, Forecast)] == ["2026-03-02", "2026-02-20"]


def test_a_forecast_of_the_future_is_set_aside_with_its_reason(clinic: Practice) -> None:
    clinic.foresees(0.9, 0.95, as_of="2026-04-20")
    assert not any(isinstance(each, Forecast) for each in clinic.effects)
    assert clinic.shard.ward.counts["set aside"] == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"as_of": "soon"}, "as_of"),
        ({"as_of": "2026-02-30"}, "as_of"),
        ({"as_of": "2026-03-02", "cdf": [0.1] * 84}, "cdf"),
        ({"as_of": "2026-03-02", "cdf": [0.5, *[0.4] * 84]}, "cdf"),
        ({"as_of": "2026-03-02", "relapse_probability": {"7d": 1.5}}, "relapse_probability.7d"),
    ],
)
def test_a_forecast_that_is_none_is_refused_by_field(fields: dict[str, Any], field: str) -> None:
    from streams.intake.json import read_lines
    from tests.support.service import ndjson

    line = {"kind": "forecast.made", "at": NOON.isoformat(), "patient": "P-1", **fields}
    reading = read_lines(ndjson([line]).splitlines())
    assert [aside.field for _, aside in reading.bad] == [field]


@pytest.mark.parametrize(
    ("policies", "field"),
    [
        ({"maintenance": {"lead_days": 40}}, "policies.maintenance.lead_days"),
        ({"maintenance": {"p_star": 0.4}}, "policies.maintenance.p_star"),
        ({"maintenance": {"due_probability": 0.9, "risk_probability": 0.6}}, "policies.maintenance"),
        ({"checkins": {"instruments": ["phq9"]}}, "policies.checkins.instruments.0"),
        ({"timezone": "Berlin"}, "policies.timezone"),
    ],
)
def test_policies_that_make_no_sense_are_set_aside_and_the_old_ones_stay(
    clinic: Practice, policies: dict[str, Any], field: str
) -> None:
    clinic.configures(maintenance={"due_probability": 0.3})
    clinic.configures(**policies)
    letters = [each for each in clinic.effects if getattr(each, "field", None)]
    assert [getattr(letter, "field", "") for letter in letters] == [field]
    clinic.foresees(0.1, 0.55)
    assert clinic.told() == ["03-02 11:00Z info maintenance-due raised"]


# ---- the digest ------------------------------------------------------------------------------------------------------


def test_the_scheduler_gets_one_page_a_day_with_who_is_due_and_who_is_silent(clinic: Practice) -> None:
    clinic.configures(link="https://watch.example/")
    clinic.scores(9, "P-9")
    clinic.passes(9)
    clinic.foresees(0.4, 0.8, "P-2")
    clinic.foresees(0.85, 0.95, "P-1")
    clinic.passes(1)
    (said,) = clinic.digests()
    assert said == (
        "03-12T07:00 ● Maintenance, 2026-03-12: 2 due, 1 silent | "
        "P-1: 90 % in 7 days, 95 % in 14 (window 2026-03-05 to after 12 weeks); "
        "P-2: 60 % in 7 days, 80 % in 14 (window 2026-03-05 to after 12 weeks); "
        "P-9: no answer since 2026-03-02. https://watch.example/clinic"
    )


def test_nobody_due_is_no_page_and_who_was_answered_for_is_not_named_again(clinic: Practice) -> None:
    clinic.foresees(0.1, 0.2)
    clinic.passes(4)
    assert clinic.digests() == []
    clinic.foresees(0.4, 0.8)
    clinic.answers("acknowledged", "maintenance-due")
    clinic.passes(3)
    assert clinic.digests() == []
    clinic.passes(5)  # a week later the answer has run out
    assert [line[:5] for line in clinic.digests()] == ["03-14"]


def test_a_clinic_chooses_the_hour_or_no_digest(clinic: Practice) -> None:
    clinic.configures(maintenance={"digest_hour": 17})
    clinic.foresees(0.4, 0.8)
    clinic.passes(1)
    assert [line[:11] for line in clinic.digests()] == ["03-02T16:00"]
    clinic.configures(maintenance={"digest": False})
    clinic.passes(3)
    assert len(clinic.digests()) == 1


def test_a_long_list_is_cut_and_counted(clinic: Practice) -> None:
    for n in range(20):
        clinic.foresees(0.4, 0.8, f"P-{n:02}")
    clinic.passes(1)
    (line,) = clinic.digests()
    assert "P-11" in line
    assert "P-12" not in line
    assert line.endswith("and 8 more.")


# ---- state -----------------------------------------------------------------------------------------------------------


def test_a_restart_at_any_moment_changes_nothing(clinic: Practice) -> None:
    clinic.lives_in("Asia/Tokyo")
    clinic.weekly([6, 6, 12])
    clinic.books("2026-04-20")
    clinic.foresees(0.85, 0.95)
    clinic.passes(12)
    clinic.scores(5)
    clinic.doses()
    expected = [Shard.step(other, *each) for other in [Shard()] for each in numbered(clinic.journal)]
    for cut in range(1, len(clinic.journal)):
        shard = Shard()
        before = [shard.step(*each) for each in numbered(clinic.journal)[:cut]]
        shard = Shard.restore(shard.snapshot())
        assert [*before, *(shard.step(*each) for each in numbered(clinic.journal)[cut:])] == expected


def numbered(journal: list[tuple[int, bytes]]) -> list[tuple[int, int, bytes]]:
    return [(offset, *stamped) for offset, stamped in enumerate(journal)]


def test_a_score_of_weeks_ago_is_history_however_bad_it_was(clinic: Practice) -> None:
    for day, score in ((40, 6), (33, 6), (26, 19)):
        clinic.scores(score, at=clinic.now - timedelta(days=day), id=f"d{day}")
    assert clinic.told() == []


# ---- too early to say


def test_nobody_is_due_or_at_risk_until_a_first_response_could_have_shown() -> None:
    clinic = Practice()
    clinic.doses()
    for _ in range(3):
        clinic.foresees(0.86, 0.95)
        assert clinic.told("maintenance-due", "relapse-risk") == []
        clinic.passes(1)
    clinic.foresees(0.86, 0.95)
    assert {line.split()[3] for line in clinic.told("maintenance-due", "relapse-risk")} == {
        "maintenance-due",
        "relapse-risk",
    }
    stored = [one for one in clinic.effects if isinstance(one, Forecast)]
    assert len(stored) == 4, "the forecast itself is made and stored all the same"


def test_a_person_treated_today_is_not_due_today_and_rises_from_before_do_not_count() -> None:
    clinic = Practice()
    clinic.doses()
    clinic.passes(20)
    clinic.foresees(0.0, 0.1)
    clinic.doses()
    for _ in range(2):
        clinic.foresees(0.6, 0.9)
        assert clinic.told("maintenance-due", "relapse-risk") == []
        clinic.passes(1)
    clinic.foresees(0.0, 0.5)
    assert clinic.told("relapse-risk") == [], "it is no rise over what was said before the dose had shown"


def test_whoever_was_treated_just_now_comes_after_everybody_who_may_be_due() -> None:
    clinic = Practice()
    clinic.doses("P-2")
    clinic.doses("P-1", at=clinic.now - timedelta(days=14))
    home = clinic.shard.ward.home
    forecasts: list[Any] = [
        {"patient": patient, "as_of": "2026-03-02", "relapse_probability": {"7d": share, "14d": share, "28d": share}}
        for patient, share in (("P-1", 0.2), ("P-2", 0.95))
    ]
    policy = home.policies("main").checkins
    listed = patient_list("main", home.patients.values(), forecasts, {}, policy, to_us(clinic.now))["patients"]
    assert [(row["patient"], row["judged_from"]) for row in listed] == [("P-1", None), ("P-2", "2026-03-05")]
