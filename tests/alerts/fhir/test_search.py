"""What a FHIR search asks for: ids that stand for any alias, dates with prefixes, codes, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.fhir.search import MOST_SEARCHED, SearchedCode, SearchRefused, cursor_of, moment_of, search_of
from models.instants import DAY, HOUR, MINUTE, from_iso
from models.wire.fhir_ids import fhir_id, name_behind

NAMES = st.text(min_size=1, max_size=200) | st.from_regex(r"[xy]\.[a-z2-7]{0,60}", fullmatch=True)


@given(NAMES)
def test_every_name_has_an_id_by_which_it_is_found_again(name: str) -> None:
    id_ = fhir_id(name)
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", id_)
    assert name_behind(id_, lambda: ["another", name]) == name


@given(NAMES, NAMES)
def test_two_names_never_have_one_id(one: str, other: str) -> None:
    assert (fhir_id(one) == fhir_id(other)) == (one == other)


@given(st.from_regex(r"[xy]\.[A-Za-z0-9\-.]{0,62}", fullmatch=True))
def test_an_id_that_stands_for_nothing_is_nobodys(id_: str) -> None:
    found = name_behind(id_, tuple)
    assert found is None or fhir_id(found) == id_


DAY_US = from_iso("2026-11-23T00:00:00Z")


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("2026-11-23T14:30", "2026-11-23T14:30:00Z", "2026-11-23T14:31:00Z"),
        ("2026-11-23T14:30:05Z", "2026-11-23T14:30:05Z", "2026-11-23T14:30:06Z"),
        ("2026-11-23T14:30:05.250Z", "2026-11-23T14:30:05.250Z", "2026-11-23T14:30:05.251Z"),
        ("2026-11-23T14:30:05 01:00", "2026-11-23T13:30:05Z", "2026-11-23T13:30:06Z"),
    ],
)
def test_a_date_stands_for_the_whole_of_what_it_names(value: str, start: str, end: str) -> None:
    moment = moment_of("date", value, "UTC")
    assert (moment.start_us, moment.end_us) == (from_iso(start), from_iso(end))


def test_a_date_without_a_zone_is_the_sites_day() -> None:
    assert moment_of("date", "2026-11-23", "Europe/Berlin").start_us == DAY_US - HOUR
    # The day on which clocks go back has 25 hours.
    long = moment_of("date", "2026-10-25", "Europe/Berlin")
    assert long.end_us - long.start_us == 25 * HOUR


@pytest.mark.parametrize(
    ("prefix", "before", "within", "across_the_end", "after", "around"),
    [
        ("eq", False, True, False, False, False),
        ("ne", True, False, True, True, True),
        ("lt", True, False, False, False, True),
        ("gt", False, False, True, True, True),
        ("le", True, True, False, False, True),
        ("ge", False, True, True, True, True),
        ("sa", False, False, False, True, False),
        ("eb", True, False, False, False, False),
    ],
)
def test_a_prefix_compares_intervals_as_the_standard_says(
    prefix: str, before: bool, within: bool, across_the_end: bool, after: bool, around: bool
) -> None:
    moment = moment_of("date", f"{prefix}2026-11-23", "UTC")
    noon = DAY_US + 12 * HOUR
    found = [
        moment.fits(start, end)
        for start, end in (
            (DAY_US - HOUR, DAY_US - MINUTE), (noon, noon), (noon, DAY_US + DAY + HOUR), (DAY_US + DAY, DAY_US + DAY + HOUR),
            (DAY_US - HOUR, DAY_US + DAY + HOUR),
        )
    ]  # fmt: skip
    assert found == [before, within, across_the_end, after, around]


@given(st.sampled_from(["eq", "ge", "gt", "sa", "le", "lt", "eb", "ne"]), st.integers(-3 * 24, 3 * 24))
def test_what_is_read_of_the_store_holds_all_that_a_search_finds(prefix: str, hours: int) -> None:
    search = search_of("Observation", [("patient", "willow"), ("date", f"{prefix}2026-11-23")], "UTC")
    instant = DAY_US + hours * HOUR
    if search.when[0].fits(instant, instant):
        assert search.from_us() <= instant < search.until_us()


def test_a_code_with_a_system_is_that_systems_alone() -> None:
    (tokens,) = search_of("Observation", [("patient", "willow"), ("code", "a|1,2,|3")], "UTC").tokens["code"]
    assert tokens == (SearchedCode("a", "1"), SearchedCode(None, "2"), SearchedCode("", "3"))
    assert [tokens[0].fits([("a", "1")]), tokens[0].fits([("b", "1")]), tokens[1].fits([("b", "2")])] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", "red"), ("date", "2026-11-23T"), ("date", "xx2026"), ("date", "2026-02-30"), ("date", "9999-12-31"), ("date", "٢٠٢٦"),
        ("_count", "0"), ("_count", "-1"), ("_count", "٣"), ("_after", "x"), ("patient", ""), ("patient", "elm"),
    ],
)  # fmt: skip
def test_what_is_no_search_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SearchRefused) as refused:
        search_of("Observation", [("patient", "willow"), (name, value)], "UTC")
    assert refused.value.parameter == name


@given(st.sampled_from(["date", "_lastUpdated", "_count", "_after", "patient", "_id", "code"]), st.text(max_size=40))
def test_no_value_breaks_a_search(name: str, value: str) -> None:
    try:
        search = search_of("Observation", [("_id", "a"), (name, value)], "Europe/Berlin")
    except SearchRefused:
        return
    assert 1 <= search.count <= MOST_SEARCHED


def test_a_cursor_is_read_as_it_was_written() -> None:
    assert cursor_of("-12~m-0~x") == (-12, "m-0~x")
