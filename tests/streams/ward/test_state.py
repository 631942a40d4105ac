"""The state: small, refused where it is not understood, and readable for ever once written.

`states/shard-N-ward-M.bin` is a state as a version wrote it whose formats are N and M, the text beside it what the next minutes
make of it. They are never written again: `python -m tests.streams.ward.test_state` writes those that are missing for today's.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from alerts.desk.desk import Desk
from models.instants import SECOND
from models.wire.observations import SessionStarted, Vitals
from streams.shard import SHARD_FORMAT, Shard
from streams.ward.ward import WARD_FORMAT, UnknownState
from tests.support.scenes import START_US, Scene, breathing, moment, pack

STATES = Path(__file__).resolve().parent / "states"
TODAYS = STATES / f"shard-{SHARD_FORMAT}-ward-{WARD_FORMAT}.bin"


def unpacked(state: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgpack.unpackb(zlib.decompress(state), strict_map_key=False)
    return found


def repacked(state: dict[str, Any]) -> bytes:
    return zlib.compress(msgpack.packb(state))


def a_busy_minute() -> Scene:
    """Three chairs: one with low oxygen, acknowledged; one with a slow heart and half a hold; one that fell silent."""
    clinic = Scene()
    clinic.configures({"bradypnoea": {"medium": {"rr": {"enter": 9, "leave": 11}}}}, link="https://watch.example")
    clinic.chair("4").registers({"desaturation": {"medium": {"spo2": {"enter": 88, "leave": 90}}}})
    for name in ("3", "4", "5"):
        clinic.chair(name).starts()
        clinic.chair(name).cuff(120 + int(name), 75)
    clinic.chair("3").infuses(mg=35, minutes=40)
    clinic.chair("5").shows(1, spo2=96)
    clinic.together(
        25, {"3": {"spo2": 88, "hr": breathing(80, 25)}, "4": {"spo2": 89, "hr": breathing(43, 25), "rr": breathing(8, 25)}}
    )  # fmt: skip
    clinic.acknowledges("desaturation")
    clinic.chair("3").scores("cadss-6", 5)
    clinic.chair("4").cuff(185, 90)
    clinic.together(4, {"3": {"spo2": 88}, "4": {"spo2": 89, "hr": breathing(43, 4), "rr": breathing(8, 4)}})
    clinic.together(2, {"4": {"spo2": 60, "hr": breathing(43, 2), "rr": breathing(8, 2)}})
    return clinic


def goes_on(shard: Shard) -> list[str]:
    """What the next minutes of that make, told as a story."""
    clinic = Scene()
    clinic.shard, clinic.now_s = shard, 40.0
    clinic.together(
        20,
        {
            "3": {"spo2": 83, "hr": breathing(80, 20)},
            "4": {"spo2": 89, "hr": breathing(43, 20), "rr": breathing(8, 20)},
        },
    )
    clinic.now_s = 300
    clinic.chair("4").cuff(186, 90)
    clinic.chair("3").ends()
    clinic.passes(60)
    return clinic.told()


# ---- size


def test_a_checkpoint_of_a_full_house_is_under_five_hundred_bytes_a_session() -> None:
    """500 sessions at 1 Hz with four live channels, cuffs and doses; numbers as noisy as a monitor's."""
    sessions, length = 500, 130
    chance = np.random.default_rng(7)
    shard = Shard()
    starts = [
        SessionStarted(at=moment(0), session=f"S-{n}", patient=f"P-{n}", chair=str(n), device=f"m-{n}", drug="ketamine", route="iv")
        for n in range(sessions)
    ]  # fmt: skip
    shard.step(0, START_US, pack(starts))
    levels = np.stack(
        [chance.normal(mean, spread, sessions) for mean, spread in ((96, 1), (75, 10), (76, 10), (15, 2))]
    )
    for second in range(length):
        levels += chance.normal(0, [[0.2], [0.8], [0.8], [0.3]], levels.shape)
        spo2, hr, pulse, rr = np.round(np.clip(levels, [[70], [30], [30], [4]], [[100], [200], [200], [40]])).tolist()
        late = chance.uniform(0, 0.9, sessions).tolist()
        cuff = np.round(chance.normal(125, 12, sessions)).tolist()
        samples = [
            Vitals(at=moment(second + late[n]), device=f"m-{n}", spo2=spo2[n], hr=hr[n], pulse=pulse[n], rr=rr[n],
                   sbp=cuff[n] if (n + second) % 120 == 0 else None, dbp=cuff[n] - 50 if (n + second) % 120 == 0 else None)
            for n in range(sessions)
        ]  # fmt: skip
        shard.step(second + 1, START_US + (second + 1) * SECOND, pack(samples))
    assert len(shard.ward.association.sessions) == sessions
    assert len(shard.snapshot()) / sessions <= 500


