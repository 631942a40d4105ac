"""One bad byte in an array costs its element, whichever byte it is, and nobody is slowed down by an array made for it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.intake.broken_array import elements_of
from streams.intake.json import read
from streams.journal.frame import Sample


def line(number: int) -> bytes:
    said = {
        "kind": "vitals",
        "at": f"2026-11-23T14:{number // 60:02}:{number % 60:02}Z",
        "device": f"m-{number}",
        "spo2": 97,
    }
    return json.dumps(said | {"status": {"hr": "off"}}).encode()


def devices(body: bytes) -> list[str | None]:
    return [record.origin[3] for record in read(body, "application/json").records if isinstance(record, Sample)]


@given(st.integers(2, 6), st.data(), st.sampled_from([b", ", b",", b" ,\n"]))
def test_whichever_byte_is_bad_all_other_elements_are_taken(count: int, data: st.DataObject, between: bytes) -> None:
    lines = [line(number) for number in range(count)]
    whole = b"[" + between.join(lines) + b"]"
    where = data.draw(st.integers(1, len(whole) - 1))
    damaged = whole[:where] + data.draw(st.binary(max_size=1)) + whole[where + 1 :]
    hit, begins = set(), 1
    for number, each in enumerate(lines):
        if begins - len(between) <= where < begins + len(each) + len(between):
            hit.add(f"m-{number}")
        begins += len(each) + len(between)
    others = [f"m-{number}" for number in range(count) if f"m-{number}" not in hit]
    assert [each for each in devices(damaged) if each in others] == others
    assert len(hit) <= 2


@pytest.mark.parametrize("bad", [b"\xff", b"\x00", b'"', b"}", b"{", b"]", b"\\", b"\n"])
def test_one_bad_byte_in_ten_thousand_costs_one_element_and_is_named(bad: bytes) -> None:
    lines = [line(number % 3600).replace(b'"m-', b'"n%d-' % number) for number in range(10_000)]
    broken = lines[4711]
    lines[4711] = broken[:40] + bad + broken[41:]
    body = b"[" + b",".join(lines) + b"]"
    began = time.monotonic()
    reading = read(body, "application/json")
    assert time.monotonic() - began < 5
    assert reading.accepted == 9_999
    assert [number for number, _ in reading.bad] == [4712]
    assert reading.bad[0][1].line.startswith('{"kind": "vitals"')


def test_an_array_that_breaks_off_is_taken_up_to_there() -> None:
    body = b"[" + b",".join(line(number) for number in range(5))
    assert devices(body) == [f"m-{number}" for number in range(5)]
    assert devices(body[:-10]) == [f"m-{number}" for number in range(4)]
    assert [number for number, _ in read(body[:-10], "application/json").bad] == [5]


@given(st.binary(max_size=200))
@example(b"")
@example(b",")
@example(b"]")
@example(b'{"a":1} x {"b":2}')
@example(b'{"a":1},,{"b":2}')
@example(b'{"a":"\xed\xa0\x80"},{"b":2}')
def test_whatever_comes_is_cut_into_pieces_of_itself_in_order(junk: bytes) -> None:
    body, place = b"[" + junk, 1
    for each in elements_of(body, int):
        found = body.find(each, place)
        assert found >= 0
        place = found + len(each)


@pytest.mark.parametrize(
    "made",
    [b"[" * 8_000_000, b'[{"a":[' * 1_000_000, b'{"a":[{},' * 900 + b"1," * 3_000_000, b'{"a":"' * 1_000_000, b"{," * 4_000_000],
    ids=["lists", "objects of lists", "deep and long", "open strings", "pieces"],
)  # fmt: skip
def test_an_array_that_was_made_to_be_slow_is_not(made: bytes) -> None:
    began = time.monotonic()
    elements_of(b"[" + made, int)
    assert time.monotonic() - began < 20
