"""Entries are filed under the ward's session, counted for a course as they were sent; a repeat is one that says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from alerts.store.archive import COURSE_KINDS
from alerts.store.store import Store
from models.wire.observations import OBSERVATION, Dose, DoseStopped, Event, Intervention, SessionEnded
from streams.forecasts.jobs import records_of
from streams.ward.home.rules import in_course
from tests.support.extremes import least
from tests.support.scenes import Chair, Scene, moment


def a_session() -> tuple[Scene, Chair]:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.now_s = 60
    return clinic, three


def says(clinic: Scene, kind: str, **fields: Any) -> None:
    clinic.send(OBSERVATION.validate_python({"kind": kind, "at": moment(clinic.now_s), "patient": "P-3", **fields}))


@pytest.mark.parametrize(
    ("kind", "fields", "session"),
    [
        ("dose", {"drug": "ketamine", "route": "iv", "amount_mg": 35.0}, "S-3"),
        ("dose", {"drug": "ect"}, None),
        ("dose.stopped", {"given_mg": 10.0}, "S-3"),
        ("intervention", {"what": "oxygen"}, "S-3"),
        ("intervention", {"what": "left"}, "S-3"),
        ("checkin", {"instrument": "distress", "score": 3.0}, "S-3"),
        ("session.ended", {}, "S-3"),
        ("patient.registered", {}, None),
    ],
)  # fmt: skip
def test_an_entry_that_names_only_its_patient_is_filed_under_the_session_that_it_belongs_to(
    kind: str, fields: dict[str, Any], session: str | None
) -> None:
    clinic, _ = a_session()
    says(clinic, kind, **fields)
    entry = clinic.entries[-1]
    assert (entry.kind, entry.session, entry.doc.get("session")) == (kind, session, None)


@pytest.mark.parametrize("session", [None, "S-3"])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("dose", {"drug": "ketamine"}),
        ("dose", {"drug": "ect"}),
        ("dose.stopped", {}),
        ("intervention", {"what": "oxygen"}),
        ("intervention", {"what": "booking", "detail": "2026-12-01"}),
        ("checkin", {"instrument": "phq-9", "score": 9.0}),
        ("checkin", {"instrument": "moaas", "score": 5.0}),
        ("patient.registered", {}),
    ],
)
def test_the_forecaster_reads_as_many_entries_of_a_course_as_the_ward_has_counted(
    tmp_path: Path, kind: str, fields: dict[str, Any], session: str | None
) -> None:
    """Else every forecast would be of too few entries, and wanted again for ever."""
    clinic, _ = a_session()
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    store.migrate()
    says(clinic, kind, session=session, **fields)
    offset = clinic.shard.next_offset - 1
    store.commit(_effects(clinic, offset))
    row = clinic.shard.ward.home.patients.get(("main", "P-3"))
    counted = 0 if row is None else row.entries
    assert len(records_of(store.courses("main", ["P-3"])["P-3"])) == counted
    store.close()


def _effects(clinic: Scene, offset: int) -> Any:
    from alerts.effects import FrameEffects

    return FrameEffects(0, offset, tuple(clinic.entries[-1:]))


def test_every_kind_that_a_course_is_made_of_is_read_back_from_the_store() -> None:
    assert {kind.model_fields["kind"].default for kind in get_args(Event) if in_course(least(kind))} <= set(
        COURSE_KINDS
    )


# ---- kinds


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: str(kind.model_fields["kind"].default))
def test_no_kind_of_observation_is_swallowed(kind: type[Any]) -> None:
    """Whatever is accepted leaves something behind: an entry, an effect, or a letter that says why not."""
    clinic = Scene()
    effects = clinic.send(least(kind))
    assert effects
    assert [letter.reason for letter in clinic.dead_letters if "no case for" in letter.reason] == []


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: str(kind.model_fields["kind"].default))
def test_the_same_said_twice_is_a_repeat_and_anything_else_is_not(kind: type[Any]) -> None:
    clinic, shard = Scene(), Scene().shard
    record = least(kind)
    clinic.send(record)
    clinic.send(record.model_copy(update={"received_at": moment(100)}))
    assert clinic.shard.ward.counts["repeated or late"] == 1
    clinic.send(record.model_copy(update={"source": "another"}))
    assert clinic.shard.ward.counts["repeated or late"] == 1
    assert shard.ward.counts["repeated or late"] == 0


def test_two_entries_of_one_instant_that_differ_in_anything_are_two() -> None:
    clinic, _ = a_session()
    at = moment(clinic.now_s)
    clinic.send(
        Intervention(at=at, patient="P-3", what="oxygen", detail="2 l/min"),
        Intervention(at=at, patient="P-3", what="oxygen", detail="4 l/min"),
        Dose(at=at, patient="P-3", drug="ketamine", amount_mg=10),
        Dose(at=at, patient="P-3", drug="ketamine", amount_mg=20),
        DoseStopped(at=at, patient="P-3", given_mg=5),
        SessionEnded(at=at, session="S-3"),
    )
    assert clinic.shard.ward.counts["repeated or late"] == 0
