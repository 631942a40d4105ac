"""A backup is of one moment, whoever writes meanwhile; restored at another place it goes on as the original did."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from alerts.store.chain import audited_event
from alerts.store.chain_checked import tampered_in_store
from alerts.store.store import Store
from deploy.upkeep.backup import BackupRefused, back_up, restore
from deploy.upkeep.verify import verify
from models.instants import SECOND, from_iso, iso
from streams.journal.journal import SqliteJournal
from tests.deploy.test_crash import frames
from tests.support.kept import Lived, an_hour_in
from tests.support.service import START_US, at, chairside, invoked, ndjson, said_once, sample, started

NOW_US = from_iso("2026-11-27T02:00:00Z")


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("hour") / "data"
    an_hour_in(data)
    return data


def everything(store: Store) -> list[object]:
    """What a store says to whoever asks it."""
    sessions = sorted({str(entry["session"]) for entry in store.entries(limit=10**6) if entry["session"]})
    return [
        store.digests(0), store.transitions(limit=10**6), store.alerts(limit=10**6), store.entries(limit=10**6),
        store.dead_letters(limit=10**6), store.unsent_pages(), [store.trace("main", each) for each in sessions],
    ]  # fmt: skip


def audited(store: Store) -> list[object]:
    """Where a store's audits end, each being whole."""
    with store.database.reading() as connection:
        assert list(tampered_in_store(connection)) == []
    return list(store.audit_heads())


def test_a_copy_made_while_frames_come_goes_on_to_the_same_effects_as_the_original(tmp_path: Path) -> None:
    original = Lived(tmp_path / "data")
    half = len(frames()) // 2
    for payload in frames()[:half]:
        original.takes(payload)
    made: list[Path] = []
    copying = threading.Thread(target=lambda: made.append(back_up(tmp_path / "data", tmp_path / "backups", NOW_US)))
    copying.start()
    for payload in frames()[half:]:
        original.takes(payload)
    copying.join()
    assert verify(made[0], replay=True).wrong == []
    restore(made[0], tmp_path / "elsewhere", say=lambda _: None)
    assert verify(tmp_path / "elsewhere", replay=True).wrong == []

    copy = Lived(tmp_path / "elsewhere")
    begun = copy.journal.next_offset
    assert half <= begun <= len(frames())
    for entry in original.journal.read(begun, 10_000):
        copy.stamp_us = entry.received_us
        copy.journal.append([entry.payload])
        copy.decides(entry.offset, entry.received_us, entry.payload)
    assert everything(copy.store) == everything(original.store)
    original.dies()
    copy.dies()


@pytest.mark.parametrize("frame", [12, 25])
def test_restored_as_at_an_instant_it_is_what_it_was_then_and_goes_on_the_same(
    hour: Path, tmp_path: Path, frame: int
) -> None:
    """Checkpoints of long ago are kept for this (`DAILY`); here those of the hour are, for the test to have one before."""
    with closing(SqliteJournal(hour / "chairside.sqlite", lambda: 0, "observed")) as journal:
        kept = journal.read(0, 10_000)
    then = Lived(tmp_path / "then")
    for entry in kept[: frame + 1]:
        then.takes(entry.payload)
    backup = back_up(hour, tmp_path / "backups", NOW_US)
    said: list[str] = []
    restore(backup, tmp_path / "restored", kept[frame].received_us + SECOND, said.append)
    assert f"frames {frame + 1} to {len(kept) - 1} and what came of them were taken out" in said[0]
    restored = Lived(tmp_path / "restored")
    assert restored.journal.next_offset == frame + 1
    assert everything(restored.store) == everything(then.store)
    assert audited(restored.store) == audited(then.store) != []
    for entry in kept[frame + 1 :]:
        for each in (then, restored):
            each.takes(entry.payload)
    assert everything(restored.store) == everything(then.store)
    assert audited(restored.store) == audited(then.store)
    then.dies()
    restored.dies()
    assert verify(tmp_path / "restored", replay=True).wrong == []


