"""What the store promises: every frame's effects once, together, and never over what is there."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.effects import (
    AuditEntry,
    Cause,
    DeadLetter,
    Effect,
    FrameEffects,
    Page,
    Transition,
    effect_document,
    encode,
    page_of,
)  # fmt: skip
from alerts.store.alert_document import fold
from alerts.store.database import DatabaseTooNew
from alerts.store.store import Store
from alerts.store.tables import METADATA
from models.instants import from_iso, iso
from models.wire.live import AlertPhase, TransitionKind
from tests.support.paging import store, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures

START = from_iso("2026-11-23T14:00:00Z")


def step(seq: int, kind: str = "raised", alert: str = "a1", phase: str | None = None, **evidence: Any) -> Transition:
    """A transition; `phase` where it is not the one that such a step usually leads to."""
    at = iso(START + seq * 1_000_000)
    stands = AlertPhase(phase or (kind if kind in set(AlertPhase) else "active"))
    return Transition(
        alert, at, kind, stands, "main", "P-07", "s-1", "desaturation", "respiratory", "high", iso(START),  # type: ignore[arg-type]  # the texts are those of the literal types
        {"value": 100 - seq, "chair": "3", **evidence}, f"SpO2 {100 - seq}", "limits.toml", Cause(0, seq), seq,
    )  # fmt: skip


def page(key: str, *alerts: str, at_us: int = START, priority: str = "high") -> Page:
    return Page(key, iso(at_us), "main", "P-07", priority, alerts or ("a1",), "Low oxygen", "Chair 3: SpO2 85 below 90")


def entry(kind: str = "alert.acknowledged", patient: str | None = "P-07", session: str | None = "s-1") -> AuditEntry:
    return AuditEntry(iso(START), "main", patient, session, kind, "rn-1", "done", {"note": "seen"}, iso(START))


def frame(offset: int, *effects: Effect, shard: int = 0) -> FrameEffects:
    return FrameEffects(shard, offset, effects)


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is in the store, row by row."""
    with store.database.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in METADATA.sorted_tables
        }


def test_what_was_written_is_read_back_as_it_was_sent(store: Store) -> None:
    letter = DeadLetter(iso(START), "main", "spo2", "not a number", '{"spo2": "x"}')
    effects = (step(1), entry(), page("k1"), letter)

    assert store.commit(frame(5, *effects)) == []

    assert store.transitions() == [effect_document(effects[0])]
    assert store.transitions(after=1) == []
    assert store.transitions(site="other") == []
    assert (
        store.entries(session="s-1")
        == store.entries(patient="P-07")
        == store.entries("main")
        == [effect_document(entry())]
    )
    assert store.entries(session="s-2") == []
    assert store.dead_letters("main") == [effect_document(letter)]
    (alert,) = store.alerts("main", open_only=True)
    assert alert == {
        "alert": "a1", "phase": "active", "priority": "high", "rule": "desaturation", "title": "Low oxygen",
        "category": "respiratory", "site": "main", "patient": "P-07", "session": "s-1", "chair": "3",
        "onset_at": iso(START), "raised_at": effects[0].at, "changed_at": effects[0].at, "seq": 1,
        "text": "SpO2 99", "evidence": {"value": 99, "chair": "3"}, "source": "limits.toml", "by": None, "until": None,
        "left_at": None,
        "pages": [{"key": "k1", "state": "pending", "at": iso(START), "reached": [], "failed": []}],
    }  # fmt: skip
    assert store.snapshot("main") == (1, [alert], False)
    assert store.snapshot("other") == (0, [], False)


def test_stored_transitions_are_the_bytes_that_the_desk_gave(store: Store) -> None:
    store.commit(frame(1, step(1, note="é ✓")))

    with store.database.reading() as connection:
        assert connection.scalar(sa.text("SELECT doc FROM transitions")) == encode(step(1, note="é ✓"))


def test_the_same_frame_twice_changes_nothing(store: Store) -> None:
    frames = [frame(1, step(1), entry(), page("k1")), frame(2, step(2, "acknowledged", by="rn-1"))]
    assert [store.commit(it) for it in frames] == [[], []]
    before = contents(store)

    assert [store.commit(it) for it in frames] == [[], []]

    assert contents(store) == before


def test_conflicting_content_is_reported_and_nothing_is_overwritten(store: Store) -> None:
    store.commit(frame(1, step(1), page("k1")))
    before = contents(store)

    other = replace(step(1), text="something else")
    (conflict,) = store.commit(frame(1, other, page("k1")))

    assert (conflict.shard, conflict.offset, conflict.n, conflict.kind) == (0, 1, 0, "transition")
    assert conflict.reason == "written before with other content"
    after = contents(store)
    (aside,) = after.pop("conflicts")
    assert encode(other) in aside
    assert after == {name: rows for name, rows in before.items() if name != "conflicts"}
    assert store.conflicts() == 1


