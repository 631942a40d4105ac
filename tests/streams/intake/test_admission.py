"""What may come in, and for which site, by whatever way in; what says no site is this site's, or nobody's."""

from __future__ import annotations

import json

import pytest

from models.wire.observations import AlertAcknowledged, SetAside
from streams.intake.admission import NOT_FROM_SENDERS, NOT_YOURS, UNADDRESSED, Admission
from streams.intake.json import read, read_packable
from streams.intake.raw import read_raw

LINES = (
    b'{"kind":"vitals","at":"2026-11-09T09:00:00Z","device":"m-1","spo2":97,"site":"%s"}',
    b'{"kind":"vitals","at":"2026-11-09T09:00:00Z","device":"m-1","spo2":"--","hr":70,"site":"%s"}',
    b'{"kind":"session.started","at":"2026-11-09T09:00:00Z","session":"s","patient":"P","site":"%s"}',
    b'{"kind":"checkin","at":"soon","patient":"P","instrument":"phq9","site":"%s"}',
)
WITHOUT_SITE = [line.replace(b',"site":"%s"', b"") for line in LINES]
ALERT: dict[str, object] = {"at": "2026-11-09T09:00:00Z", "alert": "a-1", "by": "rn-1"}
COMMANDS: dict[str, dict[str, object]] = {
    "site.configured": {"at": ALERT["at"], "limits": {"desaturation": {"high": {"spo2": {"enabled": False}}}}},
    "forecast.made": {"at": ALERT["at"], "patient": "P", "as_of": "2026-11-09"},
    "rota.override": {"at": ALERT["at"], "schedule": "n", "since": ALERT["at"], "until": "2026-11-09T10:00:00Z"},
    "alert.snoozed": {**ALERT, "until": "2026-11-09T10:00:00Z"},
    **dict.fromkeys(("alert.acknowledged", "alert.unsnoozed", "alert.closed", "alert.escalated"), ALERT),
}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("site", [b"~", b"~shard-3", UNADDRESSED.encode()])
def test_a_line_for_a_reserved_site_is_set_aside_by_every_way_in(line: bytes, site: bytes) -> None:
    for records in (read(line % site, admission=Admission()).records, read_raw([line % site])[0]):
        (record,) = records
        assert isinstance(record, SetAside)
        assert record.site == UNADDRESSED
        assert site.decode() in record.line
        if b"soon" not in line:
            assert (record.field, record.reason) == ("site", NOT_YOURS)


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_another_site_is_its_own_also_where_it_cannot_be_read(line: bytes) -> None:
    for records in (read(line % b"north", admission=Admission()).records, read_raw([line % b"north"])[0]):
        assert [record.site for record in records] == ["north"]


def test_a_raw_line_that_names_no_site_and_cannot_be_read_is_the_operators_to_look_at() -> None:
    records, bad = read_raw([b"nonsense", LINES[0] % b"~shard-0", LINES[0] % b"north"])
    assert [record.site for record in records] == [UNADDRESSED, UNADDRESSED, "north"]
    assert bad == 2


@pytest.mark.parametrize("served", ["north", "main"])
def test_whatever_names_no_site_belongs_to_the_one_that_is_served(served: str) -> None:
    here = Admission(served)
    lines = [*WITHOUT_SITE, *(line % b"main" for line in LINES), *(line % served.encode() for line in LINES)]
    for body in (b"\n".join(lines), b"[" + b",".join(lines) + b"]"):
        reading = read(body, admission=here)
        assert {record.site for record in reading.records} == {served}
        assert [aside.field for _, aside in reading.bad] == ["at"] * 3
    assert [record.site for record in read(b"nonsense", admission=here).records] == [served]


def test_another_site_s_record_is_set_aside_here_and_the_others_are_taken() -> None:
    lines = [LINES[0] % b"south", *WITHOUT_SITE[:2], LINES[2] % b"south"]
    reading = read(b"\n".join(lines), admission=Admission("north"))
    assert [(number, aside.field, aside.reason) for number, aside in reading.bad] == [
        (1, "site", "this service serves north, not south"), (4, "site", "this service serves north, not south"),
    ]  # fmt: skip
    assert {record.site for record in reading.records} == {"north"}
    assert reading.accepted == 2


def test_every_command_is_one_that_is_tried_here() -> None:
    assert set(COMMANDS) == set(NOT_FROM_SENDERS)


@pytest.mark.parametrize("kind", NOT_FROM_SENDERS)
@pytest.mark.parametrize("admission", [Admission(), Admission("main"), Admission("north")])
def test_a_sender_can_neither_configure_nor_forecast_nor_answer_an_alert(kind: str, admission: Admission) -> None:
    line = json.dumps({"kind": kind, **COMMANDS[kind]}).encode()
    for body in (line, b"[" + line + b"]", LINES[0] % b"main" + b"\n" + line):
        reading = read(body, admission=admission)
        ((_, aside),) = reading.bad
        assert (aside.field, aside.reason) == ("kind", NOT_FROM_SENDERS[kind])
        assert aside.site == (admission.site or UNADDRESSED)
        assert kind in aside.line


def test_a_file_that_is_replayed_may_hold_all_that_a_journal_may() -> None:
    (record,) = read_packable([json.dumps({"kind": "alert.acknowledged", **ALERT}).encode()]).records
    assert isinstance(record, AlertAcknowledged)
