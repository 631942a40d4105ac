"""What boards and queries ask is asked through one protocol, and what cannot be answered now says so."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

from models.wire.home import PATIENT_ADAPTER
from tests.support.service import ROOT, serving, until

ASKS_A_SHARD = Path("deploy/board_views.py")
COUNTS_A_SHARD = Path("deploy/network/worker_http.py")
"""What Prometheus sees of a worker is what its shards counted."""
FORECASTS_OF_A_SHARD = Path("deploy/network/forecaster.py")
"""Which forecasts are missing is read off the wards of a worker."""
NAMES_A_SHARD = Path("deploy/logs.py")
"""A line of the log says the number of the shard."""


def test_where_the_process_is_wired_only_the_views_look_into_the_shard() -> None:
    looking = {
        path.relative_to(ROOT)
        for path in (ROOT / "deploy").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "shard"
    }
    assert looking == {ASKS_A_SHARD, COUNTS_A_SHARD, FORECASTS_OF_A_SHARD, NAMES_A_SHARD}


async def test_a_curve_that_cannot_be_drawn_now_is_asked_for_again(tmp_path: Path) -> None:
    dose = {"kind": "dose", "at": "2026-03-02T09:00:00Z", "patient": "A-1", "drug": "ketamine", "amount_mg": 40}
    async with serving(tmp_path / "data") as clinic:
        await clinic.post(dose)
        await clinic.settled()
        worker = clinic.service.worker
        asking = asyncio.ensure_future(clinic.http.get("/v1/patients/A-1"))
        await until(lambda: worker._process is not None, "the drawing process to be started")
        worker.kill()
        refused = await asking
        page = await clinic.get("/v1/patients/A-1")

    assert refused.status_code == 503
    assert refused.json()["detail"] == "no curve now: the forecaster's process died in the middle of a job"
    assert refused.headers["retry-after"] == "5"
    PATIENT_ADAPTER.validate_python(page, strict=False)
