"""Whose reading is it: device to chair to session to patient, sessions nobody announced, and lines that come twice or late."""

from __future__ import annotations

from typing import Any

import pytest

from models.instants import SECOND
from models.wire.observations import EVENT, CheckIn, Dose, SessionEnded
from streams.shard import Shard
from tests.support.scenes import START_US, Chair, Scene, breathing, moment


def values(clinic: Scene, chair: str) -> dict[str, Any]:
    (card,) = [card for card in clinic.shard.chairs(clinic.site)["chairs"] if card["chair"] == chair]
    return {name: shown["value"] for name, shown in card["values"].items()}


def cards(clinic: Scene) -> list[tuple[str | None, str, str | None]]:
    return [(card["chair"], card["patient"], card["session"]) for card in clinic.shard.chairs(clinic.site)["chairs"]]


def low(chair: Chair, length: int = 16) -> None:
    chair.shows(length, spo2=88)


def test_a_device_s_samples_go_to_the_session_in_its_chair() -> None:
    clinic = Scene()
    clinic.chair("3").takes("m-3")
    clinic.chair("3").starts(device=None)
    low(clinic.chair("3"))
    assert clinic.told() == ["0:15 medium desaturation raised (P-3)"]


def test_what_a_sample_says_of_itself_goes_before_its_device() -> None:
    clinic = Scene()
    for name in ("3", "4"):
        clinic.chair(name).starts()
    for _ in range(16):
        clinic.send(clinic.chair("3").vitals(session="S-4", spo2=88), clinic.chair("3").vitals(spo2=97))
        clinic.now_s += 1
    assert clinic.told() == ["0:15 medium desaturation raised (P-4)"]


def test_two_chairs_that_swap_their_monitors_keep_their_patients() -> None:
    clinic = Scene()
    three, four = clinic.chair("3"), clinic.chair("4")
    three.starts()
    four.starts()
    clinic.together(5, {"3": {"spo2": 97}, "4": {"spo2": 95}})
    three.takes("m-4")
    four.takes("m-3")
    clinic.together(40, {"3": {"spo2": 88}, "4": {"spo2": 95}})  # m-3 now hangs on the sick one
    assert clinic.told("desaturation") == ["0:35 medium desaturation raised (P-4)"], (
        "a jump is believed, from its first sample on, once it has held for 30 s"
    )
    assert values(clinic, "4")["spo2"] == 88
    assert values(clinic, "3")["spo2"] == 95


def test_what_a_monitor_said_before_it_moved_stays_where_it_was_said() -> None:
    clinic = Scene()
    three, four = clinic.chair("3"), clinic.chair("4")
    three.starts()
    four.starts()
    clinic.together(20, {"3": {"spo2": 97, "etco2": 38}, "4": {"spo2": 95}})
    four.takes("m-3")
    clinic.send(three.vitals(at_s=19, etco2=38), three.vitals(at_s=10, etco2=38))
    assert "etco2" not in values(clinic, "4"), "chair 3's breath is not chair 4's"
    clinic.send(three.vitals(at_s=20, etco2=36))
    assert values(clinic, "4")["etco2"] == 36


def test_vitals_without_a_session_are_watched_and_said_so() -> None:
    clinic = Scene()
    low(clinic.chair("3"))
    assert clinic.told() == ["0:00 low unscheduled raised (m-3)", "0:15 medium desaturation raised (m-3)"]


def test_vitals_that_name_a_session_nobody_started_are_watched_under_its_name() -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(session="S-3", patient="P-3", spo2=97))
    assert cards(clinic) == [(None, "P-3", "S-3")]


def test_a_replay_watches_vitals_without_a_session_and_complains_of_nothing() -> None:
    clinic = Scene(clock="observed")
    low(clinic.chair("3"))
    assert clinic.told() == ["0:15 medium desaturation raised (m-3)"]


