"""A defect in the core costs the record that shows it, and nothing else: planted faults of every kind, in every place.

A planted fault raises after the real code has done its work, so that whatever it changed must be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter

from alerts.desk.desk import Desk
from alerts.effects import Cause, DeadLetter, Effect, Page, Transition, encode
from models.findings import Finding
from models.wire.observations import AlertAcknowledged, CheckIn, Event, Internal, Record
from streams.journal.frame import Frame
from streams.shard import Shard
from streams.ward.state import Clock
from streams.ward.ward import Ward
from tests.streams.ward.test_ward_properties import Act, acts, both_clocks, cut, given_orders, lines_of, sizes
from tests.support.examples import one_in
from tests.support.scenes import Scene, breathing, moment

CULPRIT: Final = "culprit"
"""The `source` of a record that makes the planted ward raise."""
RAISES: Final = "RuntimeError in {}: planted"


def fails() -> None:
    raise RuntimeError("planted")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ward folds a frame, and then raises if the culprit is in it."""
    folds = Ward._fold

    def fold(self: Ward, frame: Frame) -> None:
        folds(self, frame)
        sources = [frame.origins[which].source for which in frame.origin.tolist()]
        if CULPRIT in sources or any(record.source == CULPRIT for _, record in frame.events):
            fails()

    monkeypatch.setattr(Ward, "_fold", fold)


def plant(monkeypatch: pytest.MonkeyPatch, place: str, when: Callable[..., bool]) -> None:
    """The function at `place` does its work and then raises where `when`, given the same arguments, says so."""
    module, _, name = place.rpartition(".")
    owner = __import__(module, fromlist=[name])
    real = getattr(owner, name)

    def does_and_raises(*given: Any, **named: Any) -> Any:
        done = real(*given, **named)
        if when(*given, **named):
            fails()
        return done

    monkeypatch.setattr(place, does_and_raises)


def about_faults(effect: Effect) -> bool:
    """What is said of a fault, and nothing else."""
    match effect:
        case Transition():
            return effect.rule == "integrity"
        case Page():
            return "Internal fault" in effect.title
        case DeadLetter():
            return "planted" in effect.reason
        case _:
            return False


def rest(effects: Iterable[Effect]) -> list[Effect]:
    """Everything else, without the numbers that a transition more has moved on. Pages aside: of several pages about one
    patient within half a minute only the first goes out at once, and that may be the fault's.
    """
    plain: list[Effect] = []
    for effect in effects:
        match effect:
            case _ if about_faults(effect) or isinstance(effect, Page):
                continue
            case Transition():
                evidence = {name: value for name, value in effect.evidence.items() if name != "page"}
                plain.append(replace(effect, cause=Cause(0, 0), seq=1, evidence=evidence))
            case _:
                plain.append(effect)
    return plain


def letters(effects: Iterable[Effect]) -> list[DeadLetter]:
    return [effect for effect in effects if isinstance(effect, DeadLetter)]


# ---- exactly as if the record had not come


def marked(record: Any) -> Any:
    return record.model_copy(update={"source": CULPRIT})


@both_clocks
@pytest.mark.usefixtures("planted")
@one_in(5)
@given(day=acts(), sizes=sizes, culprits=st.sets(st.integers(0, 400), min_size=1, max_size=6))
def test_what_raises_is_set_aside_and_everything_else_is_as_if_it_had_not_come(
    clock: Clock, day: list[Act], sizes: list[int], culprits: set[int]
) -> None:
    lines, _ = given_orders(lines_of(day), clock)
    bad = {n % len(lines) for n in culprits} if lines else set()
    bad = {n for n in bad if lines[n].record is not None}
    with_them = [replace(line, record=marked(line.record)) if n in bad else line for n, line in enumerate(lines)]
    without = [replace(line, record=None) if n in bad else line for n, line in enumerate(lines)]
    shard, clean = Shard(clock=clock), Shard(clock=clock)
    effects = _played(shard, cut(with_them, sizes, clock))
    assert rest(effects) == rest(_played(clean, cut(without, sizes, clock)))
    reasons = [letter.reason for letter in letters(effects) if about_faults(letter)]
    assert reasons == [RAISES.format("streams.ward.ward.step")] * len(bad)
    counts = dict(clean.ward.counts)
    counts["set aside"] = counts.get("set aside", 0) + len(bad)
    assert {name: n for name, n in shard.ward.counts.items() if n} == {name: n for name, n in counts.items() if n}


