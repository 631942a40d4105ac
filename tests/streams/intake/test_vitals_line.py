"""The fast reading of a vitals line takes nothing that the model would not take, and makes of it what the model would make."""

from __future__ import annotations

import json
from math import inf, nextafter
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.instants import from_iso, to_datetime
from models.tables.channels import CHANNEL_NAMES, STATUSES
from models.wire.observations import Vitals, correction_of
from streams.intake.json import read, read_lines
from streams.intake.vitals_line import samples_of
from streams.journal.frame import Sample, sample_of

SCHEMA: Final = Vitals.model_json_schema()["properties"]


def bounds_of(name: str) -> set[float]:
    """The numbers at which the model's verdict on a reading changes."""
    number: dict[str, Any] = next(part for part in SCHEMA[name]["anyOf"] if part["type"] == "number")
    return {value for key, value in number.items() if "inimum" in key or "aximum" in key}


EDGES: Final = sorted(
    {edge for name in CHANNEL_NAMES for edge in bounds_of(name)} | {0.0, 1e308, 2.0**53, 2.0**63, 2.0**64}
)
NEAR_EDGES: Final = [near for edge in EDGES for near in (edge, nextafter(edge, inf), nextafter(edge, -inf), -edge)]


def text(value: object) -> str:
    return json.dumps(value)


# ---- lines as they should be, and every way of their being otherwise

plain_times = st.builds(
    "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
    st.sampled_from([1900, 1970, 2026, 2199]), st.integers(1, 12), st.integers(1, 28), st.integers(0, 23), st.integers(0, 59),
    st.integers(0, 59), st.sampled_from(["", ".5", ".25", ".062", ".000001", ".999999"]),
    st.sampled_from(["Z", "+00:00", "+01:00", "-23:59"]),
)  # fmt: skip
odd_times = st.builds(
    "{}-{:02}-{:02}{}{:02}:{:02}{}{}{}".format,
    st.sampled_from(["0000", "0001", "1899", "1900", "2026", "2199", "2200", "9999", "26", "-2026", "\uff12\uff10\uff12\uff16"]), st.integers(0, 13),
    st.integers(0, 32), st.sampled_from(["T", "t", " ", "_", "", "x"]), st.integers(0, 25), st.integers(0, 61),
    st.sampled_from(["", ":", ":0", ":00", ":59", ":60", ":61", ":\u0660\u0660"]),
    st.sampled_from(["", ".", ".1", ".12", ".1234", ".12345", ".1234567", ".999999999", ",5", ".1_2345", ". 12345", ".+12345", ".\u0661\u0662\u0663\u0664\u0665\u0666", ".12345Z"]),
    st.sampled_from(["", "Z", "z", "+01", "+0100", "+01:00", "-00:00", "+24:00", "+23:60", "-12:00", " Z", "Z ", "ZZ", "+01:00:00", "[Europe/Berlin]"]),
)  # fmt: skip
numbers = st.one_of(
    st.sampled_from(NEAR_EDGES).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.integers(-(10**40), 10**40).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "-0.0", "0e0", "1e400", "-1e400", "1e-400", "5e-324", "4.9e-325", "01", "1.", ".5", "+1", "1e", "1_0", "NaN", "Infinity", "-Infinity", "nan", "9" * 400, "9" * 5000]),
)  # fmt: skip
words = st.one_of(
    st.sampled_from(["m-1", "P-1", "", " ", "x" * 200, "x" * 201, "ä" * 200, "😀" * 200, "😀" * 201, "\x00", "\x1f", "\x7f", "\x80", "\x9f", "\xa0", "\u2028", "\u2029", "\u200d", "\ud800"]),
    st.text(max_size=8),
).map(text) | st.sampled_from(['"\\ud83d\\ude00"', '"\\ud83d"', '"\\u00e4"', '"\\/"', '"\\x"', '"a\nb"', '"ä"', '"\U0001f600"', "'m-1'", '"\x7f"', '"\x85"', '"\u2028"', '"\u2029"'])  # fmt: skip
statuses = st.builds(
    lambda pairs: "{" + ",".join(f"{text(name)}:{text(word)}" for name, word in pairs) + "}",
    st.lists(st.tuples(st.sampled_from([*CHANNEL_NAMES, "HR", "nonesuch"]), st.sampled_from([*STATUSES, "loose", ""])), max_size=4),
)  # fmt: skip
anything = st.one_of(
    numbers, words, statuses, st.sampled_from(["null", "true", "false", "[]", "{}", "[97]", '{"a":1}', ""])
)
names = st.sampled_from(sorted(SCHEMA))
PROPER: Final = {
    **dict.fromkeys(CHANNEL_NAMES, st.integers(20, 120).map(str) | st.floats(25, 44).map(repr)),
    **dict.fromkeys(("patient", "id", "session", "site", "source", "replaces", "device", "by"), st.sampled_from(["m-1", "ä", "x" * 200]).map(text)),
    "at": plain_times.map(text), "received_at": plain_times.map(text), "kind": st.just('"vitals"'),
    "status": st.dictionaries(st.sampled_from(CHANNEL_NAMES), st.sampled_from(STATUSES[1:]), max_size=3).map(text),
}  # fmt: skip
proper = st.lists(
    names.flatmap(lambda name: st.tuples(st.just(name), PROPER[name])), max_size=9, unique_by=lambda pair: pair[0]
)
odd = st.lists(
    st.tuples(names | st.sampled_from(["", "HR", "hr ", "at_us", "kind"]) | st.text(max_size=5), anything)
    | st.tuples(st.sampled_from(["at", "received_at"]), (odd_times | plain_times).map(text))
    | st.tuples(st.just("status"), statuses) | st.tuples(st.sampled_from(CHANNEL_NAMES), numbers),
    max_size=3,
)  # fmt: skip
Pairs = list[tuple[str, str]]


