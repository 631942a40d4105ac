"""Check-ins: what scores say of consciousness and dissociation, what answers say of suicidal thoughts, what nobody guesses."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.session.reports import Report, add_report, assess
from models.tables.limits import LIMITS
from models.tables.rules import Priority
from models.tables.suicidality import item_9_unknown, risk_of
from models.tables.symptoms import alarming
from models.wire.observations import AlertClosed, CheckIn
from streams.intake.json import read_lines
from streams.shard import Shard
from tests.support.scenes import Chair, Scene, moment

MIND = ("sedation", "unresponsive", "dissociation", "severe-dissociation", "prolonged-dissociation")


def a_session() -> tuple[Scene, Chair]:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.cuff(120, 75)
    three.infuses()
    return clinic, three


def answers(
    clinic: Scene, instrument: str, session: str | None = "S-3", at_s: float | None = None, **fields: Any
) -> None:
    at = moment(clinic.now_s if at_s is None else at_s)
    who = {"at": at, "patient": "P-3", "session": session, "instrument": instrument}
    clinic.send(CheckIn.model_validate({**who, **fields}))


def minute(clinic: Scene, n: float) -> None:
    clinic.now_s = n * 60
    clinic.send()


# ---- sedation


def test_an_unresponsive_patient_is_one_page_and_it_says_it_all() -> None:
    clinic, three = a_session()
    three.scores("moaas", 1)
    assert sorted(clinic.told(*MIND)) == ["0:00 high unresponsive raised (P-3)", "0:00 medium sedation raised (P-3)"]
    (page,) = clinic.pages
    assert page.title == "HIGH ▲ Chair 3: Unresponsive"
    assert page.body == "Chair 3 (P-3): Unresponsive. MOAA/S 1, responds to pain only, at or below 1."


@pytest.mark.parametrize(
    ("score", "told"), [(5, set()), (4, set()), (3, {"sedation"}), (2, {"sedation"}), (0, {"sedation", "unresponsive"})]
)
def test_sedation_is_told_by_its_level(score: int, told: set[str]) -> None:
    clinic, three = a_session()
    three.scores("moaas", score)
    assert clinic.open_rules() & set(MIND) == told


def test_who_does_not_answer_is_heard_without_any_session() -> None:
    clinic = Scene()
    answers(clinic, "moaas", None, score=1)
    assert sorted(clinic.told()) == ["0:00 high unresponsive raised (P-3)", "0:00 medium sedation raised (P-3)"]
    clinic.now_s = 7200
    clinic.send()
    assert clinic.open_rules() == {"unresponsive", "sedation"}, "nothing shows that it is over: a person closes it"


def test_a_score_of_a_session_that_comes_after_its_end_raises_nothing_new() -> None:
    clinic, three = a_session()
    minute(clinic, 10)
    three.shows(1, spo2=97)
    three.ends()
    clinic.now_s += 60
    answers(clinic, "moaas", at_s=300, score=1)
    assert clinic.open_rules() & set(MIND) == set()


# ---- dissociation


def test_cadss_6_counts_on_cadss_s_scale() -> None:
    clinic, three = a_session()
    three.scores("cadss-6", 8)
    assert clinic.told("severe-dissociation") == ["0:00 medium severe-dissociation raised (P-3)"]
    raised = next(one for one in clinic.transitions if one.rule == "severe-dissociation")
    assert (raised.evidence["value"], raised.evidence["score"], raised.evidence["instrument"]) == (30.7, 8, "cadss-6")


@pytest.mark.parametrize("order", [("cadss-6", "cadss"), ("cadss", "cadss-6")])
def test_the_whole_scale_wins_over_the_short_one_taken_together(order: tuple[str, str]) -> None:
    clinic, three = a_session()
    for instrument in order:
        three.scores(instrument, 12)  # 12 of 24 is like 46 of 92
        clinic.now_s += 20
    assert [one.rule for one in clinic.shard.desk.open.values() if one.phase == "active" and one.rule in MIND] == [
        "dissociation"
    ]


@pytest.mark.parametrize("other", [("distress", 8), ("moaas", 1)])
@pytest.mark.parametrize("severe_first", [True, False])
def test_severe_dissociation_with_distress_or_no_answer_is_high_whichever_is_reported_first(
    other: tuple[str, int], severe_first: bool
) -> None:
    clinic, three = a_session()
    for instrument, score in (("cadss", 34), other) if severe_first else (other, ("cadss", 34)):
        three.scores(instrument, score)
        clinic.now_s += 60
    assert clinic.alert("severe-dissociation").priority is Priority.HIGH


@pytest.mark.parametrize(("distress", "worst"), [(3, Priority.MEDIUM), (4, Priority.HIGH)])
def test_distress_counts_from_the_cut_of_the_distress_thermometer(distress: int, worst: Priority) -> None:
    clinic, three = a_session()
    three.scores("cadss", 34)
    three.scores("distress", distress)
    assert clinic.alert("severe-dissociation").priority is worst


def test_distress_of_an_hour_ago_is_not_with_a_severe_score_of_now() -> None:
    clinic, three = a_session()
    three.scores("distress", 9)
    minute(clinic, 45)
    three.scores("cadss", 34)
    assert clinic.alert("severe-dissociation").priority is Priority.MEDIUM


def test_silence_takes_no_distress_back() -> None:
    clinic, three = a_session()
    three.scores("distress", 9)
    three.scores("cadss", 34)
    minute(clinic, 50)
    three.scores("cadss", 31)
    assert clinic.alert("severe-dissociation").priority is Priority.HIGH
    three.scores("distress", 1)
    assert clinic.alert("severe-dissociation").priority is Priority.MEDIUM


def test_a_late_score_that_is_older_than_the_newest_starts_and_ends_nothing() -> None:
    clinic, three = a_session()
    minute(clinic, 20)
    three.scores("cadss", 3)
    answers(clinic, "cadss", at_s=600, score=40)
    assert clinic.told(*MIND) == []


def test_a_tablet_ahead_of_time_does_not_make_the_next_answer_an_old_one() -> None:
    clinic, three = a_session()
    minute(clinic, 20)
    answers(clinic, "moaas", at_s=5 * 3600, score=5)
    clinic.now_s += 60
    three.scores("moaas", 2)
    assert "sedation" in clinic.open_rules()


def test_a_correction_takes_the_place_of_what_it_corrects_and_the_audit_keeps_both() -> None:
    clinic, _ = a_session()
    minute(clinic, 20)
    answers(clinic, "cadss", id="a", score=44)
    clinic.now_s += 60
    answers(clinic, "cadss", id="b", replaces="a", at_s=1200, score=4)
    assert [line.split(" (")[0] for line in clinic.told("severe-dissociation")] == [
        "20:00 medium severe-dissociation raised",
        "20:00 medium severe-dissociation latched",
    ]
    (card,) = clinic.shard.chairs("main")["chairs"]
    assert card["checkins"]["cadss"]["score"] == 4
    assert [entry.doc["score"] for entry in clinic.entries if entry.kind == "checkin"] == [44, 4]


def test_a_correction_of_an_older_score_leaves_the_newer_one_alone() -> None:
    clinic, three = a_session()
    answers(clinic, "moaas", id="a", score=5)
    minute(clinic, 10)
    three.scores("moaas", 3)
    clinic.now_s += 60
    answers(clinic, "moaas", id="c", replaces="a", at_s=0, score=4)
    assert clinic.told("sedation") == ["10:00 medium sedation raised (P-3)"]


def test_a_correction_may_name_another_instrument() -> None:
    clinic, _ = a_session()
    answers(clinic, "cadss-6", id="a", score=20)
    clinic.now_s += 30
    answers(clinic, "cadss", id="b", replaces="a", score=20)
    assert clinic.alert("severe-dissociation").phase == "latched"
    assert list(clinic.shard.chairs("main")["chairs"][0]["checkins"]) == ["cadss"]


reports = st.lists(
    st.tuples(st.integers(0, 7200), st.sampled_from([("moaas", 5), ("cadss", 92), ("cadss-6", 24), ("distress", 10)]), st.floats(0, 1)),
    max_size=7, unique_by=lambda one: one[0],
)  # fmt: skip


@given(reports)
def test_what_reports_say_does_not_depend_on_the_order_in_which_they_come(
    drawn: list[tuple[int, tuple[str, int], float]],
) -> None:
    made = [Report(at_s * 1_000_000, name, round(share * most)) for at_s, (name, most), share in drawn]
    told = set()
    for order in list(permutations(made))[:24]:
        kept: list[Report] = []
        for report in order:
            kept = add_report(kept, report, None)
        told.add(repr(assess(kept, LIMITS)))
    assert len(told) <= 1


# ---- suicidal thoughts


@pytest.mark.parametrize(
    ("instrument", "items", "priority"),
    [
        ("phq-9", [0] * 9, None),
        ("phq-9", [3] * 8 + [0], None),
        ("phq-9", [0] * 8 + [1], Priority.MEDIUM),
        ("phq-9", {f"phq9_{n}": int(n == 9) for n in range(1, 10)}, Priority.MEDIUM),
        ("phq-9", {f"q{n}": 2 * (n == 9) for n in reversed(range(1, 10))}, Priority.MEDIUM),
        ("phq-9", {str(n): int(n == 8) for n in range(9)}, Priority.MEDIUM),
        ("phq-9", {"q9": 1}, Priority.MEDIUM),
        ("cssrs-screen", [False] * 6, None),
        ("cssrs-screen", [True, True, False, False, False, False], Priority.LOW),
        ("cssrs-screen", [True, True, True, False, False, False], Priority.MEDIUM),
        ("cssrs-screen", [True, True, False, True, False, False], Priority.HIGH),
        ("cssrs-screen", [True, True, False, False, True, False], Priority.HIGH),
        ("cssrs-screen", [0, 0, 0, 0, 0, 1], Priority.HIGH),
        ("cssrs-screen", [0, 0, 0, 0, 0, 1, 0], Priority.MEDIUM),
        ("cssrs-screen", {"q1": True, "q2": False, "q6_lifetime": True, "q6_past_3_months": False}, Priority.MEDIUM),
        ("cssrs-screen", {"q1": False, "q2": False, "q6_lifetime": True, "q6_past_3_months": True}, Priority.HIGH),
    ],
)  # fmt: skip
def test_answers_are_read_by_their_items(instrument: str, items: Any, priority: Priority | None) -> None:
    risk = risk_of(instrument, items, None)
    assert (None if risk is None else risk.priority) == priority


def test_a_total_of_the_screener_says_what_it_can_and_no_more() -> None:
    assert risk_of("cssrs-screen", None, 0) is None
    few, many = risk_of("cssrs-screen", None, 2), risk_of("cssrs-screen", None, 4)
    assert few is not None
    assert few.priority is Priority.MEDIUM
    assert "which ones was not sent" in few.words
    assert many is not None
    assert many.priority is Priority.HIGH, "of four positive answers one is Q4, Q5 or Q6"


def test_a_phq_9_without_its_items_says_that_item_9_is_not_known() -> None:
    clinic, _ = a_session()
    answers(clinic, "phq-9", score=20)
    assert clinic.told("suicidal-ideation") == []
    assert item_9_unknown("phq-9", None)
    assert clinic.entries[-1].outcome == "accepted; item 9 was not sent"
    assert clinic.shard.chairs("main")["chairs"][0]["checkins"]["phq-9"]["note"] == "item 9 was not sent"


def test_an_answer_that_can_be_read_is_heard_though_the_rest_cannot_be_scored() -> None:
    clinic = Scene()
    answers(clinic, "phq-9", None, items={"q9": 2})
    assert clinic.told() == ["0:00 medium suicidal-ideation raised (P-3)"]
    assert [letter.field for letter in clinic.dead_letters] == ["items"]


@pytest.mark.parametrize("hour", [0, 3, 12, 21])
def test_item_9_is_heard_at_any_hour_from_anybody(hour: int) -> None:
    clinic = Scene()
    clinic.now_s = hour * 3600
    answers(clinic, "phq-9", None, items=[0] * 8 + [1])
    (raised,) = clinic.transitions
    assert (raised.priority, raised.rule, raised.session) == ("medium", "suicidal-ideation", None)
    assert len(clinic.pages) == 1


def test_no_negative_answer_and_no_end_of_a_session_closes_it_only_a_person() -> None:
    clinic, three = a_session()
    answers(clinic, "phq-9", items=[0] * 8 + [1])
    clinic.acknowledges("suicidal-ideation")
    for instrument, items in (("phq-9", [0] * 9), ("cssrs-screen", [False] * 6)):
        clinic.now_s += 60
        answers(clinic, instrument, items=items)
    three.ends()
    minute(clinic, 120)
    assert "suicidal-ideation" in clinic.open_rules()
    clinic.send(AlertClosed(at=moment(clinic.now_s), alert=clinic.alert("suicidal-ideation").id, by="rn-1"))
    assert "suicidal-ideation" not in clinic.open_rules()
    clinic.now_s += 60
    answers(clinic, "phq-9", None, items=[0] * 8 + [1])
    assert clinic.told("suicidal-ideation")[-1] == "121:00 medium suicidal-ideation raised (P-3)", (
        "a new answer is news"
    )


def test_a_worse_answer_breaks_through_an_acknowledgement_and_a_snooze() -> None:
    clinic = Scene()
    answers(clinic, "phq-9", None, items=[0] * 8 + [1])
    clinic.snoozes("suicidal-ideation", 30)
    clinic.now_s += 600
    answers(clinic, "cssrs-screen", None, items=[1, 1, 0, 1, 0, 0])
    assert clinic.told()[-1] == "10:00 high suicidal-ideation worsened (P-3)"
    clinic.now_s += 60
    answers(clinic, "phq-9", None, items=[0] * 8 + [2])
    assert clinic.told()[-1] == "10:00 high suicidal-ideation worsened (P-3)", "a milder one changes nothing"


def test_a_positive_item_9_asks_for_the_screener_before_somebody_goes() -> None:
    clinic, _ = a_session()
    answers(clinic, "phq-9", items=[0] * 8 + [1])
    reasons = clinic.shard.chairs("main")["chairs"][0]["readiness"]["reasons"]
    assert any(reason.startswith("C-SSRS") for reason in reasons)
    clinic.now_s += 60
    answers(clinic, "cssrs-screen", items=[0] * 6)
    reasons = clinic.shard.chairs("main")["chairs"][0]["readiness"]["reasons"]
    assert not any(reason.startswith("C-SSRS") for reason in reasons)


# ---- forms that cannot be read


def test_a_form_that_may_hold_an_answer_about_suicide_and_cannot_be_read_is_told_and_set_aside() -> None:
    clinic, _ = a_session()
    answers(clinic, "phq-9", items=[0] * 8 + [3, 1])
    (raised,) = [one for one in clinic.transitions if one.rule == "answers-unread"]
    assert (raised.priority, raised.patient, raised.session) == ("medium", "P-3", None)
    assert raised.text == (
        "Chair 3 (P-3): Answers not understood. PHQ-9: a list has as many answers as there are items: 9. "
        "It may hold an answer about suicide: read the form, or ask them today."
    )
    assert [page.title for page in clinic.pages] == ["MEDIUM ◆ Chair 3: Answers not understood"]
    assert [letter.field for letter in clinic.dead_letters] == ["items"]


def test_what_can_be_read_of_a_form_is_heard_beside_what_cannot() -> None:
    clinic = Scene()
    answers(
        clinic,
        "cssrs-screen",
        None,
        items={"q1": "yes", "q2": "yes", "q3": "perhaps", "q4": "no", "q5": "no", "q6": "no"},
    )
    assert clinic.told() == [
        "0:00 low suicidal-ideation raised (P-3)", "0:00 medium answers-unread raised (P-3)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("instrument", "items", "priority"),
    [
        ("phq-9", [0] * 10, "low"),
        ("cadss", [4] * 22, "medium"),
        ("moaas", ["asleep"], "medium"),
        ("phq-2", "1,1", "low"),
    ],
)
def test_a_form_that_hides_nothing_is_set_aside_and_told_to_have_no_score(
    instrument: str, items: Any, priority: str
) -> None:
    clinic = Scene()
    answers(clinic, instrument, None, items=items)
    assert clinic.told() == [f"0:00 {priority} entry-unread raised (P-3)"]
    assert len(clinic.dead_letters) == 1


@pytest.mark.parametrize("items", [{"total": 3}, {"Total score": "3", "date": "today"}, {"note": "see paper"}])
def test_a_total_among_the_items_in_place_of_all_is_the_score(items: Any) -> None:
    clinic = Scene()
    answers(clinic, "cssrs-screen", None, items=items, **({"score": 3} if "note" in items else {}))
    assert "0:00 medium suicidal-ideation raised (P-3)" in clinic.told()
    assert clinic.dead_letters == []


@pytest.mark.parametrize("items", [{"result": "positive"}, {"total": "many"}, {"risk": "high"}])
def test_a_form_about_suicide_of_which_nothing_was_read_is_told(items: Any) -> None:
    for instrument in ("cssrs-screen", "phq-9", "qids-sr16"):
        clinic = Scene()
        answers(clinic, instrument, None, items=items)
        assert clinic.told() == ["0:00 medium answers-unread raised (P-3)"]


def test_an_item_about_suicide_in_a_form_that_asks_nothing_about_it_is_told_and_the_rest_is_used() -> None:
    clinic, _ = a_session()
    answers(clinic, "phq-2", items={"q1": 1, "q2": 2, "q9": 3})
    assert clinic.told() == ["0:00 medium answers-unread raised (P-3)"]
    answers(clinic, "symptoms", None, items={"suicidal thoughts": True}, patient="P-4")
    assert clinic.told()[1:] == ["0:00 medium answers-unread raised (P-4)"]
    assert clinic.dead_letters == []


def test_no_later_form_closes_it_only_a_person() -> None:
    clinic, three = a_session()
    answers(clinic, "phq-9", items="all fine")
    clinic.now_s += 60
    answers(clinic, "phq-9", items=[0] * 9)
    three.ends()
    minute(clinic, 60)
    assert "answers-unread" in clinic.open_rules()
    clinic.closes("answers-unread")
    assert "answers-unread" not in clinic.open_rules()


LINE = b'{"kind":"checkin","at":"%s","patient":"P-3","instrument":"%s","items":[0,0,0,0,0,0,0,0,3]%s}'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (LINE % (b"yesterday", b"phq-9", b""), "P-3: Answers not understood. phq-9: at: "),
        (LINE % (b"2026-11-23T14:00:00Z", b"phq-9-modified", b""), "P-3: Answers not understood. phq-9-modified: instrument: "),
        (LINE % (b"2026-11-23T14:00:00Z", b"phq-9", b',"by"'), "P-3: Answers not understood. phq-9: "),
        (LINE.replace(b'"patient":"P-3",', b"") % (b"2026-11-23T14:00:00Z", b"phq-9", b""), "A patient who is not named: Answers not understood."),
        (LINE.replace(b"checkin", b"questionnaire") % (b"2026-11-23T14:00:00Z", b"PHQ-9", b""), "P-3: Answers not understood. PHQ-9: kind: "),
        (LINE % (b"yesterday", b"cadss", b""), "P-3: Entry not understood. Nothing of a check-in could be used: at: "),
        (LINE.replace(b'"%s"', b"%s") % (b'"2026-11-23T14:00:00Z"', b"null", b""), "P-3: Answers not understood. A form: instrument: "),
        (LINE % (b"yesterday", b"gad-7", b""), None),
        (b'{"kind":"vitals","at":"yesterday","device":"phq-9"}', None),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_at_all_is_told_where_it_is_such_a_form(line: bytes, told: str | None) -> None:
    clinic = Scene()
    clinic.send(*read_lines([line]).records)
    assert len(clinic.dead_letters) == 1
    raised = [one.text for one in clinic.transitions]
    assert raised == [] if told is None else len(raised) == 1 and raised[0].startswith(told)


def test_an_instrument_under_another_name_is_the_same_form() -> None:
    clinic = Scene()
    answers(clinic, "PHQ9", None, items={"44260-8": 2, **dict.fromkeys(("44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3"), 0)})  # fmt: skip
    assert clinic.told() == ["0:00 medium suicidal-ideation raised (P-3)"]
    assert clinic.entries[-1].doc["instrument"] == "phq-9"


# ---- symptoms


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ({"nausea": True, "dizziness": 2}, ()),
        ({"Chest pain": True, "nausea": True}, ("chest pain",)),
        ({"headache": 1, "seizure": False}, ("sudden severe headache",)),
        ({"blurred_vision": True, "confused": True}, ("visual disturbance", "confusion")),
        ({"left arm tingles badly": True}, ("left arm tingles badly",)),
        ([0, 1], ("a symptom that was not named",)),
        ([], ()),
        ({"chest pain": "yes", "nausea": "no", "seizure": "No"}, ("chest pain",)),
        ({"headache": "mild", "confusion": None, "syncope": "0"}, ("sudden severe headache",)),
        ({"chest pain": "", "vision": "n/a"}, ()),
        ("chest pain, nausea", ("chest pain",)),
        (["no"], ()),
    ],
)
def test_what_alarms_is_told_from_what_the_drug_does_and_an_unknown_word_alarms(
    items: Any, words: tuple[str, ...]
) -> None:
    assert (
        alarming(
            CheckIn.model_validate({"at": moment(0), "patient": "P-3", "instrument": "symptoms", "items": items}).items,
            None,
        )
        == words
    )


def test_a_symptom_stands_until_somebody_says_that_there_is_none() -> None:
    clinic, _ = a_session()
    answers(clinic, "symptoms", items={"chest-pain": True})
    (session,) = clinic.shard.ward.association.sessions.values()
    assert session.symptoms_us is not None
    restored = Shard.restore(clinic.shard.snapshot())
    assert next(iter(restored.ward.association.sessions.values())).symptoms_us == session.symptoms_us
    clinic.now_s += 60
    answers(clinic, "symptoms", items={"nausea": True})
    assert session.symptoms_us is None


def test_symptoms_may_come_as_a_list_of_words() -> None:
    clinic, three = a_session()
    clinic.now_s += 60
    three.cuff(184, 112)
    clinic.now_s += 60
    answers(clinic, "symptoms", items=["chest-pain", "nausea"])
    assert clinic.told("hypertensive-crisis") == ["2:00 high hypertensive-crisis raised (P-3)"]


def test_a_high_pressure_with_a_symptom_is_a_crisis_whichever_comes_first() -> None:
    for cuff_first in (True, False):
        clinic, three = a_session()
        for step in (cuff_first, not cuff_first):
            clinic.now_s += 60
            if step:
                three.cuff(184, 112)
            else:
                answers(clinic, "symptoms", items={"severe-headache": True})
        assert clinic.told("hypertensive-crisis") == ["2:00 high hypertensive-crisis raised (P-3)"]


# ---- where it is filed


@pytest.mark.parametrize("instrument", ["moaas", "symptoms", "phq-9"])
def test_a_check_in_that_names_only_its_patient_is_filed_under_the_session_that_they_sit_in(instrument: str) -> None:
    clinic, _ = a_session()
    answers(clinic, instrument, session=None, score=5)
    assert [(entry.kind, entry.session) for entry in clinic.entries[-1:]] == [("checkin", "S-3")]
    assert "session" not in clinic.entries[-1].doc, "the entry itself stays as it was sent"


def test_whoever_sits_in_no_session_has_their_answers_filed_under_none() -> None:
    clinic, three = a_session()
    three.ends()
    answers(clinic, "phq-9", session=None, score=5)
    assert clinic.entries[-1].session is None