def test_a_session_announced_late_takes_over_the_one_nobody_announced() -> None:
    clinic = Scene()
    clinic.chair("3").shows(20, spo2=97)
    clinic.chair("3").starts()
    clinic.chair("3").shows(20, spo2=97)
    assert clinic.told() == ["0:00 low unscheduled raised (m-3)", "0:20 low unscheduled closed (m-3)"]
    assert cards(clinic) == [("3", "P-3", "S-3")]


def test_a_monitor_that_is_put_at_a_chair_goes_on_with_what_it_was_watching() -> None:
    clinic = Scene()
    clinic.chair("3").shows(10, spo2=88)
    clinic.chair("3").takes("m-3")
    clinic.chair("3").shows(10, spo2=88)
    assert clinic.told() == ["0:00 low unscheduled raised (m-3)", "0:15 medium desaturation raised (m-3)"]
    assert cards(clinic) == [("3", "m-3", None)]


def test_a_monitor_that_is_put_at_a_taken_chair_watches_who_sits_there() -> None:
    clinic = Scene()
    clinic.chair("3").starts(device=None)
    clinic.send(clinic.chair("9").vitals(spo2=97))
    clinic.now_s += 1
    clinic.chair("3").takes("m-9")
    clinic.send(clinic.chair("9").vitals(spo2=96))
    assert cards(clinic) == [("3", "P-3", "S-3")]
    assert clinic.told("unscheduled") == ["0:00 low unscheduled raised (m-9)", "0:01 low unscheduled closed (m-9)"]


