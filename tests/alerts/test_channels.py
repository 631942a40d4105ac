"""Each channel against a server that speaks its protocol: what is sent, what counts as taken, and what does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from alerts.effects import Page
from alerts.notify import notifiers
from alerts.notify.destination import Message, Outcome, TriedAt
from alerts.notify.notifiers import open_destination
from models.instants import iso
from tests.support.paging import START, misbehaving, page
from tests.support.twilio import Twilio, twilio

LINK = "https://clinic.example.org/answer/abc"
MESSAGE = Message(page("k1"), "Ada", LINK)


@dataclass
class Wire:
    """A real HTTP server that answers as told, and keeps what came."""

    port: int = 0
    status: int = 200
    answer: bytes = b"{}"
    came: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)


@contextmanager
def listening(status: int = 200, answer: bytes = b"{}") -> Iterator[Wire]:
    wire = Wire(status=status, answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            wire.came.append((self.path, dict(self.headers.items()), body))
            self.send_response(wire.status)
            self.send_header("Content-Length", str(len(wire.answer)))
            self.end_headers()
            self.wfile.write(wire.answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ---- the webhook


def mac(key: str, headers: Mapping[str, str], body: bytes) -> str:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


async def test_a_webhook_gets_a_cloud_event_that_both_keys_have_signed(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("new-key\nold-key\n")
    with listening(204, b"") as wire:
        outcome = await open_destination(f"webhook://127.0.0.1:{wire.port}/in?key_file={keys}").deliver(MESSAGE)

    assert outcome == Outcome(True)
    ((path, headers, body),) = wire.came
    event = from_structured_event(HTTPMessage(dict(headers), body))
    data: Any = event.get_data()
    assert (path, event.get_id(), event.get_source(), event.get_type(), event.get_specversion()) == (
        "/in", "k1", "/sites/main", "org.chairside.page.page", "1.0",
    )  # fmt: skip
    assert (data["title"], data["alerts"], data["person"], data["acknowledge"]) == ("Low oxygen", ["a1"], "Ada", LINK)
    assert headers["webhook-id"] == "k1"
    assert headers["webhook-signature"].split() == [mac("new-key", headers, body), mac("old-key", headers, body)]
    assert mac("old-key", headers, body + b" ") not in headers["webhook-signature"], "a changed body is not signed"


async def test_a_key_that_is_replaced_in_its_file_signs_from_the_next_page_on(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("first\n")
    with listening(204, b"") as wire:
        target = open_destination(f"webhook://127.0.0.1:{wire.port}/in?key_file={keys}")
        for text in ("second\nfirst\n", "", "third\n"):
            keys.write_text(text)
            assert await target.deliver(MESSAGE) == Outcome(True)
        keys.unlink()
        assert await target.deliver(MESSAGE) == Outcome(True)
    signed = [headers["webhook-signature"].split() for _, headers, _ in wire.came]
    assert signed == [
        [mac(key, headers, body) for key in used]
        for used, (_, headers, body) in zip(
            (["second", "first"], ["second", "first"], ["third"], ["third"]), wire.came, strict=True
        )
    ], "a file that is empty or away, as while somebody replaces it, changes nothing"


# ---- mail


class Mailbox:
    """An SMTP server's mailbox. `refuses`: what it answers to a mail."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.got: list[tuple[list[str], bytes]] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - what aiosmtpd calls
        if not self.refuses:
            self.got.append((envelope.rcpt_tos, envelope.content))
        return self.refuses or "250 taken"


@contextmanager
def mail_server(mailbox: Mailbox) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}/?from=chairside@example.org&to=ada@example.org"
    finally:
        controller.stop()


async def test_a_mail_holds_the_page_and_its_link_and_a_repeat_is_seen_as_one() -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        target = open_destination(address)
        assert await target.deliver(MESSAGE) == Outcome(True)
        assert await target.deliver(MESSAGE) == Outcome(True)
        assert await target.deliver(Message(page("k2", "medium"), "Ada", LINK)) == Outcome(True)
    first, again, other = (message_from_bytes(content, policy=policy.default) for _, content in mailbox.got)
    assert mailbox.got[0][0] == ["ada@example.org"]
    assert (first["Subject"], first["To"], first["Importance"]) == ("Low oxygen", "ada@example.org", "high")
    assert first.get_content().split() == ["Chair", "3:", "SpO2", "85", "below", "90", "Acknowledge:", LINK]
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert other["Importance"] is None


async def test_a_mail_server_that_refuses_took_nothing_and_a_title_adds_no_header() -> None:
    with mail_server(Mailbox("451 later")) as address:
        assert await open_destination(address).deliver(MESSAGE) == Outcome(False, "answered 451")
    mailbox = Mailbox()
    odd = Page("k", iso(START), "main", "P", "high", ("a1",), "Low\nBcc: all@example.org", "B")
    with mail_server(mailbox) as address:
        assert await open_destination(address).deliver(Message(odd)) == Outcome(True)
    assert message_from_bytes(mailbox.got[0][1])["Bcc"] is None


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # smtplib keeps what it waits for
async def test_a_mail_server_that_says_nothing_fails_in_time() -> None:
    with misbehaving("hang") as url:
        port = url.split(":")[2].strip("/")
        target = open_destination(f"smtp://127.0.0.1:{port}/?from=a@x&to=b@x")
        target.timeout_s = 0.3
        assert await target.deliver(MESSAGE) == Outcome(False, "no answer in 0.3 s")


# ---- PagerDuty


def enqueued(key: str = "a1") -> bytes:
    return json.dumps({"status": "success", "message": "Event processed", "dedup_key": key}).encode()


