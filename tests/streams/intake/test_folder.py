"""A watched folder: every line once, none half-read, through changes, growth and restarts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy.settings import Settings
from models.instants import iso
from models.wire.observations import SetAside
from streams.intake import folder as watched
from streams.intake.admission import Admission
from streams.intake.append import Overloaded
from streams.intake.folder import BATCH_LINES, FolderIntake, FolderPart
from streams.journal.frame import Sample
from tests.support.service import falling, ndjson, sample, serving, until

HL7 = (
    "MSH|^~\\&|MON|UNIT|CS|SITE|20261123140000+0000||ORU^R01^ORU_R01|{n}|P|2.6\r"
    "PID|||P-7^^^H^MR\rOBR|1|||X|||20261123140{n}00+0000\r"
    "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1|{value}|262688^MDC_DIM_PERCENT^MDC|||||F\r"
)


@dataclass
class Journal:
    """Takes records; `takes` more appends, then refuses. After each append `then` happens."""

    records: list[Any] = field(default_factory=list)
    takes: int = 10**9
    then: Any = None

    async def append(self, records: Sequence[Any]) -> None:
        if self.takes <= 0:
            raise Overloaded("the disk is full")
        self.takes -= 1
        self.records += records
        if self.then is not None:
            self.then()

    @property
    def samples(self) -> list[tuple[str | None, int]]:
        return [(record.origin[2], record.at_us) for record in self.records if isinstance(record, Sample)]

    @property
    def aside(self) -> list[SetAside]:
        return [record for record in self.records if isinstance(record, SetAside)]


@dataclass
class Clinic:
    """A folder, and who watches it."""

    at: Path
    journal: Journal = field(default_factory=Journal)
    part: dict[str, Any] = field(default_factory=dict)
    counted: list[int] = field(default_factory=lambda: [0, 0])

    def __post_init__(self) -> None:
        self.path = self.at / "drop"
        self.path.mkdir()
        self.watch = self.begin()

    def begin(self) -> FolderIntake:
        """A watcher, as after a start."""
        part = FolderPart.model_validate({"path": str(self.path), **self.part})
        return FolderIntake(
            part, self.at / "folder.json", self.journal.append, self._count, Admission("main"), ZoneInfo("UTC")
        )

    def _count(self, accepted: int, bad: int) -> None:
        self.counted[0] += accepted
        self.counted[1] += bad

    async def looks(self, times: int = 3) -> None:
        for _ in range(times):
            await self.watch.look()


def lines(count: int, start: int = 0, patient: str = "P-1") -> bytes:
    return ndjson(
        [sample(second, patient=patient, spo2=97, pulse=70 + second % 3) for second in range(start, start + count)]
    )


async def test_every_kind_of_file_is_read_and_counted(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (clinic.path / "a.ndjson").write_bytes(lines(5) + b'{"kind": "vitals"}\n')
    (clinic.path / "willow.csv").write_text("at,spo2\n2026-11-23T14:00:00Z,97\nyesterday,96\n2026-11-23T14:00:01Z,95\n")
    batch = "FHS|^~\\&|\rBHS|^~\\&|\r" + "".join(HL7.format(n=n, value=97 - n) for n in range(3)) + "BTS|3\rFTS|1\r"
    (clinic.path / "monitor.hl7").write_text(batch)
    await clinic.looks()
    people = [patient for patient, _ in clinic.journal.samples]
    assert {patient: people.count(patient) for patient in people} == {"P-1": 5, "willow": 2, "P-7": 3}
    assert sorted(one.field for one in clinic.journal.aside) == ["at", "at"]
    assert clinic.counted == [10, 2]
    assert all(each.done for each in clinic.watch.files.values())
    await clinic.looks()
    assert len(clinic.journal.samples) == 10, "once"


async def test_a_file_is_not_read_while_it_is_being_written(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    path = clinic.path / "a.ndjson"
    path.write_bytes(lines(5)[:-10])
    await clinic.looks(1)
    path.write_bytes(lines(6))
    await clinic.looks(1)
    assert clinic.journal.samples == []
    await clinic.looks(1)
    assert len(clinic.journal.samples) == 6
    for name in (".hidden.ndjson", "b.ndjson.part", "c.csv.tmp"):
        (clinic.path / name).write_bytes(lines(3))
    await clinic.looks()
    assert len(clinic.journal.samples) == 6


async def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    path = clinic.path / "a.ndjson"
    path.write_bytes(lines(3 * BATCH_LINES))

    def changes() -> None:
        clinic.journal.then = None
        path.write_bytes(lines(2 * BATCH_LINES, start=100_000))

    clinic.journal.then = changes
    await clinic.looks(2)
    assert len(clinic.journal.samples) == BATCH_LINES
    await clinic.looks(3)
    assert len(clinic.journal.samples) == 3 * BATCH_LINES
    assert len({at for _, at in clinic.journal.samples[BATCH_LINES:]}) == 2 * BATCH_LINES, "all of what it is now"


async def test_a_file_that_has_grown_goes_on_where_it_was(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    path = clinic.path / "a.ndjson"
    whole = lines(20)
    path.write_bytes(lines(10).rstrip(b"\n"))
    await clinic.looks()
    path.write_bytes(whole)
    await clinic.looks()
    times = [at for _, at in clinic.journal.samples]
    assert len(set(times)) == 20
    assert len(times) == 21, "the line that had no end is read again, and is a repeat"


async def test_after_a_failure_and_a_restart_it_goes_on_without_a_gap(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (clinic.path / "a.ndjson").write_bytes(lines(5 * BATCH_LINES))
    clinic.journal.takes = 2
    with pytest.raises(Overloaded):
        await clinic.looks(2)
    assert len(clinic.journal.samples) == 2 * BATCH_LINES
    clinic.journal.takes = 10**9
    clinic.watch = clinic.begin()
    await clinic.looks()
    assert len(clinic.journal.samples) == len(set(clinic.journal.samples)) == 5 * BATCH_LINES


async def test_what_was_appended_and_not_noted_is_sent_again_and_is_a_repeat(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (clinic.path / "a.ndjson").write_bytes(lines(2 * BATCH_LINES))

    def dies() -> None:
        raise KeyboardInterrupt

    clinic.journal.then = dies
    with pytest.raises(KeyboardInterrupt):
        await clinic.looks(2)
    clinic.journal.then = None
    clinic.watch = clinic.begin()
    await clinic.looks()
    assert len(clinic.journal.samples) == 3 * BATCH_LINES
    assert len(set(clinic.journal.samples)) == 2 * BATCH_LINES


async def test_an_export_is_read_by_the_sites_format(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, part={"format": "o2ring", "zone": "Europe/Berlin"})
    (clinic.path / "willow.csv").write_text(
        "Time,Oxygen Level,Pulse Rate,Motion\n15:00:00 23/11/2026,97,70,0\n15:00:04 23/11/2026,--,71,0\n"
    )
    await clinic.looks()
    assert [(patient, iso(at)) for patient, at in clinic.journal.samples] == [
        ("willow", "2026-11-23T14:00:00.000Z"), ("willow", "2026-11-23T14:00:04.000Z"),
    ]  # fmt: skip


async def test_what_cannot_be_read_is_set_aside_once_by_name(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    (clinic.path / "note.xlsx").write_bytes(b"PK\x03\x04" + b"x" * 100)
    (clinic.path / "other.csv").write_text("a,b\n1,2\n")
    await clinic.looks(5)
    assert {(one.field, "Excel" in one.reason) for one in clinic.journal.aside} == {
        ("note.xlsx", True),
        ("other.csv", False),
    }
    assert len(clinic.journal.aside) == 2
    assert str(tmp_path) not in json.dumps([one.reason for one in clinic.journal.aside])


async def test_a_sender_may_not_say_more_in_a_file_than_anywhere_else(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    said = {"kind": "alert.closed", "at": "2026-11-23T14:00:00Z", "alert": "a", "by": "x"}
    (clinic.path / "a.ndjson").write_bytes(ndjson([said]))
    await clinic.looks()
    assert [one.field for one in clinic.journal.aside] == ["kind"]


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"path": "/nowhere/at/all"}, "no such folder"),
        ({"format": "x"}, "no format x"),
        ({"zone": "Mars"}, "unknown time zone"),
    ],
)
def test_a_folder_that_makes_no_sense_is_refused_by_its_field(part: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Settings.model_validate({"folder": part})


async def test_a_service_alerts_on_what_is_put_into_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "FOLDER_LOOKS_EVERY_S", 0.05)
    drop = tmp_path / "drop"
    drop.mkdir()
    async with serving(tmp_path / "data", Settings.model_validate({"folder": {"path": str(drop)}})) as inside:
        (drop / "night.ndjson").write_bytes(ndjson(falling()))
        await until(lambda: any(each.done for each in inside.service.folder.files.values()), "the file to be read")
        await inside.settled()
        assert {each["rule"] for each in (await inside.get("/v1/alerts"))["alerts"]} >= {"desaturation"}
        assert (await inside.get("/healthz"))["tasks"]["folder"] == "running"
