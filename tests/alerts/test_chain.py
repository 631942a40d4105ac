"""The audit chain: everything once and in order, on both databases; and whoever changes it is found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.effects import FrameEffects
from alerts.store.chain import AuditHead, _of_frames, audited_event
from alerts.store.chain_checked import Tampered, tampered_in_store
from alerts.store.store import Store
from alerts.store.tables import AUDIT, CONFLICTS, METADATA, TRANSITIONS
from models.instants import iso
from tests.alerts.test_store import START, entry, frame, page, step
from tests.support.paging import store, store_of, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures


def signed_in(number: int, site: str = "main") -> Any:
    return audited_event(site, iso(START), "access.signed-in", "ada", None, {"role": "nurse"}, f"access-{number}")


def filled(store: Store) -> None:
    """Two frames with a transition, an entry and a page each, and a sign-in between them."""
    store.commit(frame(1, step(1), entry(), page("k1")))
    store.chain_events([signed_in(1)])
    store.commit(frame(2, step(2, "acknowledged"), entry("site.configured", None, None), page("k2")))


def faults(store: Store, *published: AuditHead) -> list[str]:
    with store.database.reading() as connection:
        return [each.what for each in tampered_in_store(connection, published)]


def changed(store: Store, *statements: str) -> None:
    with store.database.writing() as connection:
        for each in statements:
            connection.execute(sa.text(each))


def test_transitions_entries_pages_and_what_was_noted_are_one_chain_in_the_order_of_their_writing(store: Store) -> None:
    filled(store)
    told = store.audit_page("main")
    assert [each["kind"] for each in reversed(told["entries"])] == [
        "transition.raised", "alert.acknowledged", "page", "access.signed-in", "transition.acknowledged", "site.configured", "page",
    ]  # fmt: skip
    assert [each["number"] for each in told["entries"]] == [7, 6, 5, 4, 3, 2, 1]
    assert told["entries"][3]["doc"] == {"role": "nurse"}
    assert told["entries"][0]["doc"]["key"] == "k2"
    assert told["head"] == {"number": 7, "hash": told["entries"][0]["hash"]}
    assert faults(store, *store.audit_heads()) == []


def test_a_frame_that_comes_again_is_audited_once_and_what_is_noted_again_too(store: Store) -> None:
    filled(store)
    before = store.audit_heads()
    filled(store)
    assert store.audit_heads() == before
    assert faults(store) == []


def test_a_frame_that_disagrees_is_not_chained_over_and_leaves_the_chain_whole(store: Store) -> None:
    filled(store)
    assert store.commit(frame(1, step(1, text="other"), entry(), page("k1"))) != []
    assert store.commit(frame(3, step(2, "snoozed"), page("k1", priority="low"))) != []
    assert faults(store) == []


def test_what_cannot_be_written_whole_is_not_in_the_audit_either(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(store)
    before = store.audit_heads()

    def breaks(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("alerts.store.ledger.extend", breaks)
    with pytest.raises(OSError, match="the disk is gone"):
        store.commit(frame(3, step(3, "closed")))
    assert store.audit_heads() == before
    assert [each["seq"] for each in store.transitions()] == [1, 2], "neither the change nor its audit"


def test_several_who_write_at_once_make_one_chain_without_a_gap(store: Store) -> None:
    def writes(first: int) -> None:
        for number in range(first, first + 20):
            store.chain_events([signed_in(number)])

    threads = [threading.Thread(target=writes, args=(first,)) for first in (100, 200, 300)]
    for each in threads:
        each.start()
    for number in range(10, 30):
        store.commit(frame(number, step(number, alert=f"a{number}")))
    for each in threads:
        each.join()
    assert [each.number for each in store.audit_heads()] == [80]
    assert faults(store) == []


PLANTED: dict[str, tuple[tuple[str, ...], str]] = {
    "an entry's fact edited": (("UPDATE audit_chain SET who = 'ben' WHERE number = 4",), "not as it was written"),
    "an entry's document edited": (("UPDATE audit_chain SET doc = '{}' WHERE number = 4",), "what it records was changed"),
    "an entry's document and digest edited": (
        ("UPDATE audit_chain SET doc = '{}', digest = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' WHERE number = 4",),
        "not as it was written",
    ),
    "an entry deleted": (("DELETE FROM audit_chain WHERE number = 3",), "1 before it gone"),
    "an entry deleted and the rest moved up": (
        ("DELETE FROM audit_chain WHERE number = 3", *(f"UPDATE audit_chain SET number = {n - 1} WHERE number = {n}" for n in range(4, 8))),
        "not as it was written, or not in its place",
    ),
    "the first entry deleted": (("DELETE FROM audit_chain WHERE number = 1",), "1 before it gone"),
    "two entries swapped": (
        tuple(f"UPDATE audit_chain SET number = {to} WHERE number = {of}" for of, to in ((2, 90), (3, 2), (90, 3))),
        "not in its place",
    ),
    "the tail cut": (("DELETE FROM audit_chain WHERE number > 5",), "it was here, and is cut off"),
    "the whole chain gone": (("DELETE FROM audit_chain",), "it was here, and is cut off"),
    "where it ends no longer noted": (("DELETE FROM audit_heads",), "where the chain ends is not noted any more"),
    "an entry added": (
        (
            "INSERT INTO audit_chain (site, number, at, kind, digest, hash) VALUES ('main', 8, 'now', 'read', 'x', 'y')",
        ),
        "not as it was written",
    ),
    "a transition edited": (("UPDATE transitions SET doc = replace(doc, 'P-07', 'P-08') WHERE seq = 2",), "what it records was changed"),
    "a transition deleted": (("DELETE FROM transitions WHERE seq = 1",), "what it records is gone"),
    "an entered line edited": (("UPDATE audit SET doc = replace(doc, 'rn-1', 'rn-2')",), "what it records was changed"),
    "a page edited": (("UPDATE outbox SET doc = replace(doc, '85', '95') WHERE key = 'k1'",), "what it records was changed"),
    "a page deleted": (("DELETE FROM outbox WHERE key = 'k2'",), "what it records is gone"),
    "an effect's entry deleted with the end noted anew": (
        (
            "DELETE FROM audit_chain WHERE number = 7",
            "UPDATE audit_heads SET number = 6, hash = (SELECT hash FROM audit_chain WHERE number = 6)",
        ),
        "has no entry",
    ),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_whoever_changes_the_audit_or_what_it_records_is_found(store: Store, planted: str) -> None:
    filled(store)
    statements, found = PLANTED[planted]
    changed(store, *statements)
    assert any(found in each for each in faults(store)), faults(store)


def test_a_tail_that_was_cut_with_its_end_noted_anew_is_found_by_a_head_that_was_published(store: Store) -> None:
    filled(store)
    store.chain_events([signed_in(2), signed_in(3)])
    (published,) = store.audit_heads()
    changed(
        store, "DELETE FROM audit_chain WHERE number > 7",
        "UPDATE audit_heads SET number = 7, hash = (SELECT hash FROM audit_chain WHERE number = 7)",
    )  # fmt: skip
    assert faults(store) == [], "nothing in the store itself shows it"
    assert faults(store, published) == ["it was here, and is cut off"]
    assert faults(store, AuditHead("main", 9, published.hash[:12])) == ["it was here, and is cut off"]


def test_a_whole_new_chain_is_found_by_a_head_that_was_published(store: Store) -> None:
    filled(store)
    store.chain_events([signed_in(2)])
    (published,) = store.audit_heads()
    changed(
        store,
        "DELETE FROM audit_chain WHERE number = 8",
        "UPDATE audit_heads SET number = 7, hash = (SELECT hash FROM audit_chain WHERE number = 7)",
    )
    store.chain_events([audited_event("main", iso(START), "access.signed-in", "somebody else", None, {})])
    assert faults(store) == []
    assert faults(store, published) == ["another than was published"]


def test_a_part_of_a_chain_is_checked_from_its_second_entry_on(store: Store) -> None:
    from alerts.store.chain_checked import stored_entries, tampered

    filled(store)
    with store.database.reading() as connection:
        part = list(stored_entries(connection, "main", after=3))
    assert [each.number for each in part] == [4, 5, 6, 7]
    assert list(tampered("main", part, store.audit_heads(), begins=3)) == []
    assert list(tampered("main", [part[0], part[2]], (), begins=3)) == [Tampered("main", 6, "1 before it gone")]


def test_pages_of_the_audit_follow_on_each_other_and_say_when_there_is_more(store: Store) -> None:
    filled(store)
    read: list[int] = []
    before = None
    while True:
        told = store.audit_page("main", before, 3)
        read += [each["number"] for each in told["entries"]]
        if (before := told["next"]) is None:
            break
    assert read == [7, 6, 5, 4, 3, 2, 1]
    assert [each["kind"] for each in store.audit_page("main", kind="transition")["entries"]] == [
        "transition.acknowledged",
        "transition.raised",
    ]
    assert [each["number"] for each in store.audit_page("main", who="ada")["entries"]] == [4]
    assert [each["number"] for each in store.audit_page("main", patient="P-07", kind="page")["entries"]] == [7, 3]
    assert store.audit_page("north") == {"site": "north", "head": None, "entries": [], "next": None}


@pytest.mark.parametrize("written", [filled, lambda store: None], ids=["with a past", "empty"])
def test_what_a_version_before_has_written_is_chained_when_it_is_brought_up(
    store: Store, written: Callable[[Store], None]
) -> None:
    written(store)
    changed(store, "DELETE FROM audit_chain WHERE shard IS NULL", "DROP TABLE audit_chain", "DROP TABLE audit_heads")
    changed(store, "UPDATE alembic_version SET version_num = '0011'")
    store.migrate()
    assert faults(store) == []
    kinds = [each["kind"] for each in store.audit_page("main")["entries"]]
    assert kinds in (
        [],
        ["page", "site.configured", "transition.acknowledged", "page", "alert.acknowledged", "transition.raised"],
    )
    assert store.commit(FrameEffects(0, 9, (step(9),))) == []
    assert faults(store) == []


def test_a_chain_is_brought_up_from_the_first_tables_on(tmp_path: Path) -> None:
    with store_of(tmp_path / "old.sqlite", "0001") as kept:
        kept.migrate()
        assert faults(kept) == []


@pytest.mark.parametrize("table", [TRANSITIONS, AUDIT, CONFLICTS])
def test_sqlite_finds_what_entries_record_without_reading_the_table(table: sa.Table) -> None:
    found = sa.create_engine("sqlite://")
    METADATA.create_all(found)
    wanted = sa.select(table).where(_of_frames(table, [(0, 7), (0, 9)]))
    statement = str(wanted.compile(found, compile_kwargs={"literal_binds": True}))
    with found.connect() as connection:
        plan = [step for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert any(step.startswith(f"SEARCH {table.name} ") for step in plan)