def test_a_frame_that_comes_again_with_more_or_fewer_effects_is_a_conflict(store: Store) -> None:
    store.commit(frame(1, step(1), page("k1")))

    assert [it.reason for it in store.commit(frame(1, step(1)))] == ["written before, missing now"]
    more = store.commit(frame(1, step(1), page("k1"), page("k2")))

    assert [(it.n, it.reason) for it in more] == [(2, "not there before")]
    assert store.page_counts(START).owed == 1


def test_a_number_that_another_transition_has_is_a_conflict_and_the_rest_of_the_frame_is_kept(store: Store) -> None:
    store.commit(frame(1, step(1)))

    (conflict,) = store.commit(frame(2, replace(step(1, alert="a2"), text="other"), page("k2")))

    assert conflict.reason == "another transition has its site and seq"
    assert [it["alert"] for it in store.transitions()] == ["a1"]
    assert store.page_counts(START).owed == 1, "a page is sent rather than lost"


def test_a_key_that_another_page_has_is_a_conflict_and_the_first_page_stays(store: Store) -> None:
    store.commit(frame(1, page("k1")))

    (conflict,) = store.commit(frame(2, replace(page("k1"), body="other")))

    assert conflict.reason == "another page has its key"
    assert [it.page for it in store.claim_pages("phone", ["phone"], START, 1, room=9)] == [page("k1")]