@both_clocks
@pytest.mark.usefixtures("planted")
@one_in(5)
@given(day=acts(), sizes=sizes, culprits=st.sets(st.integers(0, 400), min_size=1, max_size=4), every=st.integers(1, 7))
def test_a_replay_and_a_restart_at_any_frame_say_the_same_of_it_byte_for_byte(
    clock: Clock, day: list[Act], sizes: list[int], culprits: set[int], every: int
) -> None:
    lines, _ = given_orders(lines_of(day), clock)
    bad = {n % len(lines) for n in culprits} if lines else set()
    lines = [
        replace(line, record=marked(line.record)) if n in bad and line.record is not None else line
        for n, line in enumerate(lines)
    ]
    frames = cut(lines, sizes, clock)
    once = _played(Shard(clock=clock), frames)
    shard, again = Shard(clock=clock), list[Effect]()
    for offset, stamped in enumerate(frames):
        if offset % every == 0:
            shard = Shard.restore(shard.snapshot())
        again += shard.step(offset, *stamped).effects
    assert list(map(encode, again)) == list(map(encode, once))


def _played(shard: Shard, frames: Sequence[tuple[int, bytes]]) -> list[Effect]:
    effects: list[Effect] = []
    for offset, stamped in enumerate(frames):
        effects += shard.step(offset, *stamped).effects
    return effects


# ---- what is said of it


def two_chairs() -> Scene:
    clinic = Scene()
    for name in "34":
        clinic.chair(name).starts()
    clinic.together(5, {"3": {"spo2": 97, "hr": breathing(70, 5)}, "4": {"spo2": 98, "hr": breathing(80, 5)}})
    return clinic


def test_the_letter_says_the_line_and_what_was_raised_where_and_the_alert_says_whose_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clinic = two_chairs()
    plant(
        monkeypatch, "streams.ward.checkin_entries.fold_report", lambda state, row, report, *_, **__: report.score == 4
    )
    clinic.chair("3").scores("moaas", 4)
    (letter,) = letters(clinic.effects)
    assert letter.reason == RAISES.format("streams.ward.checkin_entries.fold_checkin")
    assert '"kind":"checkin"' in letter.line
    assert '"patient":"P-3"' in letter.line
    (raised,) = [one for one in clinic.transitions if one.rule == "integrity"]
    assert (raised.patient, raised.session, raised.priority) == ("P-3", None, "medium")
    assert raised.text == (
        "Chair 3 (P-3): Internal fault. An entry (checkin) could not be processed and is set aside: look after it by hand, "
        "and tell whoever runs Chairside."
    )
    assert raised.evidence["chair"] == "3"
    assert raised.evidence["raised"] == letter.reason
    (page,) = clinic.pages
    assert page.title == "MEDIUM ◆ Chair 3: Internal fault"
    assert [entry for entry in clinic.entries if entry.kind == "checkin"] == [], "nothing of it was kept"
    clinic.chair("3").scores("moaas", 3)
    assert "sedation" in clinic.open_rules(), "the next one is heard"


def test_a_sample_that_raises_costs_its_line_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = two_chairs()
    plant(
        monkeypatch,
        "streams.ward.samples.fold_cuff",
        lambda state, row, at_us, here, trusted, *_: trusted.get("sbp") == 166,
    )
    three, four = clinic.chair("3"), clinic.chair("4")
    clinic.send(
        three.vitals(spo2=96, hr=71), four.vitals(sbp=120, dbp=70), three.vitals(at_s=5.5, sbp=166, dbp=90, by="rn-1"),
        four.vitals(at_s=5.6, spo2=97, hr=80), three.vitals(at_s=5.7, spo2=95, hr=71),
    )  # fmt: skip
    (letter,) = letters(clinic.effects)
    assert '"sbp":166' in letter.line
    assert '"device":"m-3"' in letter.line
    assert '"by":"rn-1"' in letter.line
    assert [entry for entry in clinic.entries if entry.kind == "vitals"] == []
    (raised,) = [one for one in clinic.transitions if one.rule == "integrity"]
    assert raised.patient == "P-3", "the device names nobody, the ward knows who sits there"
    counts = clinic.shard.ward.counts
    assert (counts["samples"], counts["set aside"], counts["events"]) == (10 + 4, 1, 2)
    values = {chair["chair"]: chair["values"] for chair in clinic.shard.chairs("main")["chairs"]}
    assert values["3"]["spo2"]["value"] == 95
    assert "sbp" not in values["3"]
    assert values["4"]["sbp"]["value"] == 120


def test_one_alert_tells_of_a_person_s_faults_until_somebody_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = two_chairs()
    plant(monkeypatch, "streams.ward.checkin_entries.fold_report", lambda *_: True)
    for name in "3344":
        clinic.chair(name).scores("moaas", 4)
        clinic.now_s += 1
    assert clinic.told("integrity") == ["0:05 medium integrity raised (P-3)", "0:07 medium integrity raised (P-4)"]
    assert len(letters(clinic.effects)) == 4


class UnheardOf(Record):
    kind: Literal["unheard.of"] = "unheard.of"
    count: int


