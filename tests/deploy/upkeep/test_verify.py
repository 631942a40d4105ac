"""What is wrong with a data directory is found by `verify`, and by the start where it would lose or invent something."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from alerts.store.store import Store
from deploy.upkeep.verify import verify
from streams.journal.head import HEAD_FILE
from streams.journal.journal import FramesLost
from streams.shard import DamagedState
from tests.deploy.test_crash import frames
from tests.support.kept import Lived, an_hour_in, copied
from tests.support.service import Done, chairside, invoked, said_once


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole hour; tests take copies."""
    data = tmp_path_factory.mktemp("hour") / "data"
    an_hour_in(data)
    return data


def changed(data: Path, *statements: str) -> None:
    """Somebody, or a failing disk, changes what is stored."""
    with closing(sqlite3.connect(data / "chairside.sqlite", isolation_level=None)) as database:
        for statement in statements:
            assert database.execute(statement).rowcount != 0, statement


def refused(data: Path) -> str:
    """What `serve` says of it, in one line."""
    done = chairside("serve", "--data", data, "--clock", "observed", "--port", "0")
    return said_once(Done(done.returncode, done.stdout.decode(), done.stderr.decode()))


def test_what_nobody_touched_is_good_and_decided_again_gives_the_same(hour: Path) -> None:
    found = verify(hour, replay=True)
    assert found.wrong == []
    assert any("decided again" in line for line in found.held)
    done = invoked("verify", hour)
    assert (done.status, "WRONG" in done.stderr) == (0, False)


FLIP = "UPDATE {table} SET {column} = CAST(substr({column}, 1, 20) || X'5A' || substr({column}, 22) AS {kind}) WHERE {which}"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (FLIP.format(table="journal", column="payload", kind="BLOB", which="offset_ = 3"), "frame 3 is not as it was written"),
        ("UPDATE journal SET received_us = received_us + 1 WHERE offset_ = 5", "frame 5 is not as it was written"),
        ("DELETE FROM journal WHERE offset_ BETWEEN 4 AND 6", "frames 4 to 6 are missing"),
        ("DELETE FROM journal WHERE offset_ < 2", "frames 0 to 1 are missing"),
        ("DELETE FROM journal WHERE offset_ > 12", "the journal ends at frame 12, and had frames up to"),
        ("UPDATE journal_links SET link = X'00' WHERE offset_ = 7", "frame 7 is not as it was written"),
        ("DELETE FROM journal_links WHERE offset_ = 7", "frame 7 has no link"),
        ("UPDATE audit SET doc = replace(doc, 'accepted', 'refused') WHERE n = (SELECT min(n) FROM audit)", "audit: effect"),
        ("DELETE FROM transitions WHERE seq = 2", "transitions: 1 rows are gone"),
        ("UPDATE outbox SET doc = doc || ' '", "outbox: the page"),
        (FLIP.format(table="checkpoints", column="state", kind="BLOB", which="true"), "cannot be read"),
        (FLIP.format(table="vitals_hours", column="packed", kind="BLOB", which="true"), "vitals of session"),
    ],
    ids=["a byte of an old frame", "a stamp", "frames gone", "the first frames gone", "the last frames gone", "a link", "a link gone",
         "an entry of the audit", "a transition gone", "a page", "checkpoints", "an hour of vitals"],
)  # fmt: skip
def test_what_was_changed_is_found_and_said(hour: Path, tmp_path: Path, statement: str, found: str) -> None:
    data = copied(hour, tmp_path / "data")
    changed(data, statement)
    assert any(found in line for line in verify(data).wrong), verify(data).wrong
    done = invoked("verify", data)
    assert done.status == 1
    assert "restore the last good backup at another place" in done.stderr


def test_a_damaged_page_of_the_file_is_found(hour: Path, tmp_path: Path) -> None:
    data = copied(hour, tmp_path / "data")
    path = data / "chairside.sqlite"
    changed(data, "PRAGMA journal_mode=DELETE")
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)
    assert verify(data).wrong


def emptied(data: Path) -> None:
    for file in data.glob("chairside.sqlite*"):
        file.write_bytes(b"")


def deleted(data: Path) -> None:
    for file in data.glob("chairside.sqlite*"):
        file.unlink()


def log_cut(data: Path) -> None:
    """As after a kill; the write-ahead log is gone."""
    earlier = data.with_name("earlier")
    an_hour_in(earlier, 20)
    for file in data.glob("chairside.sqlite*"):
        file.unlink()
    for file in earlier.glob("chairside.sqlite*"):
        shutil.copy(file, data)


def frames_deleted(data: Path) -> None:
    last = len(frames()) - 1
    changed(data, f"DELETE FROM journal WHERE offset_ > {last - 5}")


def another_journal(data: Path) -> None:
    deleted(data)
    other = Lived(data.with_name("other"))
    for payload in reversed(frames()):
        other.takes(payload)
    other.dies()
    for file in data.with_name("other").glob("chairside.sqlite*"):
        shutil.copy(file, data)


