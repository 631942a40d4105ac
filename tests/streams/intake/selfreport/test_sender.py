"""Links reach the patient's own phone by the channels that pages have; what is known of their address stays in one process."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.instants import to_us
from models.relapse.policies import CheckIns
from streams.intake.selfreport.contacts import BadContacts, HomePart, contacts_in
from streams.intake.selfreport.links import PatientLinks
from streams.intake.selfreport.sender import CheckInSender, SenderSettings

BERLIN = ZoneInfo("Europe/Berlin")


@dataclass
class Phone:
    """A gateway that takes messages over HTTP, or refuses them."""

    server: ThreadingHTTPServer
    heard: list[str] = field(default_factory=list)
    takes: bool = True

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server.server_address[1]}/secret-of-the-phone"


@pytest.fixture
def phone() -> Iterator[Phone]:
    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            if there.takes:
                there.heard.append(json.loads(body)["message"])
            self.send_response(200 if there.takes else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    there = Phone(ThreadingHTTPServer(("127.0.0.1", 0), Gateway))
    threading.Thread(target=there.server.serve_forever, daemon=True).start()
    yield there
    there.server.shutdown()
    there.server.server_close()


class Row:
    """A patient as the ward has them."""

    def __init__(self, zone: str, answered: datetime) -> None:
        self.zone: str | None = zone
        self.tz = ZoneInfo(zone)
        self.answered_day: int | None = answered.toordinal()


@dataclass
class Morning:
    """A sender and its clock."""

    folder: Path
    contacts: str
    now: datetime
    rows: dict[str, Row] = field(default_factory=dict)

    def sender(self) -> CheckInSender:
        path = self.folder / "patients.toml"
        path.write_text(self.contacts)
        home = HomePart(country="DE", contacts=path, language="de")
        settings = SenderSettings("main", "Europe/Berlin", "https://clinic.example", home, CheckIns())
        links = PatientLinks(lambda: ["k"], self.us)
        return CheckInSender(self.folder / "asked.json", links, lambda: settings, self.rows.get, self.us)

    def us(self) -> int:
        return to_us(self.now)


async def test_a_patient_is_asked_at_their_own_hour_reminded_once_and_not_again_after_a_restart(
    tmp_path: Path, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    day = datetime(2026, 11, 23, 10, tzinfo=BERLIN)
    morning = Morning(tmp_path, f'[willow]\nto = "{phone.address}"\nlanguage = "es"\n', day)
    morning.rows["willow"] = Row("America/New_York", datetime(2026, 11, 16, 20, tzinfo=BERLIN))
    sender = morning.sender()
    await sender.look()
    assert phone.heard == [], "four in the morning where they live"
    morning.now = day.replace(hour=16)
    await sender.look()
    (said,) = phone.heard
    assert "Su clínica le pregunta cómo está" in said
    (token,) = re.findall(r"https://clinic\.example/checkin/([\w.-]+)", said)
    assert PatientLinks(lambda: ["k"], morning.us).read_checkin(token).patient == "willow"
    await sender.look()
    await morning.sender().look()
    assert len(phone.heard) == 1, "asked once, over a restart too"
    morning.now = day.replace(day=24, hour=16)
    sender = morning.sender()
    await sender.look()
    assert "Un recordatorio" in phone.heard[1]
    morning.now = day.replace(day=26, hour=16)
    await sender.look()
    assert len(phone.heard) == 2
    said = (tmp_path / "asked.json").read_text() + caplog.text
    assert "secret-of-the-phone" not in said
    assert "127.0.0.1" not in said
    assert (tmp_path / "asked.json").stat().st_mode & 0o777 == 0o600


async def test_the_second_address_is_tried_when_the_first_fails_and_all_again_later(
    tmp_path: Path, phone: Phone
) -> None:
    dead = "json://127.0.0.1:9/none"
    morning = Morning(
        tmp_path, f'[willow]\nto = ["{dead}", "{phone.address}"]\n', datetime(2026, 11, 23, 10, tzinfo=BERLIN)
    )
    sender = morning.sender()
    phone.takes = False
    await sender.look()
    assert (sender.sent, sender.failed) == (0, 1)
    phone.takes = True
    await sender.look()
    assert (sender.sent, len(phone.heard)) == (1, 1)


async def test_a_contact_is_added_without_a_restart_and_a_broken_file_changes_nothing(
    tmp_path: Path, phone: Phone
) -> None:
    morning = Morning(
        tmp_path, f'[willow]\nto = "{phone.address}"\npaused = true\n', datetime(2026, 11, 23, 10, tzinfo=BERLIN)
    )
    sender = morning.sender()
    await sender.look()
    assert phone.heard == []
    path = tmp_path / "patients.toml"
    path.write_text("[willow\n")
    await sender.look()
    assert "patients.toml" in str(sender.contacts.refused)
    path.write_text(f'[birch]\nto = "{phone.address}"\n')
    await sender.look()
    assert str(sender.contacts.refused) == "None"
    assert len(phone.heard) == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[willow]\nto = "nowhere://secret-7Qm2"\n', r"willow\.to"),
        ('[willow]\nto = "twilio-call://AC@/?from=+1&to=+2&token=t"\n', "twilio-call cannot bring a link"),
        ('[willow]\nto = "console:"\nlanguage = "xx"\n', r"willow\.language: there is no xx"),
        ('[willow]\nto = "console:"\ntimezone = "Mars"\n', "unknown time zone 'Mars'"),
        ('[willow]\nphone = "1"\n', r"willow\.to: Field required"),
    ],
)
def test_a_contact_that_cannot_be_used_is_named_and_its_address_is_not(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "patients.toml"
    path.write_text(text)
    with pytest.raises(BadContacts, match=named) as refused:
        contacts_in(path, HomePart(country="DE"))
    assert "secret-7Qm2" not in str(refused.value)


def test_nobody_is_asked_before_it_is_said_whom_they_can_call(tmp_path: Path) -> None:
    path = tmp_path / "patients.toml"
    path.write_text('[willow]\nto = "console:"\n')
    with pytest.raises(ValueError, match="whose crisis lines"):
        HomePart.model_validate({"contacts": str(path)})
    with pytest.raises(ValueError, match="no lines are known of ZZ"):
        HomePart(country="ZZ")
    own = HomePart.model_validate(
        {"country": "ZZ", "emergency": "15", "crisis_lines": [{"name": "Line", "number": "15 00"}]}
    )
    lines = own.lines()
    assert lines is not None
    assert (lines.emergency, [line.number for line in lines.lines]) == ("15", ["15 00"])
