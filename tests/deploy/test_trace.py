"""A session's vitals by the minute, over HTTP: there once a minute is over, and there after the session and a restart."""

from __future__ import annotations

from pathlib import Path

from deploy.settings import PagesPart, Settings
from models.instants import from_iso
from models.wire.live import TRACE_ADAPTER
from tests.support.service import at, sample, serving

QUIET = Settings(pages=PagesPart(destinations=()))


async def test_a_sessions_minutes_are_read_during_it_after_it_and_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", QUIET) as clinic:
        await clinic.post(
            {"kind": "session.started", "at": at(0), "patient": "P-1", "session": "S-1", "chair": "3", "device": "m-3"},
            *(sample(n, device="m-3", spo2=88 if n == 30 else 97, pulse=70 + n % 3) for n in range(1, 130)),
        )
        await clinic.settled()
        first = await clinic.get("/v1/sessions/S-1/trace")
        assert first["patient"] == "P-1"
        assert min(first["channels"]["spo2"]["lowest"]) == 88
        assert all(minute % 60_000 == 0 for minute in first["channels"]["pulse"]["minute"])
        await clinic.post({"kind": "session.ended", "at": at(131), "patient": "P-1", "session": "S-1"})
        await clinic.settled()
        whole = await clinic.get("/v1/sessions/S-1/trace")
        assert sum(whole["channels"]["pulse"]["count"]) == 129
        assert whole["channels"]["pulse"]["minute"][0] == from_iso(at(1)) // 60_000_000 * 60_000
    async with serving(tmp_path / "data", QUIET) as clinic:
        assert await clinic.get("/v1/sessions/S-1/trace", patient="P-1") == whole
        assert (await clinic.get("/v1/sessions/nobody/trace"))["channels"] == {}
    TRACE_ADAPTER.validate_python(whole)
