"""What changed, folded into what was there, is what is there: for any two documents, and for a board that comes at any moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.api.changes import chair_changes, with_changes
from models.arrays import Document
from models.wire.live import CHANGES_ADAPTER, ChairsOut
from tests.alerts.test_live import QUIET, listening, next_of
from tests.support.service import Inside, at, sample, serving

leaves = st.none() | st.integers(0, 3) | st.sampled_from(["a", "b"]) | st.lists(st.integers(0, 2), max_size=2)
objects = st.recursive(leaves, lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3), max_leaves=6)
chair = st.fixed_dictionaries(
    {"patient": st.sampled_from(["p", "q"]), "session": st.none() | st.just("s"), "chair": st.sampled_from(["1", "2"]),
     "values": st.dictionaries(st.sampled_from(["spo2", "hr"]), objects, max_size=2), "readiness": objects}
)  # fmt: skip
documents = st.fixed_dictionaries(
    {"decided": st.integers(0, 9), "at": st.just("2026-11-23T14:00:00.000Z"), "site": st.just("main"), "chairs": st.lists(chair, max_size=3)}
)  # fmt: skip


@given(documents, documents)
def test_changes_give_what_is_there_or_say_that_they_cannot(before: Any, after: Any) -> None:
    was = deepcopy(before)
    changes = chair_changes(before, after)
    who = [[(each["session"], each["patient"], each["chair"]) for each in part["chairs"]] for part in (before, after)]
    assert (changes is None) == (who[0] != who[1])
    if changes is not None:
        # As it goes over the wire.
        assert with_changes(before, json.loads(json.dumps(changes))) == after
    assert before == was


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path / "data", QUIET) as inside:
        started = {
            "kind": "session.started",
            "at": at(0),
            "patient": "P-1",
            "session": "s1",
            "chair": "1",
            "device": "m1",
        }
        await inside.post(started, sample(0, device="m1", spo2=97, pulse=70))
        await inside.settled()
        yield inside


async def test_a_board_that_folds_changes_shows_what_one_shows_that_gets_all(clinic: Inside) -> None:
    whole: dict[int, Document] = {}

    async def plain() -> None:
        async with listening(clinic) as events:
            async for event in events:
                if event.name == "chairs":
                    whole[event.data["decided"]] = event.data

    reading = asyncio.create_task(plain())
    try:
        async with listening(clinic, changes="true") as events:
            shown = cast(ChairsOut, (await next_of(events, "snapshot")).data["chairs"])
            compared = folded = 0
            n = 0
            async with asyncio.timeout(120):
                async for event in events:
                    n += 1
                    if event.name == "changes":
                        CHANGES_ADAPTER.validate_python(event.data, strict=False)
                        shown = with_changes(shown, cast(Any, event.data))
                        folded += 1
                    elif event.name == "chairs":
                        shown = cast(ChairsOut, event.data)
                    if (same := whole.get(shown["decided"])) is not None:
                        assert shown == same
                        compared += 1
                    if n == 3:
                        other = {
                            "kind": "session.started",
                            "at": at(3),
                            "patient": "P-2",
                            "session": "s2",
                            "chair": "2",
                        }
                        await clinic.post(other)
                    else:
                        await clinic.post(sample(n, device="m1", spo2=97 - n % 3, pulse=70 + n % 2))
                    if compared >= 4 and folded >= 4 and len(shown["chairs"]) == 2:
                        break
    finally:
        reading.cancel()


async def test_a_board_that_comes_while_another_listens_misses_no_change(clinic: Inside) -> None:
    async with listening(clinic, changes="true") as first:
        await next_of(first, "changes")
        await clinic.post(sample(5, device="m1", spo2=93, pulse=71))
        await clinic.settled()
        async with listening(clinic, changes="true") as second:
            shown = cast(ChairsOut, (await next_of(second, "snapshot")).data["chairs"])
            async with asyncio.timeout(60):
                while shown["chairs"][0]["values"]["spo2"]["value"] != 93:
                    shown = with_changes(shown, cast(Any, (await next_of(second, "changes")).data))


async def test_a_board_that_comes_back_gets_the_chairs_whole_and_then_changes(clinic: Inside) -> None:
    async with listening(clinic, last=0, changes="true") as events:
        names = [(await anext(events)).name for _ in range(2)]
    assert names == ["chairs", "changes"]