def test_vitals_nobody_announced_take_nothing_from_a_session() -> None:
    """A line with a mistyped alias from the monitor in chair 3 must not turn the chair over to that alias."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.send(three.vitals(patient="P-33", spo2=97))
    low(three)
    assert clinic.told("desaturation") == ["0:15 medium desaturation raised (P-3)"]


def test_a_patient_with_two_sessions_keeps_the_open_one_when_the_other_ends() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.now_s = 60
    three.starts(session="S-3b")
    clinic.send(three.vitals(session="S-3b", spo2=97))
    clinic.now_s = 61
    clinic.send(_ended(three, "S-3b"))
    clinic.now_s = 62
    clinic.send(three.vitals(device=None, patient="P-3", spo2=97))
    assert cards(clinic) == [("3", "P-3", "S-3")]


def _ended(chair: Chair, session: str) -> SessionEnded:
    return SessionEnded(at=moment(chair.scene.now_s), patient=chair.patient, session=session)


# ---- after the end


def test_the_last_samples_sent_again_after_the_end_open_nothing() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(20, spo2=97)
    three.ends()
    clinic.now_s += 5
    clinic.send(three.vitals(at_s=18, spo2=97), three.vitals(at_s=19, spo2=97))
    clinic.passes(120)
    assert clinic.told() == []
    assert cards(clinic) == []


def test_one_patient_s_last_samples_sent_again_are_never_the_next_one_s() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(30, spo2=80)
    three.ends()
    clinic.now_s += 60
    three.starts(patient="P-99", session="S-99")
    for second in range(30):
        clinic.send(three.vitals(at_s=second, spo2=80))
        clinic.now_s += 1
    assert [line for line in clinic.told() if "P-99" in line] == []
    three.shows(1, spo2=97)
    assert values(clinic, "3") == {"spo2": 97}


def test_a_device_that_changed_hands_more_than_a_day_ago_has_left_nothing_behind() -> None:
    clinic = Scene(clock="observed")
    three = clinic.chair("3")
    three.starts()
    three.shows(5, spo2=97)
    three.ends()
    clinic.now_s += 90_000
    clinic.send(clinic.chair("4").vitals(spo2=97, patient="P-4"))
    clinic.send(three.vitals(at_s=2, spo2=96))
    assert clinic.shard.ward.counts["repeated or late"] == 0


def test_new_samples_after_the_end_are_watched_as_nobody_s_session() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(20, spo2=97)
    three.ends()
    three.shows(20, spo2=88)
    assert clinic.told() == ["0:20 low unscheduled raised (m-3)", "0:35 medium desaturation raised (m-3)"]


def test_a_session_with_no_sample_for_an_hour_that_nobody_announced_is_given_up() -> None:
    clinic = Scene()
    clinic.send(clinic.chair("3").vitals(spo2=97))
    clinic.now_s = 3599
    clinic.send(clinic.chair("3").vitals(at_s=0, spo2=97))  # sent again: no sign of life
    clinic.now_s = 3700
    clinic.send()
    assert clinic.told("unscheduled")[-1] == "60:00 low unscheduled closed (m-3)"
    assert cards(clinic) == []


def test_a_session_that_everybody_forgot_is_asked_about_after_two_hours_and_closed_after_four() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(60, spo2=97)
    clinic.now_s = 60 + 2 * 3600
    clinic.send()
    assert "no-data" in clinic.open_rules()
    assert clinic.told("session-forgotten") == ["120:59 low session-forgotten raised (P-3)"]
    assert cards(clinic) == [("3", "P-3", "S-3")]
    clinic.now_s = 60 + 4 * 3600
    clinic.send()
    assert cards(clinic) == []
    assert clinic.told("session-forgotten")[1:] == [
        "240:59 low session-forgotten raised (P-3)",
        "240:59 low session-forgotten closed (P-3)",
    ]
    assert clinic.open_rules() == {"session-forgotten"}, "what stood in it ends with it, and that it was closed is told"
    ended = clinic.entries[-1]
    assert (ended.kind, ended.by, ended.session) == ("session.ended", "chairside", "S-3")
    clinic.closes("session-forgotten")
    assert clinic.open_rules() == set()


def test_an_entry_or_a_reading_says_that_a_session_is_not_forgotten() -> None:
    for life in ("entry", "reading", "cuff"):
        clinic = Scene()
        three = clinic.chair("3")
        three.starts()
        clinic.now_s = 2 * 3600 + 1
        clinic.send()
        assert "session-forgotten" in clinic.open_rules()
        if life == "entry":
            three.scores("moaas", 5)
        elif life == "reading":
            three.shows(5, spo2=97)
        else:
            three.cuff(120, 80)
        assert "session-forgotten" not in clinic.open_rules(), life
        clinic.now_s = 4 * 3600
        clinic.send()
        assert cards(clinic) == [("3", "P-3", "S-3")]


def test_a_monitor_that_is_left_on_without_a_patient_keeps_no_session_open() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(10, spo2=97)
    for minute in range(1, 250):
        clinic.now_s = minute * 60
        clinic.send(three.vitals(status={"spo2": "probe-off"}))
    assert [card[1] for card in cards(clinic)] == ["m-3"], "it is watched as nobody's"


# ---- one person, one chair


def test_a_second_session_in_an_occupied_chair_is_told_and_has_the_chair_until_one_of_the_two_is_ended() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.now_s = 60
    three.starts(patient="P-9", session="S-9")
    (raised,) = [one for one in clinic.transitions if one.rule == "two-at-once"]
    assert (raised.patient, raised.priority, raised.category) == ("P-9", "medium", "technical")
    assert raised.text == (
        "Chair 3 (P-9): Two sessions at once. P-3's session is still open here, end it; "
        "what this chair's monitor sends counts for P-9."
    )
    clinic.send(three.vitals(spo2=95))
    shown = {card["patient"]: card["values"].get("spo2") for card in clinic.shard.chairs("main")["chairs"]}
    assert shown["P-3"] is None
    assert shown["P-9"] is not None
    clinic.now_s = 120
    three.ends()
    assert clinic.told("two-at-once")[1:] == ["2:00 medium two-at-once closed (P-9)"]


def test_a_second_chair_for_one_person_is_told() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.now_s = 60
    clinic.chair("4").starts(patient="P-3")
    (raised,) = [one for one in clinic.transitions if one.rule == "two-at-once"]
    assert (raised.patient, raised.session) == ("P-3", "S-4")
    assert "their session in chair 3 is still open, end one of the two" in raised.text


def test_sessions_that_follow_one_another_are_no_two_at_once() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.now_s = 60
    three.ends()
    three.starts(patient="P-9", session="S-9")
    clinic.chair("4").starts()
    assert clinic.told("two-at-once") == []


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "dose", "drug": "ketamine", "route": "iv", "amount_mg": 35}, {"kind": "dose.stopped", "given_mg": 10},
        {"kind": "checkin", "instrument": "moaas", "score": 1}, {"kind": "intervention", "what": "oxygen"}, {"kind": "session.ended"},
    ],
)  # fmt: skip
def test_an_entry_for_one_person_is_never_credited_to_another_s_session(entry: dict[str, Any]) -> None:
    clinic = Scene()
    for name in ("3", "4"):
        clinic.chair(name).starts()
    before = [repr(session) for session in clinic.shard.ward.association.sessions.values()]
    record = EVENT.validate_python(
        {"at": moment(0), "patient": "P-3", "session": "S-4", "id": "e-1", **entry}, strict=False
    )
    clinic.send(record)
    assert [repr(session) for session in clinic.shard.ward.association.sessions.values()] == before
    (letter,) = clinic.dead_letters
    assert (letter.field, letter.reason) == ("session", "the session S-4 is P-4's, not P-3's")
    (raised,) = clinic.transitions
    assert (raised.rule, raised.patient, raised.priority) == ("entry-refused", "P-3", "medium")


def test_a_refused_form_s_answer_about_suicide_is_heard_all_the_same() -> None:
    clinic = Scene()
    clinic.chair("4").starts()
    entered(clinic, session="S-4")
    assert {"entry-refused", "suicidal-ideation"} <= clinic.open_rules()


def test_a_cuff_for_one_person_is_never_credited_to_another_s_session() -> None:
    clinic = Scene()
    for name in ("3", "4"):
        clinic.chair(name).starts()
    clinic.send(clinic.chair("4").vitals(device=None, session="S-4", patient="P-3", sbp=190.0, dbp=115.0, by="rn-1"))
    assert "sbp" not in values(clinic, "4")
    assert values(clinic, "3")["sbp"] == 190


def test_the_end_of_a_session_ends_what_stood_but_hides_nothing_unseen() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(40, spo2=88, hr=breathing(130, 40))
    three.ends()
    assert clinic.told() == ["0:15 medium desaturation raised (P-3)", "0:40 medium desaturation latched (P-3)"]


# ---- each entry once


def test_a_cuff_entered_by_hand_and_sent_twice_is_one_entry() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    by_hand = clinic.chair("3").vitals(sbp=130.0, dbp=80.0, by="rn-1")
    clinic.send(by_hand)
    clinic.now_s += 30
    clinic.send(by_hand)
    assert [entry.kind for entry in clinic.entries] == ["session.started", "vitals"]


def test_two_starts_of_one_session_are_one_and_the_second_is_set_aside() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.now_s += 1
    clinic.chair("3").starts()
    (letter,) = clinic.dead_letters
    assert (letter.field, letter.reason) == ("session", "a session of that name is open already")


def test_an_end_of_a_session_that_is_not_open_is_set_aside() -> None:
    clinic = Scene()
    clinic.chair("3").ends()
    assert [(letter.field, letter.reason) for letter in clinic.dead_letters] == [
        ("session", "no open session of that name")
    ]


# ---- a dose before its session's start


def test_a_dose_that_comes_before_its_session_s_start_joins_it() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    clinic.now_s = 120
    three.infuses()
    clinic.now_s = 0
    three.starts()
    (session,) = clinic.shard.ward.association.sessions.values()
    assert (session.dose_us, session.doses[0].amount_mg) == (START_US + 120 * SECOND, 35)
    assert [(entry.kind, entry.session) for entry in clinic.entries] == [("session.started", "S-3"), ("dose", "S-3")]
    assert clinic.dead_letters == []
    clinic.passes(18 * 60)
    assert "vitals-overdue" in clinic.open_rules(), "what is counted from the dose is counted"


def test_a_dose_without_a_session_s_name_joins_it_too_and_is_kept_once() -> None:
    clinic = Scene()
    gives(clinic, 120)
    clinic.chair("3").starts()
    (session,) = clinic.shard.ward.association.sessions.values()
    assert session.dose_us == START_US + 120 * SECOND
    assert [entry.kind for entry in clinic.entries] == ["dose", "session.started"]


def test_a_dose_and_its_stop_join_in_the_order_of_their_times_even_after_a_restart() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    clinic.now_s = 600
    three.stops(20)
    clinic.now_s = 120
    three.infuses()
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    clinic.now_s = 0
    three.starts()
    (session,) = clinic.shard.ward.association.sessions.values()
    (dose,) = session.doses
    assert (dose.at_us, dose.stopped_us, dose.given_mg) == (START_US + 120 * SECOND, START_US + 600 * SECOND, 20)


@pytest.mark.parametrize(
    ("dose", "joins"),
    [
        ({}, True), ({"session": "S-3"}, True), ({"session": "S-4"}, False), ({"patient": "P-4"}, False), ({"site": "north"}, False),
        ({"drug": "ect"}, False), ({"session": "S-3", "drug": "ect"}, True), ({"at_s": -3600}, True), ({"at_s": -3601}, False),
        ({"at_s": 3600}, True), ({"at_s": 3601}, False),
    ],
)  # fmt: skip
def test_only_a_dose_of_that_patient_and_session_within_an_hour_joins(dose: dict[str, Any], joins: bool) -> None:
    clinic = Scene()
    gives(clinic, **{"at_s": 120, **dose})
    clinic.chair("3").starts()
    (session,) = [one for one in clinic.shard.ward.association.sessions.values() if one.patient == "P-3"]
    assert bool(session.doses) == joins


def test_a_dose_of_a_session_that_never_starts_is_set_aside_after_an_hour_and_one_that_has_ended_at_once() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.infuses()
    clinic.now_s = 3600
    gives(clinic, 3600, patient="P-9")
    assert clinic.dead_letters == []
    clinic.now_s = 3601
    gives(clinic, 3601, patient="P-9")
    three.starts()
    (letter,) = clinic.dead_letters
    assert (letter.field, letter.reason) == ("session", "no open session of that name")
    assert '"drug":"ketamine"' in letter.line
    three.shows(2, spo2=97)
    three.ends()
    three.infuses()
    assert len(clinic.dead_letters) == 2
    counts = clinic.shard.ward.counts
    assert counts["set aside"] == 2
    assert counts["events"] == 4


# ---- an id is its sender's


def entered(clinic: Scene, **fields: Any) -> None:
    fields = {
        "at": moment(clinic.now_s),
        "patient": "P-3",
        "instrument": "phq-9",
        "items": [0] * 8 + [1],
        "id": "17",
        **fields,
    }
    clinic.send(CheckIn.model_validate(fields))


@pytest.mark.parametrize(
    ("other", "entries"),
    [
        ({}, 1), ({"at": moment(60)}, 1), ({"source": "phone-b"}, 2), ({"patient": "P-4"}, 2), ({"site": "north"}, 2), ({"replaces": "17"}, 2),
    ],
)  # fmt: skip
def test_an_id_is_a_repeat_only_of_the_same_sender_kind_and_patient(other: dict[str, Any], entries: int) -> None:
    clinic = Scene()
    entered(clinic, source="tablet-a")
    entered(clinic, **{"source": "tablet-a", **other})
    assert len(clinic.entries) == entries


def test_another_kind_under_the_same_id_is_no_repeat() -> None:
    clinic = Scene()
    entered(clinic)
    gives(clinic, 0, id="17")
    assert [entry.kind for entry in clinic.entries] == ["checkin", "dose"]


def gives(clinic: Scene, at_s: float, **fields: Any) -> None:
    fields = {"at": moment(at_s), "patient": "P-3", "drug": "ketamine", "route": "iv", "amount_mg": 35, **fields}
    clinic.send(Dose.model_validate(fields))
