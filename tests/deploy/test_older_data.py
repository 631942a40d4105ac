"""What a version before this one left in its data directory is gone on with, or refused in one line with nothing changed.

`older/ward-N.sql.gz` is a whole directory as the version wrote it whose ward had format N: a checkpoint, frames after it, stored
forecasts, and an end in the middle of things (killed). `ward-N.json` is what it then answered on /v1/alerts.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest

from streams.shard import SHARD_FORMAT
from streams.ward.ward import OLDER_FORMATS, WARD_FORMAT
from tests.support.service import PATIENCE_S, chairside, invoked, ndjson, said_once, started

OLDER = Path(__file__).parent / "older"
KEPT = sorted(OLDER.glob("ward-*.sql.gz"), key=lambda path: path.name)
ADVICE = "Start the version that wrote it, and upgrade from there one version at a time"


def laid_out(kept: Path, folder: Path) -> Path:
    """A data directory with what is kept in it."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "chairside.sqlite")) as database:
        database.executescript(gzip.decompress(kept.read_bytes()).decode())
    return folder


def content(data: Path) -> list[str]:
    """All that a data directory's database says."""
    with closing(sqlite3.connect(data / "chairside.sqlite")) as database:
        return list(database.iterdump())


def test_every_format_that_is_read_has_its_data_kept() -> None:
    assert {path.name for path in KEPT} >= {f"ward-{number}.sql.gz" for number in OLDER_FORMATS}


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name.partition(".")[0])
def test_what_an_older_version_wrote_is_gone_on_with(kept: Path, tmp_path: Path) -> None:
    then = json.loads(kept.with_name(kept.name.replace(".sql.gz", ".json")).read_text())
    data = laid_out(kept, tmp_path / "data")
    before = content(data)
    with closing(sqlite3.connect(data / "chairside.sqlite")) as database:
        (after_state,) = database.execute("SELECT max(next_offset) FROM checkpoints").fetchone()
    back = [
        {"kind": "vitals", "at": f"2026-03-02T09:{minute:02}:{second:02}Z", "device": "m-3", "spo2": 97, "hr": 72, "rr": 14}
        for minute in (3, 4) for second in range(0, 60, 2)
    ]  # fmt: skip
    with started(data, "--clock", "observed") as process:
        now = httpx.get(f"{process.address}/v1/alerts", timeout=PATIENCE_S).json()["alerts"]
        posted = httpx.post(f"{process.address}/v1/observations", content=ndjson(back), timeout=PATIENCE_S).json()
    assert [{key: alert[key] for key in then[0]} for alert in now] == then
    assert posted == {"accepted": len(back), "set_aside": []}
    assert not any("Traceback" in line for line in process.said)
    transitions = [line for line in before if line.startswith('INSERT INTO "transitions"')]
    after = [line for line in content(data) if line.startswith('INSERT INTO "transitions"')]
    assert len(transitions) < len(after), "the desaturation of the old version is over"
    with closing(sqlite3.connect(data / "chairside.sqlite")) as database:
        differ = {offset for (offset,) in database.execute("SELECT offset_ FROM conflicts")}
    assert min(differ, default=after_state) >= after_state, (
        "what came after its last state is decided anew, by today's rules"
    )


def _ward_99(database: sqlite3.Connection) -> str:
    ((state,),) = database.execute("SELECT state FROM checkpoints").fetchall()
    packed: dict[str, Any] = msgpack.unpackb(zlib.decompress(state), strict_map_key=False)
    packed["ward"]["state"] = 99
    database.execute("UPDATE checkpoints SET state = ?", (zlib.compress(msgpack.packb(packed)),))
    reads = " and ".join(map(str, sorted({WARD_FORMAT, *OLDER_FORMATS})))
    return f"checkpoint format 99; this version reads {reads}"


def _shard_99(database: sqlite3.Connection) -> str:
    database.execute("UPDATE checkpoints SET format = 99")
    return f"checkpoint format 99; this version reads {SHARD_FORMAT}"


def _shard_0(database: sqlite3.Connection) -> str:
    database.execute("UPDATE checkpoints SET format = 0")
    return f"checkpoint format 0; this version reads {SHARD_FORMAT}"


@pytest.mark.parametrize("alter", [_ward_99, _shard_99, _shard_0])
def test_a_state_that_is_not_read_is_refused_in_one_line_and_nothing_is_changed(
    alter: Callable[[sqlite3.Connection], str], tmp_path: Path
) -> None:
    """Not even the tables: the version that wrote it must still be able to start."""
    data = laid_out(OLDER / "ward-1.sql.gz", tmp_path / "data")
    with closing(sqlite3.connect(data / "chairside.sqlite")) as database:
        what = alter(database)
        database.commit()
    before = content(data)
    done = chairside("serve", "--port", 0, "--clock", "observed", "--data", data)
    assert (done.returncode, done.stderr.decode().splitlines()) == (1, [f"chairside: {what}. {ADVICE}"])
    assert content(data) == before


def test_a_database_is_no_recording_and_replay_says_what_reads_it(tmp_path: Path) -> None:
    data = laid_out(OLDER / "ward-1.sql.gz", tmp_path / "data")
    before = content(data)
    path = data / "chairside.sqlite"
    assert said_once(invoked("replay", path)) == (
        f"chairside: {path} is a database, no recording: `chairside serve --data` goes on with a service's"
    )
    assert content(data) == before