async def test_pagerduty_is_triggered_acknowledged_and_resolved_by_the_alerts_id() -> None:
    with listening(202, enqueued()) as wire:
        target = open_destination(f"pagerduty-events://127.0.0.1:{wire.port}?key=r0uting&tls=no")
        for kind in ("page", "answered", "over"):
            told = Page("k1", iso(START), "main", "P", "high", ("a1",), "Low oxygen", "SpO2 85", kind=kind)
            assert await target.deliver(Message(told, "Ada", LINK)) == Outcome(True)
    sent = [json.loads(body) for _, _, body in wire.came]
    assert [(each["event_action"], each["dedup_key"]) for each in sent] == [
        ("trigger", "a1"), ("acknowledge", "a1"), ("resolve", "a1"),
    ]  # fmt: skip
    assert wire.came[0][0] == "/v2/enqueue"
    assert (sent[0]["payload"]["severity"], sent[0]["payload"]["summary"]) == ("critical", "Low oxygen")
    assert sent[0]["links"] == [{"href": LINK, "text": "Acknowledge"}]
    assert target.name == "pagerduty-events://127.0.0.1"


@pytest.mark.parametrize("answer", [b"<html>", b"[]", enqueued("another"), b'{"status": "invalid event"}'])
async def test_pagerduty_answering_anything_else_took_nothing(answer: bytes) -> None:
    with listening(202, answer) as wire:
        outcome = await open_destination(f"pagerduty-events://127.0.0.1:{wire.port}?key=k&tls=no").deliver(MESSAGE)
    assert outcome == Outcome(False, "answered 2xx, but not that it took the event")


# ---- all of them


def told_by(channel: type, wire: Wire, mailbox: Mailbox, provider: Twilio, terminal: io.StringIO) -> str:
    """What somebody is told through a channel, once `MESSAGE` has gone out."""
    match channel.__name__:
        case "ConsoleNotifier":
            return terminal.getvalue()
        case "MailNotifier":
            ((_, content),) = mailbox.got
            mail = message_from_bytes(content, policy=policy.default)
            return f"{mail['Subject']} {mail.get_content()}"
        case "TwilioSms":
            return provider.messages[0].form["Body"]
        case "TwilioCall":
            return f"{provider.calls[0].said} {provider.calls[0].form['Twiml']}"
        case _:
            return wire.came[0][2].decode()


CHANNELS: Mapping[str, tuple[str, str]] = {
    # The address of each, and what in the message answers it.
    "ConsoleNotifier": ("console", "https://clinic.example.org/alert/a1"),
    "NtfyNotifier": ("ntfy://127.0.0.1:{port}/t", LINK),
    "MailNotifier": ("{smtp}", LINK),
    "WebhookNotifier": ("webhook://127.0.0.1:{port}/in?key=k", LINK),
    "PagerDutyNotifier": ("pagerduty-events://127.0.0.1:{port}?key=k&tls=no", LINK),
    "AppriseNotifier": ("json://127.0.0.1:{port}/in", LINK),
    "TwilioSms": ("{sms}", "Reply OK or "),
    "TwilioCall": ("{call}", "Press 1 to acknowledge"),
}
NO_WAY_TO_A_PERSON = {"Destination", "InThread", "Notifier", "Pcd04Notifier"}
"""What an alarm manager is told is its profile's (`test_pcd04.py`), and it answers nobody."""
CHANNEL_CLASSES = [
    each for each in vars(notifiers).values()
    if isinstance(each, type) and each.__module__.startswith("alerts.notify.") and each.__name__ not in NO_WAY_TO_A_PERSON
]  # fmt: skip


@pytest.mark.parametrize("channel", CHANNEL_CLASSES)
async def test_every_way_to_a_person_says_what_is_wrong_and_how_to_answer_it(
    channel: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a page goes by, it says the chair, the signal, its value and its limit, and how to be left in peace."""
    address, answer = CHANNELS[channel.__name__]
    terminal, mailbox = io.StringIO(), Mailbox()
    monkeypatch.setattr("sys.stderr", terminal)
    body = "Chair 3: SpO2 85 below 90 https://clinic.example.org/alert/a1"
    message = Message(
        replace(MESSAGE.page, body=body), "Ada", LINK, TriedAt("https://clinic.example.org", "k1", "Ada", "way", 1)
    )
    with listening(202, enqueued()) as wire, mail_server(mailbox) as smtp, twilio() as provider:
        numbers = {kind: provider.address(kind, "+4930123456") for kind in ("sms", "call")}
        await open_destination(address.format(port=wire.port, smtp=smtp, **numbers)).deliver(message)
    told = told_by(channel, wire, mailbox, provider, terminal)
    for wanted in ("Low oxygen", "Chair 3: SpO2 85 below 90", answer):
        assert wanted in told, told


# ---- addresses


@pytest.mark.parametrize(
    ("address", "missing"),
    [
        ("webhooks://example.org/in", "key= is missing"),
        ("webhooks://example.org/in?key_file=/nowhere", "key_file cannot be read"),
        ("webhook:///in?key=x", "a host is needed"),
        ("smtp://example.org/?from=a@x", "to= is missing"),
        ("smtps:///?from=a@x&to=b@x", "a host is needed"),
        ("pagerduty-events://", "key= is missing"),
        ("pcd04:///", "a host is needed"),
        ("pcd04s://alarms.example.org?ca_file=/nowhere", "ca_file is no file"),
        ("pcd04s://alarms.example.org?certificate=/dev/null", "certificate is no file"),
    ],
)
def test_an_address_that_lacks_something_is_refused_by_name(address: str, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        open_destination(address)
