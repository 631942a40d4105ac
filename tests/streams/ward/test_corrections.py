"""A correcting entry takes what it names out of rules, peaks, estimates and what is shown, for every kind that can be entered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.relapse.facts import fact_of
from models.relapse.history import PatientHistory
from models.wire.observations import OBSERVATION
from tests.support.scenes import Scene, moment

Entry = dict[str, Any]

_cuff: st.SearchStrategy[Entry] = st.tuples(st.integers(90, 220), st.integers(40, 85)).map(
    lambda pair: {"kind": "vitals", "sbp": float(pair[0]), "dbp": float(min(pair[1] + pair[0] // 4, pair[0] - 10))}
)
_moaas: st.SearchStrategy[Entry] = st.integers(0, 5).map(
    lambda score: {"kind": "checkin", "instrument": "moaas", "score": score}
)
_cadss: st.SearchStrategy[Entry] = st.integers(0, 60).map(
    lambda score: {"kind": "checkin", "instrument": "cadss", "score": score}
)
_distress: st.SearchStrategy[Entry] = st.integers(0, 10).map(
    lambda score: {"kind": "checkin", "instrument": "distress", "score": score}
)
_dose: st.SearchStrategy[Entry] = st.sampled_from([20, 35, 60, 350]).map(
    lambda mg: {"kind": "dose", "drug": "ketamine", "route": "iv", "amount_mg": mg, "minutes": 40}
)
_oxygen: st.SearchStrategy[Entry] = st.sampled_from(["on", "off"]).map(
    lambda said: {"kind": "intervention", "what": "oxygen", "detail": said}
)
KINDS: dict[str, st.SearchStrategy[Entry]] = {
    "cuff": _cuff,
    "moaas": _moaas,
    "cadss": _cadss,
    "distress": _distress,
    "dose": _dose,
    "oxygen": _oxygen,
}


def enters(clinic: Scene, entry: Entry, **more: Any) -> None:
    said = {
        "at": moment(clinic.now_s),
        "patient": "P-3",
        "session": "S-3",
        "source": "tablet",
        "by": "rn-1",
        **entry,
        **more,
    }
    clinic.send(OBSERVATION.validate_python(said, strict=False))


def stands(clinic: Scene) -> Entry:
    """All that the ward concludes and shows of the session and its patient."""
    ward = clinic.shard.ward
    ((row, session),) = ward.association.sessions.items()
    home = ward.home.patients.get(("main", "P-3"))
    return {
        "shown": clinic.shard.chairs("main"),
        # A forecast of the next minutes depends on when it was worked out.
        "rules": {rule: each.priority for rule, each in session.conditions.items() if rule != "pressure-forecast"},
        "peaks": [str(ward.rows.peak_sbp[row]), str(ward.rows.peak_dbp[row])],
        "cuffs": [str(cuff._replace(id=None)) for cuff in session.cuffs],
        "oxygen": session.oxygen,
        "home": None if home is None else (
            [(dose.at_us, dose.amount_mg) for dose in home.doses], home.dose_count,
            {name: [(one.at_us, one.score) for one in scores] for name, scores in home.scores.items()},
        ),
    }  # fmt: skip


@st.composite
def days(draw: st.DrawFn) -> tuple[list[tuple[float, Entry]], int, Entry]:
    """Entries by time, further apart than a cuff is on a display, which of them is entered wrongly first, and how."""
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=8))
    entries, at_s = [], 60.0
    for name in names:
        at_s += draw(st.sampled_from([200, 300, 900]))
        entries.append((at_s, draw(KINDS[name])))
    which = draw(st.integers(0, len(names) - 1))
    return entries, which, draw(KINDS[names[which]])


def lived(entries: list[tuple[float, Entry]], which: int, wrong: Entry | None, corrected_at_s: float) -> Scene:
    clinic = Scene()
    clinic.chair("3").starts(planned_mg=35, planned_minutes=40)
    for n, (at_s, entry) in enumerate(entries):
        clinic.now_s = at_s
        enters(clinic, entry if n != which or wrong is None else wrong, id=f"e-{n}")
    clinic.now_s = corrected_at_s
    if wrong is not None:
        at_s, right = entries[which]
        enters(clinic, right, id="right", at=moment(at_s), replaces=f"e-{which}")
    else:
        clinic.send()
    clinic.passes(3)
    return clinic


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(day=days())
def test_a_journal_with_a_wrong_entry_and_its_correction_ends_as_one_with_the_right_entry_alone(
    day: tuple[list[tuple[float, Entry]], int, Entry],
) -> None:
    entries, which, wrong = day
    at_s = entries[-1][0] + 5
    corrected, right = stands(lived(entries, which, wrong, at_s)), stands(lived(entries, which, None, at_s))
    (shown,), (expected,) = (each.pop("shown")["chairs"] for each in (corrected, right))
    assert {name: (value, expected[name]) for name, value in shown.items() if value != expected[name]} == {}
    assert corrected == right


def session_3() -> Scene:
    clinic = Scene()
    clinic.chair("3").starts(planned_mg=35, planned_minutes=40)
    clinic.now_s = 60
    return clinic


def test_the_alert_that_a_wrong_cuff_raised_ends_and_says_so() -> None:
    clinic = session_3()
    enters(clinic, {"kind": "vitals", "sbp": 120.0, "dbp": 75.0}, id="c-1")
    clinic.now_s = 600
    enters(clinic, {"kind": "vitals", "sbp": 215.0, "dbp": 125.0}, id="c-2")
    clinic.now_s = 640
    enters(clinic, {"kind": "vitals", "sbp": 214.0, "dbp": 126.0}, id="c-3")
    assert "hypertensive-crisis" in clinic.open_rules()
    enters(clinic, {"kind": "vitals", "sbp": 122.0, "dbp": 76.0}, id="c-4", replaces="c-2", at=moment(600))
    enters(clinic, {"kind": "vitals", "sbp": 121.0, "dbp": 77.0}, id="c-5", replaces="c-3")
    ended = [one for one in clinic.transitions if one.rule == "hypertensive-crisis"][-1]
    assert ended.transition == "latched", "nobody had seen it"
    assert ended.evidence["ended"] == "Chair 3 (P-3): Very high blood pressure is over: a cuff was corrected."
    ((row, session),) = clinic.shard.ward.association.sessions.items()
    assert clinic.shard.ward.rows.peak_sbp[row] == 122
    assert [cuff.sbp for cuff in session.cuffs] == [120, 122, 121]
    (card,) = clinic.shard.chairs("main")["chairs"]
    assert card["values"]["sbp"]["value"] == 121
    assert [entry.kind for entry in clinic.entries].count("cuff.corrected") == 2, "the record keeps both"


def test_a_cuff_can_be_taken_back_altogether() -> None:
    clinic = session_3()
    enters(clinic, {"kind": "vitals", "sbp": 225.0, "dbp": 128.0}, id="c-1")
    enters(clinic, {"kind": "vitals"}, id="c-2", replaces="c-1")
    ((row, session),) = clinic.shard.ward.association.sessions.items()
    assert session.cuffs == []
    (card,) = clinic.shard.chairs("main")["chairs"]
    assert "sbp" not in card["values"]
    assert str(clinic.shard.ward.rows.peak_sbp[row]) == "-inf"


def test_a_dose_that_is_taken_back_was_never_given() -> None:
    clinic = session_3()
    enters(clinic, {"kind": "dose", "drug": "ketamine", "route": "iv", "amount_mg": 350}, id="d-1")
    assert "dose-check" in clinic.open_rules()
    enters(clinic, {"kind": "dose", "drug": "ketamine", "route": "iv", "amount_mg": 0}, id="d-2", replaces="d-1")
    (session,) = clinic.shard.ward.association.sessions.values()
    assert session.doses == []
    home = clinic.shard.ward.home.patients["main", "P-3"]
    assert (home.doses, home.dose_count, home.first_dose_day) == ([], 0, None)
    assert {alert.phase for alert in clinic.shard.desk.open.values() if alert.rule == "dose-check"} == {"latched"}


@pytest.mark.parametrize("name", ["cuff", "moaas", "dose", "oxygen"])
def test_a_correction_of_somebody_else_s_entry_is_set_aside_and_told(name: str) -> None:
    entries: dict[str, Entry] = {
        "cuff": {"kind": "vitals", "sbp": 120.0, "dbp": 75.0}, "moaas": {"kind": "checkin", "instrument": "moaas", "score": 3},
        "dose": {"kind": "dose", "drug": "ketamine", "route": "iv", "amount_mg": 35}, "oxygen": {"kind": "intervention", "what": "oxygen"},
    }  # fmt: skip
    entry = entries[name]
    clinic = Scene()
    for chair in ("3", "4"):
        clinic.chair(chair).starts()
    clinic.now_s = 60
    enters(clinic, entry, id="e-1", patient="P-4", session="S-4")
    before = repr(list(clinic.shard.ward.association.sessions.values()))
    enters(clinic, entry, id="e-2", replaces="e-1")
    assert repr(list(clinic.shard.ward.association.sessions.values())) == before
    (letter,) = clinic.dead_letters
    assert letter.field == "replaces"
    assert clinic.told("entry-refused") == ["1:00 medium entry-refused raised (P-3)"]


def test_a_corrected_score_says_that_it_was() -> None:
    clinic = session_3()
    enters(clinic, {"kind": "checkin", "instrument": "moaas", "score": 0}, id="m-1")
    clinic.acknowledges("unresponsive")
    enters(clinic, {"kind": "checkin", "instrument": "moaas", "score": 5}, id="m-2", replaces="m-1")
    ended = [one for one in clinic.transitions if one.rule == "unresponsive"][-1]
    assert (ended.transition, "is over: an entry was corrected" in str(ended.evidence["ended"])) == ("closed", True)


def test_a_score_that_is_taken_back_was_never_given() -> None:
    clinic = session_3()
    enters(clinic, {"kind": "checkin", "instrument": "moaas", "score": 5}, id="m-1")
    clinic.now_s = 120
    enters(clinic, {"kind": "checkin", "instrument": "moaas", "score": 0}, id="m-2")
    assert "unresponsive" in clinic.open_rules()
    enters(clinic, {"kind": "checkin", "instrument": "moaas"}, id="m-3", replaces="m-2")
    ended = [one for one in clinic.transitions if one.rule == "unresponsive"][-1]
    assert "is over: an entry was corrected" in str(ended.evidence["ended"])
    (session,) = clinic.shard.ward.association.sessions.values()
    assert [(report.id, report.score) for report in session.reports] == [("m-1", 5)]
    (card,) = clinic.shard.chairs("main")["chairs"]
    assert card["checkins"]["moaas"]["score"] == 5
    assert [entry.kind for entry in clinic.entries].count("checkin") == 3, "the record keeps both"
    assert clinic.dead_letters == []


def test_an_answer_from_home_that_is_taken_back_is_out_of_what_a_forecast_is_made_of() -> None:
    clinic = session_3()
    home = {"kind": "checkin", "instrument": "phq-9", "session": None}
    enters(clinic, {**home, "score": 9}, id="q-1")
    clinic.now_s = 300
    enters(clinic, {**home, "score": 24}, id="q-2")
    enters(clinic, home, id="q-3", replaces="q-2")
    row = clinic.shard.ward.home.patients["main", "P-3"]
    assert [one.id for one in row.scores["phq-9"]] == ["q-1"]
    enters(clinic, home, id="q-4", replaces="q-1")
    assert "phq-9" not in row.scores
    told = [OBSERVATION.validate_python(dict(one.doc), strict=False) for one in clinic.entries if one.kind == "checkin"]
    facts = [fact for record in told if (fact := fact_of(record)) is not None]
    day = max(fact.at for fact in facts).toordinal()
    with_all, corrected = (PatientHistory("P-3", some).course(day) for some in (facts[:2], facts))
    assert with_all is not None
    assert corrected is not None
    assert (len(with_all.screening), with_all.screens) != (0, 0)
    assert (corrected.screening, corrected.screens, corrected.baseline) == ((), 0, None)