@st.composite
def lines(draw: st.DrawFn, more: st.SearchStrategy[Pairs] = odd, damaged: bool = True) -> bytes:
    """A proper line, with odd fields among the others, perhaps twice the same, in any order; perhaps spaced, perhaps damaged."""
    pairs = draw(proper) + draw(more)
    for name, value in (("kind", '"vitals"'), ("at", '"2026-11-23T14:00:00Z"'), ("device", '"m-1"')):
        if name not in {mine for mine, _ in pairs} and draw(st.integers(0, 19)):
            pairs.append((name, value))
    pairs = draw(st.permutations(pairs))
    gap = draw(st.sampled_from(["", "", "", " ", "\t", "\r", "\x0b", "\xa0", "\ufeff"]))
    line = (gap + "{" + ",".join(f"{text(name)}{gap}:{gap}{value}" for name, value in pairs) + "}" + gap).encode(
        "utf-8", "surrogatepass"
    )
    if damaged and not draw(st.integers(0, 9)):
        where = draw(st.integers(0, len(line) - 1))
        line = line[:where] + draw(st.binary(max_size=2)) + line[where + 1 :]
    return line.replace(b"\n", b"")


odd_items = st.sampled_from([b"NaN", b"null", b"1", b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"a\x00\x00"', b"[" * 300 + b"]" * 300, b"7" * 5000, b"{}", b"", b'{"a":1', b'{"kind":"dose"}'])  # fmt: skip


def packable(record: Any) -> Any:
    """What a frame takes of a record."""
    if not isinstance(record, Vitals):
        return record
    return correction_of(record) if record.replaces else sample_of(record)


def by_the_model(line: bytes) -> Sample | None:
    """What pydantic makes of a line; None for everything that is no vitals record, or corrects one."""
    vitals = [record for record in read_lines([line]).records if isinstance(record, Vitals)]
    made = [sample_of(record) for record in vitals if record.replaces is None]
    return made[0] if made else None


@settings(max_examples=400)
@given(lines())
@example(b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","hr":-0}')
@example(b'{"kind":"dose","kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1"}')
@example(b'{"kind":"vitals","kind":"vitals","at":"2026-11-23T14:00:00Z","at":"2026-11-23T14:00:01Z","device":"m-1"}')
@example(b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","device":null}')
@example(b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","status":{"hr":"off","hr":"artefact"}}')
@example(b'{"kind":"vitals","at":"2026-11-23T14:00:00.1234567Z","device":"m-1"}')
@example(b'{"kind":"vitals","at":"2026-11-23T14:00:00Z","patient":"' + "😀".encode() * 200 + b'"}')
def test_a_line_that_is_taken_is_taken_by_the_model_as_the_same(line: bytes) -> None:
    (taken,) = samples_of([line])
    assert taken is None or taken == by_the_model(line)


@given(lines(more=st.just([]), damaged=False))
def test_a_plain_line_is_taken_whenever_the_model_takes_it(line: bytes) -> None:
    """Else this would be right and useless."""
    unusual = any(gap in line for gap in (b"\x0b", "\xa0".encode(), "\ufeff".encode()))
    assert unusual or samples_of([line]) == [by_the_model(line)]


def test_every_field_of_the_model_is_read() -> None:
    """A constraint of a kind that is not known would leave its field, and so every line that has it, to pydantic."""
    every: dict[str, Any] = {"kind": "vitals", "at": "2026-11-23T14:00:00Z", "received_at": "2026-11-23T14:00:01Z"}
    every |= dict.fromkeys(("patient", "id", "session", "site", "source", "replaces", "device", "by"), "x")
    every |= dict.fromkeys(CHANNEL_NAMES, 40) | {"status": {"hr": "off"}}
    assert set(every) == set(SCHEMA)
    assert samples_of([text(every).encode()]) == [None], "a correction is no sample"
    line = text({name: value for name, value in every.items() if name != "replaces"}).encode()
    assert samples_of([line]) == [by_the_model(line)] != [None]


@pytest.mark.parametrize("name", CHANNEL_NAMES)
def test_the_bounds_of_a_reading_are_the_model_s(name: str) -> None:
    for number in [*NEAR_EDGES, *(near for edge in bounds_of(name) for near in (edge - 1, edge + 1))]:
        line = text({"kind": "vitals", "at": "2026-11-23T14:00:00Z", "device": "m-1", name: number}).encode()
        assert samples_of([line]) == [by_the_model(line)]


@given(st.lists(lines(), max_size=5), st.sampled_from([None, "application/x-ndjson"]))
def test_a_body_is_read_as_the_model_reads_its_lines(sent: list[bytes], kind: str | None) -> None:
    body = b"\n".join(sent)
    if kind is None and body.strip()[:1] == b"[":
        return
    reading, contract = read(body, kind), read_lines(body.strip().removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    assert reading.records == [packable(each) for each in contract.records]
    assert reading.bad == contract.bad


@example(sent=[b'"\xed\xa0\x80"'])
@given(st.lists(lines() | odd_items, max_size=5))
def test_an_array_is_read_as_the_model_reads_what_python_reads_of_it(sent: list[bytes]) -> None:
    body = b"[" + b" ,".join(sent) + b"]"
    try:
        # What is no UTF-8 is broken: Python alone would let half a character pass.
        items = json.loads(body.decode(), parse_int=lambda digits: int(digits) if len(digits) < 400 else inf)
    except (ValueError, RecursionError):
        assert read(body).bad or not read(body).records, "what is broken is named"
        return
    contract = read_lines([json.dumps(item).encode() for item in items])
    reading = read(body)
    assert reading.records == [packable(each) for each in contract.records]
    assert reading.bad == contract.bad


@pytest.mark.parametrize("gap", ["null", '""', '"--"', '"NA"', '"n/a"', "NaN", '" "', '"no signal"'])
@pytest.mark.parametrize("shape", ["%s", "[%s]"])
def test_a_reading_that_is_a_gap_is_none_and_costs_the_others_nothing(gap: str, shape: str) -> None:
    line = f'{{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1","hr":72,"spo2":{gap},"rr":{gap}}}'
    reading = read((shape % line).encode())
    (sample,) = reading.records
    assert reading.bad == []
    assert sample == sample_of(Vitals(at=to_datetime(from_iso("2026-11-23T14:00:00Z")), device="m-1", hr=72))


@pytest.mark.parametrize(
    "rest",
    ['"spo2":"97"', '"spo2":Infinity', '"spo2":"--","hr":"72"', '"device":"--","spo2":"--","at":""'],
)  # fmt: skip
def test_what_is_no_gap_or_not_only_that_is_still_set_aside(rest: str) -> None:
    reading = read(f'{{"kind":"vitals","at":"2026-11-23T14:00:00Z","device":"m-1",{rest}}}'.encode())
    assert (reading.accepted, len(reading.bad)) == (0, 1)