def test_restored_as_at_an_instant_the_audit_ends_there_with_what_was_noted_beside_frames(tmp_path: Path) -> None:
    lived = Lived(tmp_path / "data")
    half = len(frames()) // 2

    def signs_in(name: str, after_us: int) -> None:
        lived.store.chain_events([audited_event("main", iso(lived.stamp_us + after_us), "sign-in", name, None, {})])

    for payload in frames()[:half]:
        lived.takes(payload)
    signs_in("before", 0)
    heads, until_us = audited(lived.store), lived.stamp_us
    signs_in("after", SECOND)
    for payload in frames()[half:]:
        lived.takes(payload)
    signs_in("last", 0)
    assert audited(lived.store) != heads
    lived.dies()
    restore(back_up(tmp_path / "data", tmp_path / "backups", NOW_US), tmp_path / "restored", until_us, lambda _: None)
    restored = Lived(tmp_path / "restored")
    assert audited(restored.store) == heads
    restored.dies()


def test_an_instant_before_what_is_kept_is_refused_and_says_from_when(hour: Path, tmp_path: Path) -> None:
    backup = back_up(hour, tmp_path / "backups", NOW_US)
    with pytest.raises(BackupRefused, match="its frames are kept from 2026-11-23T13:00:00"):
        restore(backup, tmp_path / "restored", START_US - 3 * 3600 * SECOND, lambda _: None)


def test_a_backup_that_was_changed_is_not_restored_and_a_directory_with_something_in_it_not_written_over(
    hour: Path, tmp_path: Path
) -> None:
    backup = back_up(hour, tmp_path / "backups", NOW_US)
    with pytest.raises(BackupRefused, match="is there already"):
        back_up(hour, tmp_path / "backups", NOW_US)
    with pytest.raises(BackupRefused, match="is not empty: restore to a new directory"):
        restore(backup, hour)
    with pytest.raises(BackupRefused, match="is no backup"):
        restore(hour, tmp_path / "one")
    with (backup / "chairside.sqlite").open("r+b") as file:
        file.seek(5000)
        file.write(b"\x5a\x5a")
    assert "chairside.sqlite is not as it was backed up" in verify(backup).wrong
    with pytest.raises(BackupRefused, match="is not as it was backed up: take another backup"):
        restore(backup, tmp_path / "two")


def test_a_running_service_is_backed_up_restored_and_started_at_another_place(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text("[pages]\ndestinations = []\n")
    lines = ndjson(
        [
            {"kind": "session.started", "at": at(0), "patient": "P-1", "session": "S-1", "chair": "3", "device": "m-3"},
            *(sample(n, device="m-3", spo2=84 + n % 2, pulse=70 + n % 3) for n in range(1, 130)),
        ]
    )
    with started(tmp_path / "data", "--clock", "observed", "--config", config) as service:
        assert service.address
        answer = chairside("verify", tmp_path / "data")
        assert answer.returncode == 0, answer.stderr.decode()
        post(service.address, lines)
        done = invoked("backup", tmp_path / "backups", "--data", tmp_path / "data")
        assert done.status == 0, done.stderr
        backup = Path(done.stdout.strip())
        before = got(service.address, "/v1/alerts")
    listed = json.loads((backup / "backup.json").read_text())
    assert {"chairside.sqlite", "answer-links.key", "journal.head"} <= listed["files"].keys()
    assert (backup.stat().st_mode & 0o777, (backup / "chairside.sqlite").stat().st_mode & 0o777) == (0o700, 0o600)
    assert invoked("restore", backup, "--data", tmp_path / "elsewhere").status == 0
    with started(tmp_path / "elsewhere", "--clock", "observed", "--config", config) as service:
        after = got(service.address, "/v1/alerts")
    assert [one["alert"] for one in after["alerts"]] == [one["alert"] for one in before["alerts"]] != []


def test_what_is_asked_wrongly_is_said_in_a_line(tmp_path: Path) -> None:
    assert "there is no chairside.sqlite" in said_once(invoked("backup", tmp_path / "b", "--data", tmp_path))
    assert "there is no database here" in said_once(invoked("verify", tmp_path))
    assert "is no backup" in said_once(invoked("restore", tmp_path, "--data", tmp_path / "new"))
    with closing(sqlite3.connect(tmp_path / "chairside.sqlite")) as database:
        database.execute("CREATE TABLE something (else_ TEXT)")
    assert invoked("verify", tmp_path).status == 1
    assert iso(NOW_US)


def post(address: str, lines: bytes) -> None:
    import httpx

    answer = httpx.post(f"{address}/v1/observations", content=lines, headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text


def got(address: str, path: str) -> dict[str, list[dict[str, object]]]:
    import httpx

    found: dict[str, list[dict[str, object]]] = httpx.get(f"{address}{path}").json()
    return found
