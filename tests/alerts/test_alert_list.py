"""Lists of alerts: a page at a time, each alert once; and the worst are on the first page, however many there are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.effects import FrameEffects, Transition
from alerts.store.alert_list import BadCursor
from alerts.store.store import Store
from models.tables.rules import PriorityName
from tests.alerts.test_store import step
from tests.support.paging import store, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures


def raised(seq: int, priority: PriorityName) -> Transition:
    return replace(step(seq, alert=f"a{seq}"), priority=priority)


def test_the_worst_alerts_are_on_the_first_page_and_in_the_snapshot_however_many_came_after(store: Store) -> None:
    low = tuple(raised(seq, "low") for seq in range(2, 1202))
    store.commit(FrameEffects(0, 1, (raised(1, "high"), *low)))
    _, snapshot, cut = store.snapshot("main")
    assert (snapshot[0]["alert"], len(snapshot), cut) == ("a1", 1000, True)
    first, following = store.alerts_page("main", True, None, 10)
    assert first[0]["alert"] == "a1"
    assert following is not None


@pytest.mark.parametrize("open_only", [True, False])
def test_pages_hold_each_alert_once_also_when_others_are_raised_meanwhile(store: Store, open_only: bool) -> None:
    priorities: tuple[PriorityName, ...] = ("low", "high", "medium")
    store.commit(FrameEffects(0, 1, tuple(raised(seq, priorities[seq % 3]) for seq in range(1, 30))))
    read: list[str] = []
    after, pages = None, 0
    while True:
        found, after = store.alerts_page("main", open_only, after, 7)
        read += [each["alert"] for each in found]
        pages += 1
        store.commit(FrameEffects(0, 1 + pages, (raised(100 + pages, "high"),)))
        if after is None:
            break
    assert sorted(name for name in read if int(name[1:]) < 100) == sorted(f"a{seq}" for seq in range(1, 30))
    assert len(read) == len(set(read))
    assert pages == 5


def test_a_whole_list_has_no_next_page(store: Store) -> None:
    store.commit(FrameEffects(0, 1, (raised(1, "high"),)))
    assert store.alerts_page("main", True, None, 1)[1] is None
    assert store.snapshot("main")[2] is False


@pytest.mark.parametrize("cursor", ["", "1", "x.y", "1.-2", "1." + "9" * 60])
def test_a_cursor_that_no_page_gave_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(BadCursor, match="give the `next`"):
        store.alerts_page("main", True, cursor, 5)
