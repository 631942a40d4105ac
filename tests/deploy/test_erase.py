"""A person is erased: no name and no word of theirs stays in any file, and replay, journal and audit hold as before."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.privacy.erase import still_in
from deploy.privacy.names import Names, make_key
from deploy.upkeep.backup import back_up, restore
from deploy.upkeep.verify import verify
from models.arrays import Document
from models.instants import from_iso
from streams.intake.json import read_lines
from streams.journal.frame import FrameBuilder
from streams.shard import SHARD_FORMAT
from tests.support.kept import Lived
from tests.support.service import at, sample

NAME: Final = "Waltraud Übelhör"
WORDS: Final = (
    "Waltraud says that her sister Ännchen drove her", "fetched by Mrs \"Übelhör\" of Linden Street", "oxygen stopped at Waltraud's wish",
    "she told Dr Quast of her divorce", "allergic to, says Waltraud Übelhör, latex",
)  # fmt: skip
OTHERS: Final = "the plumber came for the sink"


def entries() -> list[list[Document]]:
    """Two patients' sessions, a frame each list: one's is full of words, the other's is none of her business."""
    who = {"patient": "willow", "session": "s1"}
    other = {"patient": "oak", "session": "s2"}
    return [
        [{"kind": "patient.registered", "at": at(0), "patient": "willow", "weight_kg": 70, "conditions": [f"cousin of {NAME}"]}],
        [{"kind": "session.started", "at": at(1), **who, "chair": "3"}, {"kind": "session.started", "at": at(1), **other, "chair": "4"}],
        [{"kind": "dose", "at": at(2), **who, "drug": "ketamine", "amount_mg": 35, "route": "iv", "minutes": 40}],
        *([sample(n, **who, spo2=84, pulse=70), sample(n, **other, spo2=97, pulse=70)] for n in range(3, 120)),
        [{"kind": "intervention", "at": at(121), **who, "what": "talked", "detail": WORDS[0]}],
        [{"kind": "intervention", "at": at(122), **who, "what": "oxygen", "detail": WORDS[2]}],
        [{"kind": "intervention", "at": at(123), **other, "what": "talked", "detail": OTHERS}],
        [{"kind": "patient.registered", "at": at(124), "patient": "willow", "weight_kg": "heavy", "conditions": [WORDS[4]]}],
        [{"kind": "checkin", "at": at(125), "patient": "willow", "instrument": "phq-9", "items": {"q1": 2, "remark": NAME}}],
        [{"kind": "session.ended", "at": at(130), "session": "s1", "reason": WORDS[1]}],
    ]  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with all of it, and the command of a nurse who wrote a note."""
    data = tmp_path_factory.mktemp("erase") / "data"
    clinic = Lived(data)
    for lines in entries():
        builder = FrameBuilder()
        builder.extend(read_lines([json.dumps(line).encode() for line in lines]).records)
        clinic.takes(builder.seal())
    alert = next(each["alert"] for each in clinic.store.alerts("main") if each["patient"] == "willow")
    builder = FrameBuilder()
    command = {"kind": "alert.acknowledged", "at": at(131), "alert": alert, "by": "nurse.a", "note": WORDS[3]}
    builder.extend(read_lines([json.dumps(command).encode()]).records)
    clinic.takes(builder.seal())
    clinic.store.save_checkpoint(0, clinic.owner.shard.next_offset, clinic.owner.shard.snapshot(), SHARD_FORMAT)
    clinic.dies()
    return data


@pytest.fixture
def data(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lived, tmp_path / "data"))


def erased(data: Path, *more: str, given: str = "") -> str:
    done = CliRunner().invoke(
        app, ["erase", "willow", "--reason", "request 12", "--data", str(data), *more], input=given
    )
    assert done.exit_code == 0, done.output
    return done.output


def audit_of(data: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audit", "verify", "--data", str(data)])
    return done.exit_code, done.output


def ends(data: Path) -> list[str]:
    return CliRunner().invoke(app, ["audit", "head", "--data", str(data)]).output.split()


def test_no_word_and_no_name_stays_in_any_file_and_replay_journal_and_audit_hold(data: Path, tmp_path: Path) -> None:
    key = tmp_path / "names.key"
    make_key(key)
    Names(data, key).write("willow", NAME)
    assert set(still_in(data, [NAME, *WORDS])) >= {"chairside.sqlite"}, "or there is nothing to erase"
    published = ends(data)

    erased(data, "--key", str(key), "--also", given="Waltraud\nÜbelhör\n")

    assert still_in(data, [NAME, *WORDS, "Waltraud", "Übelhör"]) == []
    assert still_in(data, [OTHERS]) == ["chairside.sqlite"], "another patient's words are theirs"
    assert Names(data, key).name("willow") is None
    found = verify(data, replay=True)
    assert found.wrong == []
    assert any("decided again" in line for line in found.held)
    status, said = audit_of(data)
    assert status == 0, said
    # What was published before is in the chain still.
    done = CliRunner().invoke(app, ["audit", "verify", "--data", str(data), "--head", *published])
    assert done.exit_code == 0, done.output


def test_what_the_rules_decided_stays_under_the_alias(data: Path) -> None:
    def decided() -> list[tuple[str, str, str, str]]:
        with closing(sqlite3.connect(data / "chairside.sqlite")) as database:
            rows = database.execute("SELECT doc FROM transitions ORDER BY seq").fetchall()
        return [(s["patient"], s["rule"], s["transition"], s["at"]) for s in (json.loads(doc) for (doc,) in rows)]

    before = decided()
    erased(data)
    assert decided() == before
    assert any(patient == "willow" for patient, *_ in before)


def test_a_service_goes_on_behind_an_erasure(data: Path) -> None:
    erased(data)
    clinic = Lived(data)
    builder = FrameBuilder()
    builder.extend(read_lines([json.dumps(sample(200, patient="oak", session="s2", spo2=96)).encode()]).records)
    clinic.takes(builder.seal())
    clinic.dies()
    assert verify(data, replay=True).wrong == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET doc = replace(doc, '[erased ', '[Erased ') WHERE doc LIKE '%[erased %'",
        "UPDATE journal SET payload = CAST(replace(payload, '[erased ', '[Erased ') AS BLOB) WHERE offset_ IN (SELECT offset_ FROM journal_erased)",
        "UPDATE audit_chain SET doc = replace(doc, 'request 12', 'request 13') WHERE kind = 'record.erased'",
    ],
    ids=["an erased entry", "an erased frame", "the entry that says so"],
)  # fmt: skip
def test_what_is_changed_after_an_erasure_is_found(data: Path, statement: str) -> None:
    erased(data)
    with closing(sqlite3.connect(data / "chairside.sqlite", isolation_level=None)) as database:
        assert database.execute(statement).rowcount > 0
    assert verify(data).wrong != [] or audit_of(data)[0] == 1


def test_an_export_of_the_audit_and_a_backup_as_of_an_earlier_time_hold_too(data: Path, tmp_path: Path) -> None:
    erased(data)
    run = CliRunner()
    assert (
        run.invoke(app, ["audit", "export", "--data", str(data), "--out", str(tmp_path / "audit.ndjson")]).exit_code
        == 0
    )
    assert run.invoke(app, ["audit", "verify", str(tmp_path / "audit.ndjson")]).exit_code == 0
    with closing(sqlite3.connect(data / "chairside.sqlite")) as database:
        ((last,),) = database.execute("SELECT max(received_us) FROM journal")
    backup = back_up(data, tmp_path / "backups", from_iso("2026-11-27T00:00:00Z"))
    restore(backup, tmp_path / "then", last - 1, say=lambda _: None)
    status, said = audit_of(tmp_path / "then")
    assert status == 0, said
    assert verify(tmp_path / "then").wrong == []


def test_an_earlier_backup_gives_no_name_after_an_erasure(data: Path, tmp_path: Path) -> None:
    key = tmp_path / "names.key"
    make_key(key)
    Names(data, key).write("willow", NAME)
    Names(data, key).write("oak", "Otto Eiche")
    backup = back_up(data, tmp_path / "backups", from_iso("2026-11-27T00:00:00Z"))
    restored = tmp_path / "restored"
    restore(backup, restored, say=lambda _: None)
    assert Names(restored, key).name("willow") == NAME

    erased(data, "--key", str(key))
    assert Names(data, key).name("oak") == "Otto Eiche"
    with pytest.raises(RuntimeError, match="sealed with a key that is gone"):
        Names(restored, key).name("willow")


def test_nothing_is_erased_of_a_stranger_or_beside_a_running_service(data: Path) -> None:
    run = CliRunner()
    done = run.invoke(app, ["erase", "nobody", "--reason", "r", "--data", str(data)])
    assert done.exit_code == 1
    assert "nothing is known of nobody" in done.output
