"""A watch that stands still, really broken: log and /healthz have the reason, and a page comes without journal or store."""

from __future__ import annotations

import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.paging import receiver
from tests.support.service import PATIENCE_S, Started, falling, ndjson, start, waited

QUICK = (
    "import deploy.auditor as auditor, streams.journal.journal as journal, alerts.store.database as database;"
    "auditor.NO_PROGRESS_S = 3.0; auditor.EVERY_S = 0.5;"
    "journal.BUSY_MS = 1000; database.BUSY_S = 1.0;"
    "from deploy.cli import main; main()"
)
"""`chairside`, less patient: half a minute of waiting is shown elsewhere (test_auditor.py)."""


@contextmanager
def full(process: Started, data: Path) -> Iterator[None]:
    """The disk takes nothing more: no file of this process may grow."""
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def locked(process: Started, data: Path) -> Iterator[None]:
    """Another process holds the file's lock for writing."""
    holder = sqlite3.connect(data / "chairside.sqlite", isolation_level=None, timeout=PATIENCE_S)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.rollback()
    holder.close()


@contextmanager
def deleted(process: Started, data: Path) -> Iterator[None]:
    """Somebody removes the files, and puts them back."""
    for file in data.glob("chairside.sqlite*"):
        file.rename(file.with_name(f"away-{file.name}"))
    yield
    for file in data.glob("away-chairside.sqlite*"):
        file.rename(file.with_name(file.name.removeprefix("away-")))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (full, "the journal cannot be written"),
        (locked, "database is locked"),
        # Or replaced, where a reader that opens just then makes an empty file of that name.
        (deleted, "while it was in use"),
    ],
    ids=["disk full", "file locked", "files deleted"],
)
def test_a_watch_that_stands_still_is_in_the_log_and_in_health_and_paged_and_goes_on_when_it_can(
    tmp_path: Path, broken: Callable[[Started, Path], Any], reason: str
) -> None:
    with receiver([]) as (address, got):
        config = tmp_path / "site.toml"
        config.write_text(f'[pages]\ndestinations = ["{address}"]\n')
        service = start(tmp_path / "data", "--config", config, command=(sys.executable, "-c", QUICK))
        try:
            with httpx.Client(base_url=service.address, timeout=PATIENCE_S) as client:
                post(client, 200)
                with broken(service, tmp_path / "data"):
                    ill = waited(lambda: unwell(client), "/healthz to say it")
                    assert "nothing was decided for" in ill["stands_still"]
                    waited(lambda: reason in unwell(client).get("stands_still", ""), "the reason")
                    waited(lambda: any(page["title"] == "HIGH ▲ main: Chairside itself" for page in got), "the page")
                    (page,) = [page for page in got if "Chairside itself" in page["title"]]
                    assert "Nobody is being watched: nothing was decided for" in page["message"]
                    assert "Look at the bedside monitors." in page["message"]
                    post(client, 503)
                    assert any(reason in line and "Nobody is being watched" in line for line in service.said)
                waited(lambda: client.get("/healthz").status_code == 200, "it to go on")
                post(client, 200)
            assert service.stop() in (0, -15)
        finally:
            if service.process.poll() is None:
                service.kill()


def post(client: httpx.Client, status: int) -> None:
    answer = client.post(
        "/v1/observations", content=ndjson(falling()), headers={"content-type": "application/x-ndjson"}
    )
    assert answer.status_code == status, answer.text


def unwell(client: httpx.Client) -> dict[str, Any]:
    """What /healthz says while it is not ok."""
    answer = client.get("/healthz")
    said: dict[str, Any] = answer.json()
    return said if answer.status_code == 503 and "nothing was decided" in said["stands_still"] else {}
