"""Chairs, sessions and entries in any order, as people at several tablets and systems by wire make them, beside a model of who
entered what for whom.

What must never be: an entry that is credited to another person than the one on its form; a measured condition that stands
without an alert that is open or was answered within its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.desk.desk import ACKNOWLEDGED_FOR, SNOOZE_AT_MOST
from models.tables.rules import INHIBITS, RULES, Priority
from models.wire.live import AlertPhase
from models.wire.observations import OBSERVATION
from tests.support.scenes import Scene, moment

CHAIRS = ("1", "2", "3")
PEOPLE = ("ash", "birch", "cedar", "dogwood")

Fields = dict[str, Any]

_entries: st.SearchStrategy[Fields] = st.one_of(
    st.sampled_from([(118, 76), (152, 95), (205, 124)]).map(lambda c: {"kind": "vitals", "sbp": float(c[0]), "dbp": float(c[1])}),
    st.integers(0, 5).map(lambda score: {"kind": "checkin", "instrument": "moaas", "score": score}),
    st.sampled_from([0, 12, 40]).map(lambda score: {"kind": "checkin", "instrument": "cadss", "score": score}),
    st.sampled_from([35, 350]).map(lambda mg: {"kind": "dose", "drug": "ketamine", "route": "iv", "amount_mg": mg, "minutes": 40}),
    st.just({"kind": "intervention", "what": "oxygen", "detail": "2 L"}),
    st.integers(0, 27).map(lambda score: {"kind": "checkin", "instrument": "phq-9", "score": score}),
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """What a tablet's form was opened for."""

    patient: str
    session: str


