"""The measurement of pages runs, and every page has its first try at a healthy destination while others hang, drip and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.speed.pages import measure


@pytest.mark.slow
async def test_pages_reach_the_healthy_while_others_hang(tmp_path: Path) -> None:
    found = await measure(30, tmp_path)
    assert {name: len(times) for name, times in found.items()} == {"ntfy": 30, "json": 30}
