"""A year of a clinic, made small: two mornings, measured as the year is."""

from __future__ import annotations

from pathlib import Path

from bench.year import START_US, live_year
from models.instants import SECOND
from streams.clinic.clinic import OPENS_US


def test_days_are_lived_kept_backed_up_and_restored(tmp_path: Path) -> None:
    opens = (OPENS_US - START_US) // SECOND
    said: list[str] = []
    figures = live_year(
        tmp_path / "data", 2, 2, lambda text, file: said.append(text), hours=0.4, seconds=range(opens, opens + 1500)
    )
    found = {figure.what: figure.median for figure in figures}
    assert found["data directory"] > 0.1
    assert found["of that vitals by the minute"] > 0
    assert found["start: state restored and journal read on"] < 60
    assert {"backup", "verify", "restore"} <= found.keys()
    assert "journal_links" in said[-1]