class ChairMachine(RuleBasedStateMachine):
    """Three chairs, four people; forms stay open on tablets while people come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.clinic = Scene()
        self.count = 0
        #: Whose each session is, by its name, from its start on.
        self.whose: dict[str, str] = {}
        self.forms: list[Form] = []
        #: Whom each entry was entered for, by its id, and what it was.
        self.entered: dict[str, tuple[Form, Fields]] = {}
        self.seen = 0

    def _sends(self, form: Form | None, entry: Fields, **more: Any) -> None:
        about = {} if form is None else {"patient": form.patient, "session": form.session}
        said = {"at": moment(self.clinic.now_s), "source": "chair-page", "by": "rn-1", **about, **entry, **more}
        self.clinic.now_s += 1
        self.clinic.send(OBSERVATION.validate_python(said, strict=False))

    def _enters(self, form: Form, entry: Fields, **more: Any) -> None:
        self.count += 1
        name = f"e-{self.count}"
        self.entered[name] = (form, entry)
        self._sends(form, entry, id=name, **more)

    # ---- people come and go

    @rule(chair=st.sampled_from(CHAIRS), patient=st.sampled_from(PEOPLE))
    def starts(self, chair: str, patient: str) -> None:
        self.count += 1
        form = Form(patient, f"{patient}-{self.count}")
        self.whose[form.session] = patient
        self._sends(form, {"kind": "session.started", "chair": chair, "device": f"m-{chair}", "drug": "ketamine", "route": "iv", "planned_mg": 35, "planned_minutes": 40})  # fmt: skip
        self.forms = [*self.forms, form][-6:]

    @precondition(lambda self: self.forms)
    @rule(which=st.integers(0, 5))
    def ends(self, which: int) -> None:
        self._sends(self.forms[which % len(self.forms)], {"kind": "session.ended", "reason": "completed"})

    # ---- entries from forms: of people who sit there, who have gone, or who sit elsewhere now

    @precondition(lambda self: self.forms)
    @rule(which=st.integers(0, 5), entry=_entries)
    def enters(self, which: int, entry: Fields) -> None:
        self._enters(self.forms[which % len(self.forms)], entry)

    @precondition(lambda self: self.forms)
    @rule(which=st.integers(0, 5), patient=st.sampled_from(PEOPLE), entry=_entries)
    def somebody_names_another_s_session(self, which: int, patient: str, entry: Fields) -> None:
        self._enters(Form(patient, self.forms[which % len(self.forms)].session), entry)

    @precondition(lambda self: self.entered)
    @rule(which=st.integers(0, 1000), by=st.integers(0, 5), entry=_entries, own=st.booleans())
    def corrects(self, which: int, by: int, entry: Fields, own: bool) -> None:
        wrong = list(self.entered)[which % len(self.entered)]
        form, before = self.entered[wrong]
        form = form if own else self.forms[by % len(self.forms)]
        same = before["kind"] == entry["kind"] and before.get("instrument") == entry.get("instrument")
        self._enters(form, entry if same else before, replaces=wrong)

    @precondition(lambda self: self.entered)
    @rule(which=st.integers(0, 1000))
    def takes_back(self, which: int) -> None:
        wrong = list(self.entered)[which % len(self.entered)]
        form, before = self.entered[wrong]
        empty: Fields = {name: before[name] for name in ("kind", "instrument", "drug", "what") if name in before}
        match empty["kind"]:
            case "dose":
                empty["amount_mg"] = 0
            case "intervention":
                empty["what"] = "entered by mistake"
            case _:
                pass
        self._enters(form, empty, replaces=wrong)

    # ---- what is measured, answered, and time

    @rule(chair=st.sampled_from(CHAIRS), spo2=st.sampled_from([97, 88, 74]), length=st.integers(3, 15))
    def shows(self, chair: str, spo2: float, length: int) -> None:
        self.clinic.chair(chair).shows(length, spo2=[spo2 - second % 2 for second in range(length)], pulse=72.0)

    @precondition(lambda self: len(self.clinic.shard.desk.open) > 0)
    @rule(which=st.integers(0, 1000), answer=st.sampled_from(["alert.acknowledged", "alert.snoozed", "alert.closed"]))
    def answers(self, which: int, answer: str) -> None:
        known = list(self.clinic.shard.desk.open.values())
        until = {"until": moment(self.clinic.now_s + 15 * 60)} if answer == "alert.snoozed" else {}
        self._sends(None, {"kind": answer, "alert": known[which % len(known)].id, **until})

    @rule(length_s=st.sampled_from([5, 60, 660]))
    def time_passes(self, length_s: float) -> None:
        # A tick a second is the owner's; what falls due between two is told with the later one all the same.
        for _ in range(3):
            self.clinic.now_s += length_s / 3
            self.clinic.send()

    # ---- what must not be

    @invariant()
    def no_entry_is_credited_to_another(self) -> None:
        ward = self.clinic.shard.ward
        for session in ward.association.sessions.values():
            if session.announced and session.name is not None:
                assert session.patient == self.whose[session.name]
            for name in _ids(session):
                form, entry = self.entered[name]
                assert form.patient == session.patient, (
                    f"{entry} of {form} is in the session {session.name} of {session.patient}"
                )
        for (_, patient), row in ward.home.patients.items():
            scores = [one.id for kept in row.scores.values() for one in kept]
            for name in (each for each in (*(dose.id for dose in row.doses), *scores) if each is not None):
                assert self.entered[name][0].patient == patient
        for filed in self.clinic.entries[self.seen :]:
            if (known := self.entered.get(str(filed.doc.get("id")))) is not None and filed.doc.get(
                "source"
            ) == "chair-page":
                assert filed.patient == known[0].patient
        self.seen = len(self.clinic.entries)

    @invariant()
    def no_measured_condition_stands_without_an_alert(self) -> None:
        shard = self.clinic.shard
        known = {
            (alert.subject.session, alert.subject.patient, alert.rule): alert for alert in shard.desk.open.values()
        }
        for session in shard.ward.association.sessions.values():
            inhibited = {each for standing in session.conditions for each in INHIBITS.get(standing, ())}
            for name, condition in session.conditions.items():
                if RULES[name].measured != "reading" or condition.priority < Priority.LOW or name in inhibited:
                    continue
                alert = known.get((session.name, session.patient, name))
                assert alert is not None, f"{name} of {session.patient} stands and no alert is open"
                assert alert.phase is not AlertPhase.CLOSED
                if alert.phase in {AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED}:
                    # As long as its own priority allows, and no longer: not as long as the mildest of them.
                    answered = alert.phase is AlertPhase.ACKNOWLEDGED
                    longest = ACKNOWLEDGED_FOR[alert.priority] if answered else SNOOZE_AT_MOST
                    assert shard.ward.clock_us <= alert.until_us <= shard.ward.clock_us + longest, name


def _ids(session: Any) -> Iterator[str]:
    for kept in (session.reports, session.doses, session.cuffs):
        for one in kept:
            if one.id is not None:
                yield one.id


TestChairs = ChairMachine.TestCase
TestChairs.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)  # fmt: skip


def test_a_cuff_that_names_the_session_of_somebody_who_has_gone_is_its_own_patient_s() -> None:
    machine = ChairMachine()
    machine.starts("1", "ash")
    machine.ends(0)
    machine.enters(0, {"kind": "vitals", "sbp": 118.0, "dbp": 76.0})
    machine.somebody_names_another_s_session(0, "birch", {"kind": "vitals", "sbp": 205.0, "dbp": 124.0})
    machine.no_entry_is_credited_to_another()
    told = [one.subject.patient for one in machine.clinic.shard.desk.open.values() if one.rule == "hypertensive-crisis"]
    assert told == ["birch"]


def test_an_answer_to_what_a_monitor_measures_of_nobody_runs_out_in_minutes_and_not_in_days() -> None:
    clinic = Scene()
    clinic.chair("1").shows(60, spo2=[88 - second % 2 for second in range(60)], pulse=72.0)
    clinic.acknowledges("desaturation")
    alert = clinic.alert("desaturation")
    assert (
        alert.subject.session,
        alert.until_us - clinic.shard.ward.clock_us <= ACKNOWLEDGED_FOR[Priority.MEDIUM],
    ) == (None, True)
