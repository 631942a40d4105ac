"""What is kept for how long, what a start reads, and a disk that fills up: told before it is full."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from deploy.disk_watch import DiskWatch, level_of
from deploy.settings import PagesPart, Settings
from deploy.upkeep.retention import delete_old_frames
from deploy.upkeep.verify import verify
from models.instants import DAY
from streams.hosts import embedded
from streams.shard import SHARD_FORMAT
from tests.deploy.test_crash import frames
from tests.support.kept import Lived, an_hour_in, copied
from tests.support.service import ROOT, invoked, sample, serving, until

QUIET = Settings(pages=PagesPart(destinations=()))


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("hour") / "data"
    an_hour_in(data)
    return data


def test_old_frames_go_and_what_they_led_to_stays(hour: Path, tmp_path: Path) -> None:
    lived = Lived(copied(hour, tmp_path / "data"))
    sessions = {entry["session"] for entry in lived.store.entries(limit=10**6) if entry["session"]}
    before = (lived.store.digests(0), [lived.store.trace("main", each or "") for each in sorted(map(str, sessions))])
    needed = lived.store.second_checkpoint(0, SHARD_FORMAT)
    gone = delete_old_frames(lived.journal, lived.store, 0, lived.journal.last_us + 91 * DAY, 90, pause_s=0)
    assert 0 < gone <= needed == lived.journal.first_offset
    assert before == (
        lived.store.digests(0),
        [lived.store.trace("main", each or "") for each in sorted(map(str, sessions))],
    )
    lived.dies()
    again = Lived(tmp_path / "data")
    assert again.owner.shard.next_offset == len(frames())
    again.takes(frames()[0])
    again.dies()
    assert verify(tmp_path / "data", replay=True).wrong == []


def test_frames_that_are_younger_or_that_a_start_may_need_are_not_deleted(hour: Path, tmp_path: Path) -> None:
    lived = Lived(copied(hour, tmp_path / "data"))
    assert delete_old_frames(lived.journal, lived.store, 0, lived.journal.last_us + 80 * DAY, 90, pause_s=0) == 0
    lived.dies()
    new = Lived(tmp_path / "new")
    for payload in frames()[:5]:
        new.journal.append([payload])
    assert delete_old_frames(new.journal, new.store, 0, new.journal.last_us + 365 * DAY, 1, pause_s=0) == 0
    new.dies()


def test_a_start_that_caught_up_leaves_a_checkpoint_so_that_the_next_reads_nothing_again(tmp_path: Path) -> None:
    lived = Lived(tmp_path / "data")
    for payload in frames()[:9]:
        lived.journal.append([payload])
    lived.dies()
    caught_up = Lived(tmp_path / "data")
    assert caught_up.owner.checkpointed_offset == caught_up.owner.shard.next_offset == 9
    caught_up.dies()
    again = Lived(tmp_path / "data")
    assert again.owner.recover() == 0
    again.dies()


def test_starts_that_are_killed_while_they_catch_up_get_further_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived = Lived(tmp_path / "data")
    lived.journal.append(frames()[:12])
    lived.dies()
    monkeypatch.setattr(embedded, "CHECKPOINT_S", 0.0)
    monkeypatch.setattr(embedded, "READ_AT_ONCE", 4)

    keep, reached = embedded.Owner._keep, list[int]()

    def dies_after(owner: embedded.Owner) -> None:
        keep(owner)
        reached.append(owner.checkpointed_offset)
        raise KeyboardInterrupt

    monkeypatch.setattr(embedded.Owner, "_keep", dies_after)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            Lived(tmp_path / "data")
    assert reached == [4, 8]


@pytest.mark.parametrize(
    ("free_mb", "of_mb", "before", "level"),
    [
        (5000, 32_000, "room", "room"), (999, 32_000, "room", "low"), (1100, 32_000, "low", "low"), (1300, 32_000, "low", "room"),
        (199, 32_000, "low", "urgent"), (230, 32_000, "urgent", "urgent"), (300, 32_000, "urgent", "low"),
        (500, 4_000, "room", "room"), (390, 4_000, "room", "low"), (0, 4_000, "room", "urgent"),
    ],
)  # fmt: skip
def test_how_full_a_disk_is(free_mb: float, of_mb: float, before: str, level: str) -> None:
    assert level_of(free_mb, of_mb, before) == level  # type: ignore[arg-type]  # a table's texts are levels


def test_a_disk_is_told_of_once_and_again_when_it_is_all_but_full_and_when_there_is_room() -> None:
    free = [5e9, 0.9e9, 0.9e9, 0.1e9, 6e9, 6e9]
    watch = DiskWatch(lambda: (32 * 10**9, int(free.pop(0))), "main", standing=False)
    news = [watch.look() for _ in range(6)]
    assert [each and (each.free_mb, each.urgent) for each in news] == [
        None, (900, False), None, (100, True), (None, False), None,
    ]  # fmt: skip


async def test_a_disk_that_fills_up_is_an_alert_and_a_page_before_it_is_full(tmp_path: Path) -> None:
    free = [int(5e9)]
    async with serving(tmp_path / "data", QUIET) as clinic:
        clinic.service._watched_disk = DiskWatch(lambda: (32 * 10**9, free[0]), "main", standing=False)

        async def open_alert() -> dict[str, str] | None:
            found = [
                one
                for one in (await clinic.get("/v1/alerts"))["alerts"]
                if one["rule"] == "disk-full" and one["phase"] != "closed"
            ]
            return found[0] if found else None

        await clinic.post(sample(0, patient="P-1", spo2=97))
        free[0] = int(0.9e9)
        await until(lambda: clinic.service.views.is_open("disk-full"), "the alert")
        await clinic.settled()
        alert = await open_alert()
        assert alert is not None
        assert alert["priority"] == "medium"
        assert "900 MB of 32000 are free. Make room on the disk of the data directory" in alert["text"]
        assert len(clinic.service.store.unsent_pages()) == 1
        free[0] = int(0.1e9)
        await until(
            lambda: any(one.priority.word == "high" for one in clinic.service.owner.shard.desk.open.values()),
            "it to be high",
        )
        free[0] = int(9e9)
        await until(lambda: not clinic.service.views.is_open("disk-full"), "it to be over")
        await clinic.post(sample(1, patient="P-1", spo2=97))


def test_the_commands_of_the_page_on_data_do_what_it_says(
    hour: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of its shell blocks, in order, with places of its own; `serve` is started elsewhere (test_backup.py)."""
    page = (ROOT / "docs" / "data.md").read_text("utf-8")
    data = copied(hour, tmp_path / "data")
    backup = ""
    ran = []
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in block.strip().splitlines():
            words = shlex.split(line)
            assert words.pop(0) == "chairside"
            places = {"/mnt/backups": tmp_path / "backups", "/var/lib/chairside": data, "/var/lib/chairside-new": tmp_path / "new",
                      "/tmp/monday": tmp_path / "monday"}  # fmt: skip
            given = [str(places.get(word, word)) for word in words]
            given = [backup if word.startswith("/mnt/backups/chairside-") else word for word in given]
            ran.append(words[0])
            if words[0] == "serve":
                continue
            done = invoked(*given)
            assert done.status == 0, (line, done.stderr)
            backup = done.stdout.strip() if words[0] == "backup" else backup
    assert ran == ["backup", "verify", "restore", "verify", "serve", "restore"]