# ---- versions


@pytest.mark.parametrize("part", ["", "ward", "desk"])
@pytest.mark.parametrize("version", [0, 99, None, "2"])
def test_a_state_of_a_version_that_is_not_known_is_refused_and_says_so(part: str, version: object) -> None:
    state = unpacked(a_busy_minute().shard.snapshot())
    (state if part == "" else state[part])["state"] = version
    with pytest.raises(ValueError, match=f"{version!r}; this version reads {'1 and 2' if part == 'ward' else '1'}"):
        Shard.restore(repacked(state))


@pytest.mark.parametrize(
    "damaged", [b"", b"no state", zlib.compress(b"\xc1"), zlib.compress(msgpack.packb([1, 2])), zlib.compress(b"")]
)
def test_bytes_that_are_no_state_are_refused_and_say_so(damaged: bytes) -> None:
    with pytest.raises(UnknownState):
        Shard.restore(damaged)


def test_a_restored_shard_goes_on_as_if_nothing_had_happened() -> None:
    clinic = a_busy_minute()
    state = clinic.shard.snapshot()
    assert goes_on(Shard.restore(state)) == goes_on(clinic.shard)


def test_a_state_is_the_same_bytes_whatever_tables_were_in_force_before() -> None:
    clinic = a_busy_minute()
    for enter in (7, 8, 9):
        clinic.now_s += 1
        clinic.configures({"bradypnoea": {"medium": {"rr": {"enter": enter}}}})
    state = clinic.shard.snapshot()
    assert Shard.restore(state).snapshot() == state


def without(*gone: str) -> Callable[[dict[str, Any]], None]:
    """Drops columns by name, as a version would have written that had not heard of them."""

    def forget(state: dict[str, Any]) -> None:
        for columns in state["ward"]["rows"]["columns"].values():
            for name in gone:
                columns.pop(name, None)

    return forget


def _rows(state: dict[str, Any]) -> Iterable[str]:
    return (label for columns in state["ward"]["rows"]["columns"].values() for label in columns)


def test_a_state_with_fewer_channels_and_limits_is_read_by_name() -> None:
    clinic = a_busy_minute()
    state = unpacked(clinic.shard.snapshot())
    assert {"etco2", "bradycardia.medium.rate", "rr"} & set(_rows(state)), "there is something to forget"
    without("rr", "bradypnoea.medium.rr")(state)
    told = goes_on(Shard.restore(repacked(state)))
    # Breathing is a new channel to it: its hold begins with the first sample after the restart.
    assert [line for line in told if "bradypnoea" not in line] == [
        line for line in goes_on(clinic.shard) if "bradypnoea" not in line
    ]


def test_a_state_with_more_columns_than_this_version_knows_is_read_without_them() -> None:
    clinic = a_busy_minute()
    state = unpacked(clinic.shard.snapshot())
    columns = state["ward"]["rows"]["columns"]
    columns["value"]["from-the-future"] = columns["value"]["spo2"]
    columns["from the future"] = {"": columns["value"]["spo2"]}
    state["ward"]["known"]["sessions"][0][1]["from_the_future"] = 1
    state["desk"]["open"][0]["from_the_future"] = 1
    assert goes_on(Shard.restore(repacked(state))) == goes_on(clinic.shard)


@pytest.mark.parametrize("part", ["rows", "known", "home"])
def test_a_state_that_lacks_what_its_format_has_is_refused_and_says_so(part: str) -> None:
    state = unpacked(a_busy_minute().shard.snapshot())
    del state["ward"][part]
    with pytest.raises(UnknownState, match=f"checkpoint format {WARD_FORMAT} without '{part}'"):
        Shard.restore(repacked(state))


@pytest.mark.parametrize("kept", sorted(STATES.glob("shard-*.bin")), ids=lambda path: path.name)
def test_a_state_that_an_older_version_wrote_goes_on_as_it_did_then(kept: Path) -> None:
    assert goes_on(Shard.restore(kept.read_bytes())) == kept.with_suffix(".txt").read_text().splitlines()


def test_today_s_format_has_its_state_kept() -> None:
    assert TODAYS.exists()


def test_a_desk_that_was_kept_is_the_same_desk() -> None:
    packed = a_busy_minute().shard.desk.packed()
    assert Desk.unpacked(packed).packed() == packed


def write_missing() -> None:
    """Keep a state of today's format, if none is kept yet."""
    if not TODAYS.exists():
        TODAYS.write_bytes(a_busy_minute().shard.snapshot())
        TODAYS.with_suffix(".txt").write_text("\n".join(goes_on(Shard.restore(TODAYS.read_bytes()))) + "\n")


if __name__ == "__main__":
    write_missing()
