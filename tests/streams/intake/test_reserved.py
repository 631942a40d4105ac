"""Nobody writes to a site of those who run the network, by whatever way in; what says no site is nobody's."""

from __future__ import annotations

import pytest

from models.wire.observations import SetAside
from streams.intake.json import read_packable
from streams.intake.raw import read_raw
from streams.intake.reserved import NOT_YOURS, UNADDRESSED, set_reserved_aside

LINES = (
    b'{"kind":"vitals","at":"2026-11-09T09:00:00Z","device":"m-1","spo2":97,"site":"%s"}',
    b'{"kind":"session.started","at":"2026-11-09T09:00:00Z","session":"s","patient":"P","site":"%s"}',
    b'{"kind":"checkin","at":"soon","patient":"P","instrument":"phq9","site":"%s"}',
)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("site", [b"~", b"~shard-3", UNADDRESSED.encode()])
def test_a_line_for_a_reserved_site_is_set_aside_by_every_way_in(line: bytes, site: bytes) -> None:
    for records in (set_reserved_aside(read_packable([line % site]).records), read_raw([line % site])[0]):
        (record,) = records
        assert isinstance(record, SetAside)
        assert (record.site, record.field, record.reason) == (UNADDRESSED, "site", NOT_YOURS)
        assert site.decode() in record.line


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_another_site_is_its_own_also_where_it_cannot_be_read(line: bytes) -> None:
    for records in (set_reserved_aside(read_packable([line % b"north"]).records), read_raw([line % b"north"])[0]):
        assert [record.site for record in records] == ["north"]


def test_a_raw_line_that_names_no_site_and_cannot_be_read_is_the_operators_to_look_at() -> None:
    records, bad = read_raw([b"nonsense", LINES[0] % b"~shard-0", LINES[0] % b"north"])
    assert [record.site for record in records] == [UNADDRESSED, UNADDRESSED, "north"]
    assert bad == 2