def test_a_kind_without_a_case_is_set_aside_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The type checker refuses it; should it run all the same, it is not swallowed."""
    known: Any = TypeAdapter(Annotated[Event | Internal | UnheardOf, Field(discriminator="kind")])
    monkeypatch.setattr("models.wire.observations.EVENT", known)
    clinic = two_chairs()
    # The types forbid it, which is what this test goes behind.
    clinic.send(UnheardOf(at=moment(5), patient="P-3", count=12))  # type: ignore[arg-type]  # which is what this test goes behind
    (letter,) = letters(clinic.effects)
    assert letter.reason == "UnhandledKind in streams.ward.entries.fold_event: no case for 'unheard.of'"
    assert clinic.shard.ward.counts["set aside"] == 1


def test_a_fault_of_the_desk_costs_the_record_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = two_chairs()
    finds = Desk.find

    def find(self: Desk, finding: Finding) -> None:
        finds(self, finding)
        if finding.rule == "sedation":
            fails()

    monkeypatch.setattr(Desk, "find", find)
    clinic.chair("3").scores("moaas", 2)
    assert clinic.open_rules() == {"integrity"}
    assert len(letters(clinic.effects)) == 1


def test_a_machine_without_memory_is_no_record_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = two_chairs()

    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("streams.ward.checkin_entries.fold_report", full)
    with pytest.raises(MemoryError):
        clinic.chair("3").scores("moaas", 4)


# ---- what falls due


def test_a_timer_that_raises_costs_itself_and_time_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = two_chairs()
    plant(monkeypatch, "streams.ward.timers._overdue", lambda session, *_: session.patient == "P-3")
    for name in "34":
        clinic.chair(name).infuses()
    clinic.passes(50 * 60)
    overdue = [line for line in clinic.told("vitals-overdue", "checkin-overdue") if "raised" in line]
    assert overdue != []
    assert [line for line in overdue if "P-3" in line] == []
    (raised,) = [one for one in clinic.transitions if one.rule == "integrity"]
    assert raised.text == (
        "Chair 3 (P-3): Internal fault. What fell due here could not be worked out: look after it by hand, and tell whoever "
        "runs Chairside."
    )
    assert raised.evidence["raised"] == RAISES.format("streams.ward.timers.timer_falls_due")
    assert "no-data" in {one.rule for one in clinic.transitions if one.patient == "P-3"}
    assert clinic.shard.ward.counts["set aside"] == 0, "nothing that came in was lost"


def test_what_time_raises_is_the_same_in_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = two_chairs()
    plant(monkeypatch, "streams.ward.timers._overdue", lambda session, *_: session.patient == "P-3")
    for name in "34":
        clinic.chair(name).infuses()
    clinic.passes(50 * 60)
    shard, again = Shard(), list[Effect]()
    for offset, stamped in enumerate(clinic.journal):
        if offset % 500 == 0:
            shard = Shard.restore(shard.snapshot())
        again += shard.step(offset, *stamped).effects
    assert list(map(encode, again)) == list(map(encode, clinic.effects))


def test_somebody_at_home_whose_silence_raises_hides_nobody_else_s(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = Scene()
    for name in "AB":
        clinic.send(CheckIn(at=moment(0), patient=name, instrument="phq-9", score=8))
    plant(monkeypatch, "streams.ward.home.rules.judge_silence", lambda row, *_, **__: row.patient == "A")
    clinic.now_s = 20 * 86_400
    clinic.send()
    assert {one.patient for one in clinic.transitions if one.rule == "checkin-overdue"} == {"B"}
    assert {one.patient for one in clinic.transitions if one.rule == "integrity"} == {"A"}


def test_an_acknowledgement_whose_end_raises_hides_no_other_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = two_chairs()
    low = [float(max(97 - second, 86 + second % 2)) for second in range(60)]
    clinic.together(60, {"3": {"spo2": low, "hr": breathing(70, 60)}, "4": {"spo2": low, "hr": breathing(80, 60)}})
    mine = {alert.subject.patient: alert for alert in clinic.shard.desk.open.values() if alert.rule == "desaturation"}
    assert set(mine) == {"P-3", "P-4"}
    for alert in mine.values():
        clinic.send(AlertAcknowledged(at=moment(clinic.now_s), alert=alert.id, by="rn-1"))
    steps = Desk._step

    def step(self: Desk, alert: Any, stimulus: Any, *given: Any) -> None:
        steps(self, alert, stimulus, *given)
        if alert.subject.patient == "P-3" and stimulus.name == "RAN_OUT":
            fails()

    monkeypatch.setattr(Desk, "_step", step)
    clinic.passes(3600)
    assert "P-4" in {one.patient for one in clinic.transitions if one.transition == "expired"}
    assert {one.patient for one in clinic.transitions if one.rule == "integrity"} == {"P-3"}
