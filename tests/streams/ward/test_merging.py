"""Two aliases that are one person: what is known of either is of both, and from then on whatever comes under either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerts.effects import DeadLetter, encode
from models.wire.observations import OBSERVATION, Vitals
from streams.shard import Shard
from tests.streams.ward.test_home import Practice
from tests.support.scenes import Scene, moment

GONE, STAYS = "P-3", "N-9"


def says(clinic: Scene, kind: str, patient: str | None = STAYS, **fields: Any) -> None:
    """An entry, sent now."""
    said = {"kind": kind, "at": moment(clinic.now_s), "patient": patient, **fields}
    clinic.send(
        OBSERVATION.validate_python({name: value for name, value in said.items() if value is not None}, strict=False)
    )


def merges(clinic: Scene, gone: str = GONE, stays: str = STAYS, **fields: Any) -> None:
    says(clinic, "patient.merged", stays, merged=gone, **fields)


def registers(clinic: Scene, patient: str, **fields: Any) -> None:
    says(clinic, "patient.registered", patient, **fields)


def set_aside(clinic: Scene) -> list[str]:
    return [each.reason for each in clinic.dead_letters]


def treating(patient: str = GONE, chair: str = "3") -> Scene:
    """A session of a patient in chair 3, with a normal reading."""
    clinic = Scene()
    clinic.chair(chair).starts(patient=patient)
    clinic.chair(chair).shows(20, spo2=97, pulse=70)
    return clinic


# ---- what is registered ----------------------------------------------------------------------------------------------


def test_nothing_that_speaks_against_a_drug_is_lost_by_a_merge() -> None:
    clinic = Scene()
    registers(clinic, GONE, conditions=["aneurysm"], medications=["tranylcypromine"], weight_kg=70, birth_year=1980)
    registers(clinic, STAYS, conditions=[], weight_kg=82)
    merges(clinic)
    person = clinic.shard.ward.people.of("main", STAYS)
    assert (person.conditions, person.medications) == (("aneurysm",), ("tranylcypromine",))
    assert (person.weight_kg, person.birth_year) == (82, 1980)
    clinic.chair("3").starts(patient=STAYS)
    assert any(alert.rule == "contraindication" and alert.subject.session for alert in clinic.shard.desk.open.values())


def test_of_two_weights_the_one_that_was_said_last_stands_whichever_alias_stays() -> None:
    clinic = Scene()
    registers(clinic, STAYS, weight_kg=82, sex="female")
    registers(clinic, GONE, weight_kg=70)
    merges(clinic)
    assert clinic.shard.ward.people.of("main", STAYS).weight_kg == 70
    assert Shard.restore(clinic.shard.snapshot()).ward.people.of("main", STAYS).sex == "female"


def test_own_limits_are_those_of_both_and_what_contradicts_them_is_told() -> None:
    clinic = Scene()
    low, lower = {"enter": 88, "leave": 90}, {"enter": 85, "leave": 87}
    registers(clinic, STAYS, limits={"desaturation": {"medium": {"spo2": low}}})
    fast = {"medium": {"rate": {"enter": 140, "leave": 135}}}
    registers(clinic, GONE, limits={"desaturation": {"medium": {"spo2": lower}}, "tachycardia": fast})
    merges(clinic)
    book = clinic.shard.ward.limits
    table = {limit.key: limit.enter for limit in book.tables[book.set_of("main", STAYS)]}
    assert (table["desaturation", "medium", "spo2"], table["tachycardia", "medium", "rate"]) == (88, 140)
    (audited,) = [each for each in clinic.entries if each.kind == "patient.merged"]
    assert "limits.desaturation.medium.spo2" in audited.outcome
    assert "entry-unread" in clinic.open_rules()


# ---- sessions and alerts ---------------------------------------------------------------------------------------------


def test_a_session_under_the_alias_that_goes_runs_on_and_its_alerts_name_the_one_that_stays() -> None:
    clinic = treating()
    clinic.chair("3").shows(60, spo2=85, pulse=70)
    (before,) = clinic.shard.desk.open.values()
    name = before.id
    merges(clinic)
    (alert,) = clinic.shard.desk.open.values()
    assert (alert.id, alert.subject.patient, alert.text.split(":")[0]) == (name, STAYS, f"Chair 3 ({STAYS})")
    clinic.chair("3").shows(90, spo2=97, pulse=70)
    assert [(one.transition, one.patient) for one in clinic.transitions if one.alert == name] == [
        ("raised", GONE), ("renamed", STAYS), ("latched", STAYS),
    ]  # fmt: skip
    assert {row.patient for row in clinic.shard.ward.association.sessions.values()} == {STAYS}


def test_an_answer_and_its_time_outlast_a_merge_and_nobody_is_paged_anew() -> None:
    clinic = treating()
    clinic.chair("3").shows(60, spo2=85, pulse=70)
    (alert,) = clinic.shard.desk.open.values()
    says(clinic, "alert.acknowledged", None, alert=alert.id, by="rn-1")
    until_us, pages = alert.until_us, len(clinic.pages)
    merges(clinic)
    assert (alert.phase, alert.until_us) == ("acknowledged", until_us)
    assert len(clinic.pages) == pages


def test_what_comes_under_the_alias_that_has_gone_counts_for_the_one_that_stays() -> None:
    clinic = treating(STAYS)
    merges(clinic)
    for second in range(60):
        clinic.send(Vitals(at=moment(clinic.now_s), patient=GONE, spo2=85.0 + second % 2, pulse=70.0))
        clinic.now_s += 1
    says(clinic, "dose", GONE, drug="esketamine", route="intranasal", amount_mg=56, id="d1")
    (row,) = clinic.shard.ward.association.sessions.values()
    assert (row.patient, len(row.doses)) == (STAYS, 1)
    assert {alert.subject.patient for alert in clinic.shard.desk.open.values()} == {STAYS}
    (entry,) = [each for each in clinic.entries if each.kind == "dose"]
    assert (entry.patient, entry.doc["patient"]) == (STAYS, GONE)


def test_two_who_both_sit_in_sessions_are_not_merged_until_one_ends_and_that_is_told() -> None:
    clinic = treating()
    clinic.chair("5").starts(patient=STAYS)
    at = moment(clinic.now_s)
    merges(clinic, at=at)
    (alert,) = [each for each in clinic.shard.desk.open.values() if each.rule == "entry-refused"]
    assert "both sit in a session now, Chair 5 (N-9) and Chair 3 (P-3)" in alert.text
    assert len({row.patient for row in clinic.shard.ward.association.sessions.values()}) == 2
    says(clinic, "session.ended", session="S-5")
    merges(clinic, at=at)
    assert {row.patient for row in clinic.shard.ward.association.sessions.values()} == {STAYS}


def test_who_is_watched_by_a_monitor_alone_under_the_other_alias_is_watched_once() -> None:
    clinic = Scene()
    for second in range(60):
        clinic.send(Vitals(at=moment(clinic.now_s), patient=STAYS, spo2=85.0 + second % 2, pulse=70.0))
        clinic.now_s += 1
    clinic.chair("3").starts(patient=GONE)
    merges(clinic)
    (session,) = clinic.shard.ward.association.sessions.values()
    assert (session.patient, session.announced) == (STAYS, True)
    standing = [each for each in clinic.shard.desk.open.values() if each.rule == "desaturation"]
    assert [each.phase for each in standing] == ["latched"], "its own session is over: seen by nobody yet"


def test_a_monitor_alone_beside_a_session_of_its_own_alias_is_left_as_it_is() -> None:
    clinic = treating()
    clinic.send(Vitals(at=moment(clinic.now_s), patient=GONE, session="another", spo2=97.0))
    assert len(clinic.shard.ward.association.sessions) == 2
    merges(clinic)
    assert [row.patient for row in clinic.shard.ward.association.sessions.values()] == [STAYS, STAYS]


def test_of_two_monitors_alone_the_one_under_the_alias_that_stays_goes_on() -> None:
    clinic = Scene()
    for alias in (STAYS, GONE):
        clinic.send(Vitals(at=moment(0), patient=alias, device=f"m-{alias}", spo2=97.0))
    clinic.now_s += 1
    merges(clinic)
    (session,) = clinic.shard.ward.association.sessions.values()
    assert (session.patient, session.device) == (STAYS, f"m-{STAYS}")


# ---- repeats, chains and contradictions ------------------------------------------------------------------------------


def test_a_merge_that_is_sent_again_changes_nothing() -> None:
    clinic = Scene()
    registers(clinic, GONE, weight_kg=70)
    merges(clinic)
    before = clinic.shard.ward.packed()
    clinic.now_s += 1
    merges(clinic)
    after = clinic.shard.ward.packed()
    moved = {"counts", "clock_us", "seen"}
    assert {k: v for k, v in before.items() if k not in moved} == {k: v for k, v in after.items() if k not in moved}
    assert after["counts"]["repeated or late"] == 1
    assert len([each for each in clinic.entries if each.kind == "patient.merged"]) == 1


def test_who_goes_into_somebody_who_has_gone_goes_where_they_went() -> None:
    clinic = Scene()
    merges(clinic, "A", "B")
    merges(clinic, "C", "A")
    merges(clinic, "B", "D")
    aliases = clinic.shard.ward.association.aliases
    assert [aliases.survivor("main", each) for each in "ABCD"] == ["D"] * 4
    assert aliases.all_of("main", "C") == ["D", "A", "B", "C"]
    assert Shard.restore(clinic.shard.snapshot()).ward.association.aliases.all_of("main", "A") == ["D", "A", "B", "C"]
    assert set_aside(clinic) == []


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (("B", "A"), "A has gone into B already, so B cannot go into A"),
        (("A", "C"), "A has gone into B already, so it is B that may be merged with C"),
        (("C", "C"), "C cannot go into itself"),
    ],
)
def test_a_merge_that_contradicts_an_earlier_one_is_set_aside_by_name(second: tuple[str, str], why: str) -> None:
    clinic = Scene()
    merges(clinic, "A", "B")
    merges(clinic, *second)
    assert set_aside(clinic) == [why]
    assert [each.rule for each in clinic.shard.desk.open.values()] == ["entry-refused"]
    assert clinic.shard.ward.association.aliases.all_of("main", "A") == ["B", "A"]


def test_aliases_that_nobody_knows_may_be_merged_and_leave_no_patient_behind() -> None:
    clinic = Scene()
    merges(clinic, "nobody", "no-one")
    assert (set_aside(clinic), len(clinic.shard.ward.home.patients), clinic.open_rules()) == ([], 0, set())


def test_an_entry_without_an_id_that_comes_again_under_the_other_alias_is_a_repeat() -> None:
    clinic = Scene()
    at = moment(0)
    says(clinic, "checkin", GONE, at=at, instrument="phq-9", score=12)
    merges(clinic)
    for alias in (GONE, STAYS):
        says(clinic, "checkin", alias, at=at, instrument="phq-9", score=12)
    assert clinic.shard.ward.home.patients["main", STAYS].entries == 1


def test_an_id_that_both_aliases_had_names_two_entries() -> None:
    clinic = Scene()
    says(clinic, "checkin", STAYS, instrument="phq-9", score=12, id="17")
    merges(clinic)
    says(clinic, "checkin", GONE, instrument="phq-2", score=3, id="17")
    assert clinic.shard.ward.home.patients["main", STAYS].entries == 2


def test_a_correction_under_the_alias_that_stays_finds_what_came_under_the_other() -> None:
    clinic = Scene()
    says(clinic, "dose", GONE, drug="esketamine", route="intranasal", amount_mg=56, id="d1")
    merges(clinic)
    says(clinic, "dose", STAYS, drug="esketamine", route="intranasal", amount_mg=84, id="d2", replaces="d1")
    assert set_aside(clinic) == []
    assert [dose.amount_mg for dose in clinic.shard.ward.home.patients["main", STAYS].doses] == [84]


# ---- at home ---------------------------------------------------------------------------------------------------------


def practice() -> Practice:
    """Two courses that are one: a dose and a good answer under the one alias, a worse one under the other."""
    clinic = Practice()
    clinic.doses("old", at=clinic.now - timedelta(days=20))
    clinic.scores(5, "old", at=clinic.now - timedelta(days=14))
    clinic.doses("new", at=clinic.now - timedelta(days=6))
    clinic.scores(6, "new")
    return clinic


def test_the_courses_of_both_aliases_are_one() -> None:
    clinic = practice()
    clinic.says("patient.merged", "new", merged="old")
    rows = clinic.shard.ward.home.patients
    assert set(rows) == {("main", "new")}
    row = rows["main", "new"]
    assert (row.dose_count, row.entries, [one.score for one in row.scores["phq-9"]]) == (2, 4, [5, 6])
    assert row.first_dose_day == (clinic.now - timedelta(days=20)).toordinal()
    assert row.forecast_entries != row.entries, "a forecast of both is missing"


def test_a_forecast_of_half_a_course_that_comes_after_the_merge_is_set_aside() -> None:
    clinic = practice()
    clinic.says("patient.merged", "new", merged="old")
    clinic.foresees(0.6, 0.9, "old")
    assert clinic.shard.ward.home.patients["main", "new"].forecast_day == 0
    assert [each.field for each in clinic.effects if isinstance(each, DeadLetter)] == ["patient"]


def test_a_rule_in_force_at_home_goes_on_under_the_alias_that_stays_and_of_two_the_worse() -> None:
    clinic = practice()
    clinic.passes(12)
    assert [(each.rule, each.subject.patient) for each in clinic.shard.desk.open.values()] == [
        ("checkin-overdue", "old"), ("checkin-overdue", "new"),
    ]  # fmt: skip
    clinic.says("patient.merged", "new", merged="old")
    (alert,) = clinic.shard.desk.open.values()
    assert alert.subject.patient == "new"
    assert set(clinic.shard.ward.home.patients["main", "new"].conditions) == {"checkin-overdue"}
    clinic.scores(6, "old")
    assert not clinic.shard.desk.open, "an answer under either alias ends it"


# ---- replay ----------------------------------------------------------------------------------------------------------


def test_a_replay_with_and_without_a_restart_in_the_middle_decides_the_same() -> None:
    clinic = treating()
    clinic.chair("3").shows(60, spo2=85, pulse=70)
    merges(clinic)
    clinic.chair("3").shows(40, spo2=80, pulse=70)
    says(clinic, "dose", GONE, drug="esketamine", route="intranasal", amount_mg=56)
    told = [encode(effect) for effect in clinic.effects]
    again, shard = list[str](), Shard()
    for offset, stamped in enumerate(clinic.journal):
        again += [encode(effect) for effect in shard.step(offset, *stamped).effects]
        if offset % 25 == 0:
            shard = Shard.restore(shard.snapshot())
    assert again == told
