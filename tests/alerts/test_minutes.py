"""The minutes of sessions in the store, on both databases: parts add up, a frame that comes again changes nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from alerts.effects import ChannelMinute, FrameEffects, VitalsMinute
from alerts.store.minutes import LOCKS
from alerts.store.store import Store
from alerts.store.tables import METADATA
from alerts.store.vitals_hour import Hour, HourTable, pack_hour, unpack_hour
from models.instants import DAY, HOUR, MINUTE
from tests.alerts.test_store import START, store, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]

BEGIN = START // HOUR * HOUR
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
hours = st.dictionaries(
    st.sampled_from(("spo2", "pulse", "temp")),
    st.dictionaries(
        st.integers(0, 59), st.builds(ChannelMinute, numbers, numbers, numbers, st.integers(1, 10_000)), min_size=1
    ),
)


def part(minute: int, *readings: float, session: str | None = "s1", patient: str = "willow") -> VitalsMinute:
    of = ChannelMinute(min(readings), max(readings), sum(readings), len(readings))
    return VitalsMinute.of("main", session, patient, BEGIN + minute * MINUTE, {"spo2": of})


def frame(offset: int, *parts: VitalsMinute) -> FrameEffects:
    return FrameEffects(0, offset, (), parts)


@given(hours)
def test_an_hour_comes_out_of_its_bytes_as_it_went_in(hour: Hour) -> None:
    assert unpack_hour(pack_hour(hour)) == hour


def test_an_hour_that_the_version_before_wrote_is_read() -> None:
    packed = bytes.fromhex(
        "789c9bc4d8b4a4b820df68ea112666eb23020c48202cc2c10159c48121024d248d612e4884438411c25f929a9c913ff50823cb110e88c08ffd"
        "301683038cc5e1708485094803009fed15bb"
    )
    assert unpack_hour(packed) == {
        "spo2": {3: ChannelMinute(88, 97, 1881.5, 20), 59: ChannelMinute(96, 96, 96, 1)},
        "echo": {4: ChannelMinute(-1.5, 2, 3, 2)},
    }
    table = HourTable.unpacked(packed)
    table.add(3, part(3, 80, 99).packed)
    added = unpack_hour(table.packed())
    assert added["spo2"][3] == ChannelMinute(80, 99, 1881.5 + 80 + 99, 22)
    assert added["echo"] == unpack_hour(packed)["echo"]


def test_a_frame_of_many_sessions_adds_each_to_its_own_hour(store: Store) -> None:
    for offset, low in ((1, 90), (2, 80)):
        store.commit(frame(offset, *(part(5, low + n % 7, session=f"s{n}") for n in range(40))))
    for n in range(40):
        of = store.trace("main", f"s{n}")["channels"]["spo2"]
        assert (of["lowest"], of["highest"], of["count"]) == ([80 + n % 7], [90 + n % 7], [2])


@pytest.mark.parametrize("hours", sorted(LOCKS))
def test_sqlite_finds_the_hours_of_a_frame_without_reading_the_table(hours: int) -> None:
    found = sa.create_engine("sqlite://")
    METADATA.create_all(found)
    statement = str(LOCKS[hours].compile(found))
    with found.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("",) * statement.count("?")).all()
    assert not [step for *_, step in plan if step.startswith("SCAN")]
    assert sum("SEARCH vitals_hours USING INDEX" in step for *_, step in plan) == hours


def test_a_session_is_read_by_the_minute_over_its_hours(store: Store) -> None:
    store.commit(frame(1, part(58, 97, 99), part(59, 96)))
    store.commit(frame(2, part(60, 88, 89, 90), part(61, 91), part(61, 55, session="s2")))
    read = store.trace("main", "s1")
    assert (read["session"], read["patient"]) == ("s1", "willow")
    assert read["channels"] == {
        "spo2": {
            "minute": [(BEGIN + n * MINUTE) // 1000 for n in (58, 59, 60, 61)],
            "lowest": [97, 96, 88, 91], "mean": [98, 96, 89, 91], "highest": [99, 96, 90, 91], "count": [2, 1, 3, 1],
        }
    }  # fmt: skip


def test_parts_of_a_minute_add_up_and_a_frame_that_comes_again_does_not(store: Store) -> None:
    frames = [frame(3, part(5, 97)), frame(7, part(5, 80, 90), part(5, 92)), frame(9, part(5, 99))]
    for each in frames:
        store.commit(each)
    once = store.trace("main", "s1")
    assert (once["channels"]["spo2"]["lowest"], once["channels"]["spo2"]["count"]) == ([80], [5])
    for each in frames:
        store.commit(each)
    assert store.trace("main", "s1") == once


def test_a_name_that_was_given_to_two_patients_shows_the_last_one_unless_another_is_named(store: Store) -> None:
    store.commit(frame(1, part(5, 97, patient="ash"), part(70, 88, patient="willow")))
    assert store.trace("main", "s1")["patient"] == "willow"
    assert store.trace("main", "s1", "ash")["channels"]["spo2"]["lowest"] == [97]
    assert store.trace("main", "nobody") == {"session": "nobody", "patient": None, "channels": {}}
    assert store.trace("north", "s1")["channels"] == {}


def test_an_hour_of_somebody_who_still_sits_there_is_an_hour_watched(store: Store) -> None:
    store.commit(frame(1, *(part(minute, 96, 97) for minute in range(60))))
    store.commit(frame(2, *(part(minute, 96, 97, session="s2", patient="oak") for minute in range(30))))
    assert store.burden("main", START - DAY)["hours_watched"] == 1.5
