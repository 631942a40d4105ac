"""The frame: what goes in comes out, to the last bit; and the edge before it, which nothing can break."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.effects import DeadLetter
from models.instants import EPOCH, to_us
from models.tables.channels import CHANNEL_NAMES, CHANNELS, STATUSES
from models.wire.observations import CheckIn, Event, Intervention, SetAside, Vitals
from streams.intake.json import read
from streams.journal.frame import FORMAT, FrameBuilder, UnknownFrame, decode, key_hash
from streams.shard import Shard
from tests.support.scenes import START_US, pack

Record = Vitals | Event | SetAside

numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20)
instants = st.integers(0, 2**36).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
vitals = st.builds(
    Vitals, at=instants, site=st.sampled_from(["main", "north"]), device=names, patient=names, session=names, source=names,
    id=names, by=names,
    status=st.none() | st.dictionaries(st.sampled_from(CHANNEL_NAMES), st.sampled_from(STATUSES[1:]), max_size=4),
    **{channel.name: st.none() | numbers for channel in CHANNELS},
)  # fmt: skip
others = st.one_of(
    st.builds(Intervention, at=instants, patient=st.just("A-1"), what=st.just("oxygen"), detail=names),
    st.builds(CheckIn, at=instants, patient=st.just("A-1"), instrument=st.just("phq-2"), items=st.just([1, True]) | st.just({"a": 1, "b": 0})),
    st.builds(SetAside, at=instants, field=st.just("spo2"), reason=st.text(st.characters(exclude_categories=["Cs"])), line=st.just("{")),
)  # fmt: skip
records = st.lists(vitals | others, max_size=30)


@given(records)
def test_what_goes_into_a_frame_comes_out_of_it_in_order(sent: list[Record]) -> None:
    frame = decode(pack(sent))
    samples = [record for record in sent if isinstance(record, Vitals)]
    assert len(frame) == len(sent)
    for n, record in enumerate(samples):
        origin = frame.origins[frame.origin[n]]
        assert tuple(origin) == (record.site, record.session, record.patient, record.device, record.source)
        assert frame.at_us[n] == to_us(record.at)
        for column, name in enumerate(CHANNEL_NAMES):
            value = getattr(record, name)
            assert np.isnan(frame.values[n, column]) if value is None else frame.values[n, column] == value
            assert STATUSES[frame.status[n, column]] == (record.status or {}).get(name, "ok")
        assert (0 if frame.keys is None else frame.keys[n]) == (0 if record.id is None else key_hash(record.id))
        assert frame.authors.get(n) == (None if record.by is None else (record.by, record.id))
    before = 0
    events: list[tuple[int, Any]] = []
    for each in sent:
        if isinstance(each, Vitals):
            before += 1
        else:
            events.append((before, each))
    assert list(frame.events) == events


@given(records)
def test_the_same_records_are_the_same_bytes(sent: list[Record]) -> None:
    assert pack(sent) == pack(sent)


def test_a_builder_is_empty_after_it_was_sealed() -> None:
    builder = FrameBuilder()
    builder.add(Vitals(at=EPOCH, device="m-1", spo2=97.0))
    assert len(builder) == 1
    builder.seal()
    assert len(builder) == 0
    assert len(decode(builder.seal())) == 0


def test_a_reading_keeps_every_digit_that_it_came_with() -> None:
    frame = decode(pack([Vitals(at=EPOCH, device="m-1", temp=36.7, spo2=97.0)]))
    assert frame.values[0, CHANNEL_NAMES.index("temp")] == 36.7
    assert frame.values[0, CHANNEL_NAMES.index("spo2")] == 97.0


def test_a_frame_of_another_format_is_refused_with_both_numbers() -> None:
    with pytest.raises(UnknownFrame, match=f"frame format 99; this version reads 1 to {FORMAT}"):
        decode(msgpack.packb((99, 0)))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_frame_are_refused_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(UnknownFrame):
        decode(payload)


@given(records, st.data())
def test_a_damaged_frame_is_refused_or_read_and_nothing_else(sent: list[Record], data: st.DataObject) -> None:
    payload = bytearray(pack(sent))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(UnknownFrame):
        decode(bytes(payload))


def test_every_frame_is_of_the_size_that_a_clinic_s_second_needs() -> None:
    """500 monitors with 4 channels: some 40 bytes a sample, so a second of a large clinic is 20 kB."""
    sent = [Vitals(at=EPOCH, device=f"m-{n}", spo2=97.0, hr=70.0, rr=14.0, pulse=70.0) for n in range(500)]
    assert len(pack(sent)) < 500 * 45


# ---- the edge


GOOD: Final[dict[str, Any]] = {"kind": "vitals", "at": "2026-11-23T14:00:00Z", "device": "m-1", "spo2": 97}
LINES: Final[list[bytes]] = [
    json.dumps(GOOD).encode(),
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":NaN}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":Infinity}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":-Infinity,"hr":70}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":1e400}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":1e308}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":' + b"1" + b"0" * 400 + b"}",
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":' + b"9" * 5000 + b"}",
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":"97"}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":true}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","spo2":[97]}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00","device":"m-1","spo2":97}',
    b'{"kind":"vitals","at":1795442400,"device":"m-1","spo2":97}',
    b'{"kind":"vitals","at":"9999-12-31T23:59:59-12:00","device":"m-1","spo2":97}',
    b'{"kind":"vitals","at":"0001-01-01T00:00:00+14:00","device":"m-1","spo2":97}',
    b'{"kind":"vitals","at":"9999-12-31T23:59:59Z","device":"m-1","spo2":97,"by":"rn-1"}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","spo2":97}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"","spo2":97}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m\\ud800","spo2":97}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m\\u0000\\u001b[2J\\n\\u202e","spo2":97}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m\xff","spo2":97}',
    b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","status":{"spo2":"fell off"}}',
    b'{"kind":"intervention","at":"9999-12-31T23:59:59-12:00","patient":"A-1","what":"oxygen"}',
    b'{"kind":"session.started","at":"2026-11-23T14:00:00Z","patient":"A-1","session":"S-1","planned_minutes":1e308}',
    b'{"kind":"dose","at":"2026-11-23T14:00:00Z","patient":"A-1","session":"S-1","drug":"ketamine","minutes":-1e308}',
    b'{"kind":"dose.stopped","at":"2026-11-23T14:00:00Z","patient":"A-1","session":"S-1","given_mg":1e308}',
    b'{"kind":"session.ended","at":"2026-11-23T14:00:00Z","session":"S-1"}',
    b'{"kind":"checkin","at":"2026-11-23T14:00:00Z","patient":"A-1","instrument":"phq-9","score":1e300}',
    b'{"kind":"checkin","at":"2026-11-23T14:00:00Z","patient":"A-1","instrument":"phq-2","items":[1e3,1]}',
    b'{"kind":"checkin","at":"2026-11-23T14:00:00Z","patient":"A-1","instrument":"phq-2","items":[1' + b"0" * 400 + b",1]}",
    b'{"kind":"alert.snoozed","at":"2026-11-23T14:00:00Z","alert":"x","by":"rn-1","until":"9999-12-31T23:59:59Z"}',
    b'{"kind":"site.configured","at":"2026-11-23T14:00:00Z","policies":{"a":NaN,"b":1e999,"c":null}}',
    b'{"kind":"site.configured","at":"2026-11-23T14:00:00Z","policies":{"n":' + b"7" * 60 + b"}}",
    b'{"kind":"site.configured","at":"2026-11-23T14:00:00Z","policies":{"deep":' + b"[" * 150 + b"]" * 150 + b"}}",
    b'{"kind":"site.configured","at":"2026-11-23T14:00:00Z","limits":{"desaturation":{"high":{"spo2":{"enter":1e308}}}}}',
    b'{"kind":"patient.registered","at":"2026-11-23T14:00:00Z","patient":"A-1","limits":{"sedation":{"medium":{"moaas":{"enter":-1e308,"leave":1e308}}}}}',
    b'{"kind":"forecast.made","at":"2026-11-23T14:00:00Z","patient":"A-1","forecast":{"cdf":[0.1,null]}}',
    b'{"kind":"line.set-aside","at":"2026-11-23T14:00:00Z","field":"","reason":"","line":""}',
    b'{"kind":"store.conflicted","at":"2026-11-23T14:00:00Z","offset":1,"effect":1,"stored":"","offered":""}',
    b'{"kind":"nonesuch","at":"2026-11-23T14:00:00Z"}',
    b'{"at":"2026-11-23T14:00:00Z"}',
    b'{"kind":null}',
    b'{"kind":{"kind":"vitals"}}',
    b"[" * 5000,
    b'{"a":' * 5000,
    b'{"kind":"vitals"',
    b'{"kind":"vitals"}{"kind":"vitals"}',
    b"null",
    b"97",
    b'"vitals"',
    b"\xff\xfe\x00",
    b"\x00",
    b"{}",
]  # fmt: skip


def fold(records: list[Any]) -> tuple[Shard, list[Any]]:
    """What was read, through the frame and the shard, a second later."""
    shard = Shard()
    effects: list[Any] = []
    for n, record in enumerate([*records, None]):
        effects += shard.step(n, START_US + n * 1_000_000, pack([] if record is None else [record])).effects
        shard = Shard.restore(shard.snapshot())
    return shard, effects


def accounted_for(body: bytes, kind: str | None, lines: int) -> None:
    reading = read(body, kind)
    assert len(reading.records) == lines
    assert reading.accepted + len(reading.bad) == lines
    for _, aside in reading.bad:
        assert aside.reason
        assert len(aside.line) <= 2000
    shard, effects = fold(reading.records)
    counts = shard.ward.counts
    assert counts["samples"] + counts["events"] + counts["set aside"] == lines
    assert counts["set aside"] == sum(isinstance(effect, DeadLetter) for effect in effects)


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_no_line_raises_out_of_the_edge_or_the_shard_and_each_is_accounted_for(line: bytes) -> None:
    accounted_for(line, None, 1)
    accounted_for(line, "application/x-ndjson", 1)


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_bad_line_is_set_aside_alone(line: bytes) -> None:
    good = json.dumps(GOOD).encode()
    reading = read(b"\n".join([good, line, good]), "application/x-ndjson")
    assert len(reading.records) == 3
    assert {number for number, _ in reading.bad} <= {2}


@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_a_body_of_many_lines_is_accounted_for_line_by_line(lines: list[bytes]) -> None:
    accounted_for(b"\n".join(lines), "application/x-ndjson", len(lines))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
near_misses = st.fixed_dictionaries(
    {"kind": st.sampled_from(["vitals", "dose", "checkin", "session.started", "site.configured", "alert.snoozed", "patient.registered"]),
     "at": st.sampled_from(["2026-11-23T14:00:00Z", "2026-11-23T14:00:00", "now"]) | json_values},
    optional=dict.fromkeys(("patient", "session", "device", "site", "id", "spo2", "hr", "status", "score", "items", "instrument", "drug", "minutes", "alert", "by", "until", "limits", "policies", "conditions", "planned_minutes", "replaces"), json_values),
)  # fmt: skip


@given(
    st.lists(near_misses | json_values, max_size=6), st.sampled_from([None, "application/json", "application/x-ndjson"])
)
def test_whatever_json_comes_is_accounted_for(items: list[Any], kind: str | None) -> None:
    """Lone surrogates, NaN and integers of any length are what `json.dumps` makes of what Hypothesis draws."""
    if kind == "application/x-ndjson":
        accounted_for("\n".join(json.dumps(item) for item in items).encode(), kind, len(items))
    else:
        accounted_for(json.dumps(items).encode(), kind, len(items))


@given(st.binary(max_size=300), st.none() | st.text(max_size=20))
def test_whatever_bytes_come_nothing_raises(body: bytes, kind: str | None) -> None:
    reading = read(body, kind)
    fold(reading.records)


def told(body: bytes) -> Callable[[], tuple[str, str]]:
    return lambda: next((aside.field, aside.reason) for _, aside in read(body).bad)


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        (LINES[2], "spo2", "finite"),
        (LINES[8], "spo2", "number"),
        (LINES[11], "at", "timezone"),
        (LINES[16], "device", "names no device, patient or session"),
        (b'{"kind":"nonesuch"}', "kind", "unknown kind"),
        (b'{"at":"2026-11-23T14:00:00Z"}', "kind", "kind is missing"),
    ],
)
def test_what_is_set_aside_names_its_field_and_reason(line: bytes, field: str, words: str) -> None:
    where, reason = told(line)()
    assert where == field
    assert words in reason
