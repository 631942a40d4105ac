"""A defect in the core, or a state that cannot be kept, is told and counted, and the service watches on."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.settings import PagesPart, Settings
from streams.ward.people import People
from tests.support.service import Inside, at, falling, serving, until, until_answered

QUIET = Settings(pages=PagesPart(destinations=()))


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path / "data", QUIET) as inside:
        yield inside


def registered(patient: str, second: float = 0) -> dict[str, Any]:
    return {"kind": "patient.registered", "at": at(second), "patient": patient, "weight_kg": 70}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody called P-bad can be registered."""
    registers = People.register

    def register(self: People, record: Any) -> Any:
        person = registers(self, record)
        if record.patient == "P-bad":
            raise KeyError("planted")
        return person

    monkeypatch.setattr(People, "register", register)


async def alerts(clinic: Inside, rule: str) -> list[dict[str, Any]]:
    return [one for one in (await clinic.get("/v1/alerts"))["alerts"] if one["rule"] == rule]


@pytest.mark.usefixtures("planted")
async def test_a_record_that_raises_is_told_everywhere_and_stops_nothing(
    clinic: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await clinic.post(registered("P-good"), registered("P-bad"), *falling())
    assert answer["accepted"] == 62
    assert [one["rule"] for one in await clinic.transitions()] == ["integrity", "desaturation"]
    ((letter),) = (await clinic.get("/v1/dead-letters"))["dead_letters"]
    assert letter["reason"] == "KeyError in streams.ward.entries._register: 'planted'"
    assert '"patient":"P-bad"' in letter["line"]
    (alert,) = await alerts(clinic, "integrity")
    assert (alert["patient"], alert["title"]) == ("P-bad", "Internal fault")
    assert "left out: KeyError in streams.ward.entries._register: 'planted'" in caplog.text
    metrics = (await clinic.http.get("/metrics")).text
    assert "chairside_core_faults 1.0" in metrics
    assert 'chairside_ward_observations{fate="set aside"} 1.0' in metrics
    assert (await clinic.turns(200))["ok"]


@pytest.mark.usefixtures("planted")
async def test_a_restart_after_it_says_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(tmp_path / "data", QUIET) as clinic:
        # Nothing is kept, so that the restart must read all of it again.
        monkeypatch.setattr(clinic.service.store, "save_checkpoint", lambda *_: False)
        await clinic.post(registered("P-good"), registered("P-bad"), *falling())
        before = await clinic.transitions()
    async with serving(tmp_path / "data", QUIET) as clinic:
        assert await clinic.transitions() == before
        assert clinic.service.store.conflicts() == 0


async def test_a_state_that_cannot_be_kept_is_told_once_and_the_watch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streams.hosts.embedded.CHECKPOINT_S", 0.0)
    async with serving(tmp_path / "data", QUIET) as clinic:
        owner, packs = clinic.service.owner, People.packed
        monkeypatch.setattr(People, "packed", lambda self: [*packs(self), 2**70])
        await clinic.post(registered("P-1"))
        with caplog.at_level(logging.ERROR):
            await until(lambda: owner.unpacked >= 3, "the third checkpoint that fails")
        await until_answered(lambda: alerts(clinic, "integrity"), "the fault to be told")
        await clinic.post(*falling())
        assert [one["rule"] for one in await clinic.transitions()] == ["integrity", "desaturation"]
        (alert,) = await alerts(clinic, "integrity")
        assert alert["text"] == (
            "main: Internal fault. The state cannot be kept, so that a restart must read more of the journal: tell whoever runs "
            "Chairside."
        )
        assert alert["evidence"]["raised"].startswith(
            "OverflowError in streams.shard._packed: Integer value out of range"
        )
        assert "no checkpoint can be made of the state" in caplog.text
        before = owner.unpacked
        (counted,) = re.findall(
            r"^chairside_checkpoints_failed (.*)$", (await clinic.http.get("/metrics")).text, re.MULTILINE
        )
        assert before <= float(counted) <= owner.unpacked
        kept = owner.checkpointed_offset
        monkeypatch.setattr(People, "packed", packs)
        await until(lambda: owner.checkpointed_offset > kept, "a checkpoint again")
