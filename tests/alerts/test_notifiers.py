"""Ways to reach a person: what a destination is called, what a phone is told, and that no secret leaves."""

from __future__ import annotations

import io
import logging

import pytest

from alerts.effects import Page
from alerts.notify.console import ConsoleNotifier
from alerts.notify.destination import Message, Outcome
from alerts.notify.notifiers import open_destination, open_destinations, safe_name
from alerts.notify.ntfy import NtfyNotifier
from models.instants import iso
from tests.support.paging import START, misbehaving, page, receiver


async def test_no_secret_of_an_address_reaches_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [logging.StreamHandler(text)])
    monkeypatch.setattr(
        root, "level", root.level
    )  # put back afterwards; set below, where loggers forget what they knew
    root.setLevel(logging.DEBUG)
    with receiver([500]) as (address, _):
        secret = address.replace("127.0.0.1", "user:pa55word@127.0.0.1").replace("/hook", "/t0ken")
        target = open_destination(secret)
        first, second = await target.deliver(Message(page("k1"))), await target.deliver(Message(page("k1")))
    gone = await open_destination(secret).deliver(Message(page("k1")))

    assert (first, second) == (Outcome(False, "answered 500"), Outcome(True))
    assert gone == Outcome(False, "no connection, or no answer in time")
    assert target.name == "json://127.0.0.1"
    with pytest.raises(ValueError, match="nosuch: not an address") as refused:
        open_destination("nosuch://pa55word/t0ken")
    root.warning("the end")
    assert "the end" in text.getvalue()
    everything = text.getvalue() + str(refused.value) + repr((first, second, gone))
    assert "pa55word" not in everything
    assert "t0ken" not in everything


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("console", "console"),
        ("mailto://me:secret@mail.example.org?to=you", "mailto://mail.example.org"),
        ("ntfys://token@ntfy.example.org/topic", "ntfys://ntfy.example.org"),
        ("ntfy://my-secret-topic", "ntfy"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram"),
        ("json://localhost:8080/x", "json://localhost"),
    ],
)
def test_a_destination_is_called_by_its_scheme_and_host_and_never_by_a_token(address: str, name: str) -> None:
    assert safe_name(address) == name


def test_destinations_at_one_host_have_names_of_their_own() -> None:
    found = open_destinations(["console", "json://localhost/a", "json://localhost/b"])

    assert [it.name for it in found] == ["console", "json://localhost", "json://localhost#2"]


def test_a_high_page_to_a_phone_asks_to_be_loud_unless_the_address_says_otherwise() -> None:
    def priority(address: str, urgency: str) -> int:
        return int(NtfyNotifier(address).body(Message(page("k1", urgency)))["priority"])

    assert priority("ntfy://localhost/topic", "high") == 5
    assert priority("ntfy://localhost/topic", "medium") == 4
    assert priority("ntfy://localhost/topic?priority=low", "high") == 2


@pytest.mark.parametrize(
    ("address", "url", "topic"),
    [
        ("ntfy://my-topic", "https://ntfy.sh/", "my-topic"),
        ("ntfys://ntfy.example.org/topic", "https://ntfy.example.org/", "topic"),
        ("ntfy://tk_abc@localhost:8080/topic", "http://localhost:8080/", "topic"),
        ("ntfy://user:pw@[::1]/topic", "http://[::1]/", "topic"),
    ],
)
def test_an_ntfy_address_names_a_server_and_a_topic(address: str, url: str, topic: str) -> None:
    notifier = NtfyNotifier(address)
    assert (notifier.url, notifier.topic) == (url, topic)


@pytest.mark.parametrize("address", ["ntfy://", "ntfys://host/a/b", "ntfy://host/topic?priority=loudest"])
def test_an_ntfy_address_that_makes_no_sense_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="ntfy: "):
        open_destination(address)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("drip", "no answer in 0.5 s"),
        ("hang", "no answer in 0.5 s"),
        ("500", "answered 500"),
        ("redirect", "answered 307: a redirect is no delivery"),
        ("close", "no connection"),
    ],
)
async def test_whatever_a_receiver_does_wrong_is_a_failure_in_time_with_its_reason(how: str, reason: str) -> None:
    with misbehaving(how) as url:
        target = open_destination(url.replace("http://", "ntfy://") + "topic")
        target.timeout_s = 0.5
        assert await target.deliver(Message(page("k1"))) == Outcome(False, reason)


async def test_no_redirect_is_a_delivery_by_apprise_either() -> None:
    with misbehaving("redirect") as url:
        outcome = await open_destination(url.replace("http://", "json://") + "hook").deliver(Message(page("k1")))
    assert outcome == Outcome(False, "answered 307")


async def test_a_phone_gets_a_button_that_acknowledges_and_a_server_that_is_no_ntfy_took_nothing() -> None:
    link = "https://clinic.example.org/answer/abc"
    with receiver([200]) as (address, got):
        port = address.split(":")[2].split("/")[0]
        outcome = await open_destination(f"ntfy://127.0.0.1:{port}/t").deliver(Message(page("k1"), "Ada", link))
    assert outcome == Outcome(False, "answered 200, but not as ntfy does"), "a captive portal answers 200 to everything"
    assert got == [
        {
            "topic": "t", "title": "Low oxygen", "message": "Chair 3: SpO2 85 below 90", "priority": 5, "click": link,
            "actions": [{"action": "http", "label": "Acknowledge", "url": link, "method": "POST", "clear": True}],
        }
    ]  # fmt: skip


def test_the_console_prints_one_clear_line_whatever_the_page_holds() -> None:
    stream = io.StringIO()
    odd = Page("k", iso(START), "main", "P-07", "high", ("a1",), "Low \x1b[2Joxygen", "Chair 3:\nSpO2 85 [red]")

    assert ConsoleNotifier(stream).send(Message(odd)).arrived

    assert stream.getvalue() == "PAGE Low [2Joxygen  Chair 3: SpO2 85 [red]\n"


def test_on_a_terminal_the_line_is_coloured_and_says_the_same() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    ConsoleNotifier(stream).send(Message(page("k1")))

    assert "Low oxygen" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1