@pytest.mark.parametrize(
    "table", ["effects", "transitions", "alerts", "outbox", "page_alerts", "audit", "dead_letters"]
)
def test_a_transition_its_audit_entry_and_its_page_are_written_together_or_not_at_all(store: Store, table: str) -> None:
    letter = DeadLetter(iso(START), "main", "spo2", "not a number", "x")
    whole = frame(1, step(1), entry(), page("k1"), letter)
    empty = contents(store)

    def disk_fails(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(f"INSERT INTO {table}"):
            raise OSError("no space left")

    sa.event.listen(store.database.engine, "after_cursor_execute", disk_fails)
    with pytest.raises(OSError, match="no space left"):
        store.commit(whole)
    sa.event.remove(store.database.engine, "after_cursor_execute", disk_fails)
    assert contents(store) == empty

    assert store.commit(whole) == []
    assert all(
        contents(store)[name] for name in ("effects", "transitions", "alerts", "audit", "outbox", "dead_letters")
    )


def test_two_owners_of_one_shard_write_every_frame_once(store: Store, url: str) -> None:
    other = Store(url)
    frames = [frame(n, step(n), entry(), page(f"k{n}")) for n in range(1, 40)]
    conflicts: list[object] = []
    ready = threading.Barrier(2)

    def own(mine: Store) -> None:
        ready.wait()
        for it in frames:
            conflicts.extend(mine.commit(it))

    owners = [threading.Thread(target=own, args=(it,)) for it in (store, other)]
    for owner in owners:
        owner.start()
    for owner in owners:
        owner.join()
    other.close()

    assert conflicts == []
    assert [it["seq"] for it in store.transitions()] == list(range(1, 40))
    assert store.page_counts(START).owed == 39


def test_what_a_sender_may_write_never_stops_the_store(store: Store) -> None:
    odd = "nul \0 half a pair \ud83d and a whole one 😀"
    effects = (
        replace(step(1, note=odd), patient=odd, text=odd), replace(entry(), session=odd, doc={"x": odd}),
        replace(page(odd, odd), title=odd), DeadLetter(iso(START), "main", odd, odd, odd),
    )  # fmt: skip

    assert store.commit(frame(1, *effects)) == []
    assert store.commit(frame(1, *effects)) == []

    assert len(store.transitions()) == len(store.entries(session=odd)) == len(store.dead_letters()) == 1


# Alerts as they stand


def test_a_board_shows_the_phase_that_the_transition_says_whatever_the_step() -> None:
    for phase in AlertPhase:
        for kind in get_args(TransitionKind):
            assert fold(fold(None, step(1)), step(2, kind, phase=phase.value))["phase"] == phase.value


def test_a_board_shows_who_has_the_alert_in_hand_and_until_when(store: Store) -> None:
    until = iso(START + 600_000_000)
    store.commit(frame(1, step(1)))
    store.commit(frame(2, step(2, "snoozed", by="rn-1", until=until)))

    (alert,) = store.alerts()
    assert (alert["phase"], alert["by"], alert["until"], alert["text"]) == ("snoozed", "rn-1", until, "SpO2 98")
    assert alert["evidence"] == {"value": 98, "chair": "3"}

    store.commit(frame(3, step(3, "worsened")))
    (alert,) = store.alerts()
    assert (alert["phase"], alert["by"], alert["until"], alert["text"]) == ("active", None, None, "SpO2 97")


def test_a_board_lists_the_worst_first_then_the_oldest(store: Store) -> None:
    later = replace(step(2, alert="later"), onset_at=iso(START + 5_000_000))
    store.commit(frame(1, replace(step(1, alert="low"), priority="low"), later, step(3, alert="older")))

    assert [it["alert"] for it in store.alerts("main")] == ["older", "later", "low"]


def test_an_older_transition_never_overwrites_how_an_alert_stands(store: Store) -> None:
    store.commit(frame(2, step(5, "acknowledged", by="rn-1")))
    before = store.alerts()

    assert store.commit(frame(1, step(4, "worsened"))) == []

    assert store.alerts() == before
    assert fold(fold(None, step(5)), step(4)) == fold(None, step(5))
    assert [it["seq"] for it in store.transitions()] == [4, 5]


def test_a_closed_alert_is_no_longer_open(store: Store) -> None:
    store.commit(frame(1, step(1), step(2, "closed")))

    assert store.alerts(open_only=True) == []
    assert [it["phase"] for it in store.alerts()] == ["closed"]


steps = st.lists(
    st.tuples(st.sampled_from(get_args(TransitionKind)), st.sampled_from(("a1", "a2", "a3"))), min_size=1, max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, cuts=st.data())
def test_the_alerts_are_their_transitions_folded_whatever_part_comes_again(
    store: Store, steps: list[tuple[str, str]], cuts: st.DataObject
) -> None:
    with store.database.writing() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(sa.delete(table))
    life = [step(seq, phase, alert, by="rn-1") for seq, (phase, alert) in enumerate(steps, 1)]
    views: dict[str, Any] = {}
    for it in life:
        views[it.alert] = fold(views.get(it.alert), it)

    frames = [frame(it.seq, it) for it in life]
    for upto, written in enumerate(frames, 1):
        assert store.commit(written) == []
        for again in frames[cuts.draw(st.integers(0, upto)) : upto]:
            assert store.commit(again) == []

    beside = {"left_at", "pages"}
    stored = {it["alert"]: {name: value for name, value in it.items() if name not in beside} for it in store.alerts()}
    assert stored == json.loads(json.dumps(views))


# Checkpoints


def test_a_checkpoint_never_moves_back(store: Store) -> None:
    assert store.load_checkpoint(0) is None
    assert store.save_checkpoint(0, 10, b"ten")
    assert not store.save_checkpoint(0, 10, b"ten, but other")
    assert not store.save_checkpoint(0, 9, b"nine")
    assert store.save_checkpoint(1, 3, b"another shard")

    found = store.load_checkpoint(0)
    assert found is not None
    assert (found.next_offset, found.state) == (10, b"ten")


def test_the_last_two_checkpoints_are_kept_for_each_format(store: Store) -> None:
    for offset in (10, 20, 30):
        store.save_checkpoint(0, offset, b"%d" % offset)
    store.save_checkpoint(0, 25, b"of the next version", state_format=2)

    newest, fallback, new_format = (
        store.load_checkpoint(0), store.load_checkpoint(0, before=30), store.load_checkpoint(0, state_format=2),
    )  # fmt: skip
    assert newest is not None
    assert fallback is not None
    assert new_format is not None
    assert (newest.state, fallback.state, new_format.state) == (b"30", b"20", b"of the next version")
    assert store.load_checkpoint(0, before=20) is None


# The schema, and the file that the journal shares


def test_migrations_from_empty_give_the_tables_that_the_code_expects(store: Store) -> None:
    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_again_or_from_several_processes_at_once_is_harmless(url: str) -> None:
    migrate = f"from alerts.store.store import Store; Store({url!r}).migrate()"
    command = [sys.executable, "-c", migrate]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [it.communicate()[1] for it in processes]
    assert [it.returncode for it in processes] == [0, 0, 0], said

    store = Store(url)
    store.migrate()
    assert store.alerts() == []
    store.close()


def test_transitions_of_before_they_said_their_phase_are_told_it_and_read_again_without_conflict(store: Store) -> None:
    life = (
        step(1), step(2, "escalated"), step(3, "acknowledged"), step(4, "eased", phase="acknowledged"), step(5, "expired"),
        step(6, "snoozed"), step(7, "closed"), step(8, alert="a2"), step(9, "latched", alert="a2"),
        step(10, "escalated", alert="a2", phase="latched"), step(11, "acknowledged", alert="a2", phase="closed"),
        step(12, "closed", alert="a2"),
    )  # fmt: skip
    frames = [frame(each.seq, each, entry()) for each in life]
    for written in frames:
        store.commit(written)
    before = contents(store)
    with store.database.writing() as connection:
        for each in life:
            doc = {name: value for name, value in effect_document(each).items() if name != "phase"}
            unsaid = {"doc": json.dumps(doc, separators=(",", ":")), "seq": each.seq}
            connection.execute(sa.text("UPDATE transitions SET doc = :doc WHERE seq = :seq"), unsaid)
        connection.execute(sa.text("UPDATE effects SET digest = 'of before' WHERE kind = 'transition'"))
        connection.execute(sa.text("DROP TABLE forecast_queue"))
        connection.execute(sa.text("DROP TABLE destinations"))
        connection.execute(sa.text("DROP TABLE heard"))
        connection.execute(sa.text("DROP TABLE tries"))
        connection.execute(sa.text("DROP TABLE vitals_hours"))
        connection.execute(sa.text("ALTER TABLE checkpoints DROP COLUMN daily"))
        connection.execute(sa.text("DROP TABLE audit_chain"))
        connection.execute(sa.text("DROP TABLE audit_heads"))
        connection.execute(sa.text("ALTER TABLE outbox DROP COLUMN trace"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))

    store.migrate()

    assert contents(store) == before
    assert [store.commit(again) for again in frames] == [[] for _ in frames]


def test_a_database_of_a_later_version_is_refused(store: Store) -> None:
    with store.database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseTooNew, match="later version"):
        store.migrate()