def byte_flipped(data: Path) -> None:
    """In the last frame, which no checkpoint stands on yet."""
    last = len(frames()) - 1
    changed(data, FLIP.format(table="journal", column="payload", kind="BLOB", which=f"offset_ = {last}"))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (emptied, "it is empty, and had frames up to"),
        (deleted, "it is gone, and had frames up to"),
        (log_cut, "it ends at frame 19, and had frames up to"),
        (frames_deleted, "it was cut or replaced by an older copy"),
        (another_journal, "it is another journal than the one before"),
    ],
)
def test_a_start_that_would_know_less_than_the_one_before_is_refused_and_says_what_to_do(
    hour: Path, tmp_path: Path, broken: Callable[[Path], None], says: str
) -> None:
    data = copied(hour, tmp_path / "data")
    broken(data)
    line = refused(data)
    assert says in line
    assert "restore the last backup at another place (chairside restore BACKUP --data NEW)" in line
    assert "--accept-loss, which is an alert to the people on call" in line


@pytest.mark.parametrize("broken", [emptied, deleted, log_cut, frames_deleted])
def test_what_is_lost_can_be_accepted_and_the_journal_goes_on_behind_it(
    hour: Path, tmp_path: Path, broken: Callable[[Path], None]
) -> None:
    data = copied(hour, tmp_path / "data")
    broken(data)
    with pytest.raises(FramesLost):
        Lived(data)
    lived = Lived(data, accept_loss=True)
    assert lived.journal.next_offset == lived.owner.shard.next_offset == len(frames())
    (loss,) = lived.journal.losses
    assert (loss.until, loss.lost) == (len(frames()), True)
    lived.takes(frames()[0])
    lived.dies()
    again = Lived(data)
    assert again.journal.next_offset == again.owner.shard.next_offset == len(frames()) + 1
    again.dies()
    assert (data / HEAD_FILE).is_file()


def test_a_damaged_frame_since_the_checkpoint_stops_the_start_and_an_old_one_does_not(
    hour: Path, tmp_path: Path
) -> None:
    data = copied(hour, tmp_path / "data")
    changed(data, "DELETE FROM checkpoints WHERE next_offset > 21")
    byte_flipped(data)
    line = refused(data)
    assert f"frame {len(frames()) - 1} is not as it was written: bytes of it have changed" in line
    old = copied(hour, tmp_path / "old")
    changed(old, FLIP.format(table="journal", column="payload", kind="BLOB", which="offset_ = 3"))
    Lived(old).dies()


def test_one_bad_checkpoint_does_not_stop_a_start_that_an_older_one_or_the_whole_journal_can_make(
    hour: Path, tmp_path: Path
) -> None:
    with closing(Store(f"sqlite:///{hour / 'chairside.sqlite'}")) as store:
        whole = store.digests(0)
    newest = "next_offset = (SELECT max(next_offset) FROM checkpoints)"
    for which, passed_over in ((newest, 1), ("true", 2)):
        data = copied(hour, tmp_path / f"data-{passed_over}")
        changed(data, FLIP.format(table="checkpoints", column="state", kind="BLOB", which=which))
        lived = Lived(data)
        assert len(lived.owner.unreadable) == passed_over
        assert lived.owner.shard.next_offset == len(frames())
        assert lived.store.digests(0) == whole
        assert lived.store.conflicts() == 0
        lived.dies()


def test_without_a_checkpoint_and_without_the_first_frames_nothing_can_be_made(hour: Path, tmp_path: Path) -> None:
    data = copied(hour, tmp_path / "data")
    lived = Lived(data)
    assert lived.journal.prune(lived.journal.last_us, 5) == 5
    lived.dies()
    changed(data, FLIP.format(table="checkpoints", column="state", kind="BLOB", which="true"))
    with pytest.raises(
        DamagedState, match="no checkpoint can be read, and the journal's first frames are no longer kept"
    ):
        Lived(data)


def test_the_chain_goes_on_where_old_frames_are_no_longer_kept(hour: Path, tmp_path: Path) -> None:
    data = copied(hour, tmp_path / "data")
    lived = Lived(data)
    lived.journal.prune(lived.journal.last_us, 12)
    lived.dies()
    assert verify(data).wrong == []
    changed(data, FLIP.format(table="journal", column="payload", kind="BLOB", which="offset_ = 12"))
    assert verify(data).wrong == ["frame 12 is not as it was written: bytes of it have changed"]


def test_frames_of_a_version_that_made_no_links_are_read_and_said(hour: Path, tmp_path: Path) -> None:
    data = copied(hour, tmp_path / "data")
    changed(data, "DROP TABLE journal_links", "DROP TABLE journal_notes", "DROP TABLE journal_damaged")
    (data / HEAD_FILE).unlink()
    lived = Lived(data)
    lived.takes(frames()[0])
    lived.dies()
    found = verify(data)
    assert found.wrong == []
    assert f"frames 0 to {len(frames()) - 1} are unlinked" in found.said[0]
    # The version before goes on with the same file, and this one after it.
    with closing(sqlite3.connect(data / "chairside.sqlite")) as database, database:
        database.execute(
            "INSERT INTO journal VALUES (?, (SELECT max(received_us) FROM journal), ?)",
            (len(frames()) + 1, frames()[1]),
        )
    again = Lived(data)
    again.takes(frames()[2])
    again.dies()
    assert verify(data).wrong == []
