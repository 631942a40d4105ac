"""Ways to reach a person: what a destination is called, what a phone is told, and that no secret leaves."""

from __future__ import annotations

import io
import logging

import pytest

from alerts.effects import Page
from alerts.notify.notifiers import (
    AppriseNotifier,
    ConsoleNotifier,
    Outcome,
    open_destination,
    open_destinations,
    safe_name,
)
from models.instants import iso
from tests.alerts.test_pager import START, page, receiver


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
        first, second = await target.deliver(page("k1")), await target.deliver(page("k1"))
    gone = await open_destination(secret).deliver(page("k1"))

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
    def priority(address: str, urgency: str) -> str:
        return AppriseNotifier(address)._address(page("k1", urgency)).partition("priority=")[2]

    assert priority("ntfy://localhost/topic", "high") == "max"
    assert priority("ntfy://localhost/topic", "medium") == "high"
    assert priority("ntfy://localhost/topic?priority=low", "high") == "low"


def test_the_console_prints_one_clear_line_whatever_the_page_holds() -> None:
    stream = io.StringIO()
    odd = Page("k", iso(START), "main", "P-07", "high", ("a1",), "Low \x1b[2Joxygen", "Chair 3:\nSpO2 85 [red]")

    assert ConsoleNotifier(stream).send(odd).arrived

    assert stream.getvalue() == "PAGE Low [2Joxygen  Chair 3: SpO2 85 [red]\n"


def test_on_a_terminal_the_line_is_coloured_and_says_the_same() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    ConsoleNotifier(stream).send(page("k1"))

    assert "Low oxygen" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1