def test_a_store_that_would_be_lost_with_the_process_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a file"):
        Store("sqlite://")


def test_an_effect_on_sqlite_is_on_the_disk_when_commit_returns(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'clinic.sqlite'}")
    store.migrate()
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
    store.close()


def test_a_journal_written_to_the_same_file_does_not_break_commits(tmp_path: Path) -> None:
    path = tmp_path / "clinic.sqlite"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    started, done = threading.Event(), threading.Event()
    appended = 0

    def append() -> None:
        nonlocal appended
        journal = sqlite3.connect(path, isolation_level=None, timeout=10)
        journal.execute("PRAGMA synchronous=FULL")
        journal.execute("CREATE TABLE frames (offset_ INTEGER PRIMARY KEY, payload BLOB)")
        while not done.is_set():
            journal.execute("BEGIN IMMEDIATE")
            journal.execute("INSERT INTO frames (payload) VALUES (?)", (b"x" * 1000,))
            journal.execute("COMMIT")
            appended += 1
            started.set()
        journal.close()

    writer = threading.Thread(target=append)
    writer.start()
    started.wait()
    try:
        for n in range(1, 101):
            assert store.commit(frame(n, step(n), page(f"k{n}"))) == []
            store.save_checkpoint(0, n, b"state")
    finally:
        done.set()
        writer.join()

    assert len(store.transitions()) == 100
    with store.database.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM frames")) == appended
    store.close()


@pytest.mark.parametrize(
    ("owed", "written"),
    [
        (Page("k", "t", "main", "-", "low", ("a",), "T", "B"), {}),
        (Page("k", "t", "main", "-", "low", ("a",), "T", "B", "scheduler"), {"to": "scheduler"}),
        (Page("k", "t", "main", "-", "low", ("a",), "T", "B", to=("ada", "ben"), rung=2), {"to": ["ada", "ben"], "rung": 2}),
        (Page("k", "t", "main", "-", "low", ("a",), "T", "B", to=("ada",), kind="over"), {"to": ["ada"], "kind": "over"}),
    ],
)  # fmt: skip
def test_a_page_reads_back_as_it_was_written_and_one_for_everybody_has_its_old_bytes(
    owed: Page, written: dict[str, object]
) -> None:
    document = json.loads(encode(owed))
    assert document == {
        "key": "k", "at": "t", "site": "main", "patient": "-", "priority": "low", "alerts": ["a"], "title": "T", "body": "B",
        **written,
    }  # fmt: skip
    assert page_of(document) == owed


def test_a_daily_checkpoint_stays_until_the_frames_behind_it_are_gone(store: Store) -> None:
    for offset in (10, 20, 30, 40, 50):
        store.save_checkpoint(0, offset, b"%d" % offset, daily=offset in (10, 30))
    assert store.second_checkpoint(0, 1) == 40
    found, before = [], None
    while (checkpoint := store.load_checkpoint(0, 1, before)) is not None:
        found.append(before := checkpoint.next_offset)
    assert found == [50, 40, 30, 10]
    store.prune_checkpoints(0, 30)
    assert store.load_checkpoint(0, 1, 30) is None
    assert store.load_checkpoint(0, 1, 40) is not None
