"""SMS and calls by Twilio: what is asked of it, what counts as taken, whose requests are believed, and what a reply means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from alerts.inbound.lines import AnswerLine, RefusedRequest
from alerts.inbound.replies import Waiting, meaning_of
from alerts.inbound.twilio import Posted, receipt_of, signed_by_twilio
from alerts.notify.destination import Message, Outcome, TriedAt
from alerts.notify.notifiers import open_destination
from alerts.notify.twilio import code_of, number_of
from models.wire.live import AlertOut
from tests.support.paging import page
from tests.support.service import invoked
from tests.support.twilio import ACCOUNT, OUR_NUMBER, TOKEN, twilio

ADA = "+4930123456"
TRY = TriedAt("https://c.example.org", "k1", "ada", "sms", 1)
ASKED = {"key": "k1", "person": "ada", "destination": "sms", "attempt": "1"}


async def test_without_an_address_of_ours_a_message_asks_for_no_reply_and_taken_is_all_that_is_known() -> None:
    with twilio() as provider:
        assert await open_destination(provider.address("sms", ADA)).deliver(Message(page("k1"))) == Outcome(True)
        assert await open_destination(provider.address("call", ADA)).deliver(Message(page("k1"))) == Outcome(True)
    assert provider.messages[0].form == {
        "To": ADA, "From": OUR_NUMBER, "Body": "Low oxygen\nChair 3: SpO2 85 below 90",
    }  # fmt: skip
    assert "StatusCallback" not in provider.calls[0].form
    assert provider.calls[0].twiml.find("Gather") is None
    assert provider.calls[0].said == " ".join(["Low oxygen. Patient P-07. Chair 3: SpO2 85 below 90"] * 2)


async def test_with_one_a_receipt_is_waited_for_and_the_message_says_how_to_answer_however_long_it_is() -> None:
    long = replace(page("k1"), title="HIGH ▲ Chair 3: Low oxygen", body="x" * 3000)
    with twilio() as provider:
        for channel in ("sms", "call"):
            outcome = await open_destination(provider.address(channel, ADA)).deliver(Message(long, "ada", tried_at=TRY))
            assert outcome == Outcome(True, receipt_within_s=90.0) or channel == "call"
        news = replace(page("k2"), kind="over")
        assert (
            await open_destination(provider.address("sms", ADA)).deliver(Message(news, "ada", tried_at=TRY))
        ).arrived
    body = provider.messages[0].form["Body"]
    assert body.startswith("HIGH Chair 3: Low oxygen\n"), "a shape would make it three messages of one"
    assert body.endswith(f"\nReply OK or {code_of('a1')} to acknowledge.")
    assert len(body) == 1600
    assert "Reply" not in provider.messages[1].form["Body"], "news asks for nobody"


async def test_what_twilio_refuses_was_not_taken_and_a_token_that_is_replaced_is_used_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old-token\n")
    with twilio() as provider:
        target = open_destination(provider.address("sms", ADA, str(token)))
        assert await target.deliver(Message(page("k1"))) == Outcome(False, "answered 401")
        token.write_text(f"{TOKEN}\nold-token\n")
        provider.refuses = 1
        assert await target.deliver(Message(page("k1"))) == Outcome(False, "answered 500")
        assert await target.deliver(Message(page("k1"))) == Outcome(True)
    assert provider.problems == []


def test_a_test_page_goes_by_twilio_too(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    with twilio() as provider:
        addresses = [provider.address(channel, ADA) for channel in ("sms", "call")]
        config.write_text(
            f"[destinations]\nsms = '{addresses[0]}'\ncall = '{addresses[1]}'\n[pages]\ndestinations = []\n"
        )
        done = invoked("page-test", "--config", config)
    assert (done.status, done.stderr) == (0, "sms: taken\ncall: taken\n")
    assert "TEST main: a test page" in provider.messages[0].form["Body"]
    assert "a test page" in provider.calls[0].said


@pytest.mark.parametrize(
    ("address", "missing"),
    [
        ("twilio-sms://?from=%2B15005550006&to=%2B4930123456&token=t", "the account is missing"),
        ("twilio-call://AC1@/?to=%2B4930123456&token=t", "from= is missing"),
        ("twilio-sms://AC1@/?from=%2B15005550006&to=Ada&token=t", "a number is like"),
        ("twilio-sms://AC1@/?from=%2B15005550006&to=%2B4930123456", "token= is missing"),
    ],
)
def test_an_address_that_lacks_something_is_refused(address: str, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        open_destination(address)


@pytest.mark.parametrize("text", ["+4930123456", " 4930123456", "+49 (30) 123-456"])
def test_a_number_is_one_however_it_is_written(text: str) -> None:
    assert number_of(text) == ADA


def test_a_request_is_believed_by_either_token_of_the_accounts_own_and_by_nothing_else(tmp_path: Path) -> None:
    from twilio.request_validator import RequestValidator

    tokens = tmp_path / "tokens"
    tokens.write_text("new\nold\n")
    address = f"twilio-sms://{ACCOUNT}@/?from={OUR_NUMBER}&to={ADA}&token_file={tokens}"
    line = AnswerLine("main", open_destination(address, "sms"), "https://c.example.org/")
    form = {"AccountSid": ACCOUNT, "Body": "ok"}

    def posted(token: str, **changed: str) -> Posted:
        url = "https://c.example.org/hooks/twilio/sms?x=1"
        return Posted("/hooks/twilio/sms", "x=1", form | changed, RequestValidator(token).compute_signature(url, form))

    for token in ("new", "old"):
        assert signed_by_twilio(posted(token), [line]) == [line]
    for bad in (
        posted("guessed"), posted("new", Body="1"), posted("new", AccountSid="AC2"), replace(posted("new"), query="x=2"),
        replace(posted("new"), signature=""),
    ):  # fmt: skip
        with pytest.raises(RefusedRequest):
            signed_by_twilio(bad, [line])
    tokens.write_text("new\n")
    with pytest.raises(RefusedRequest):
        signed_by_twilio(posted("old"), [line])
    with pytest.raises(RefusedRequest):
        signed_by_twilio(posted("new"), [replace(line, base=None)])


@pytest.mark.parametrize(
    ("status", "asks", "fate"),
    [
        ("delivered", "0", "reached"), ("read", "0", "reached"), ("sent", "0", "handed on"), ("undelivered", "0", "failed"),
        ("failed", "0", "failed"), ("no-answer", "1", "failed"), ("busy", "1", "failed"), ("canceled", "1", "failed"),
        ("completed", "1", "failed"), ("completed", "0", "reached"), ("queued", "0", None), ("ringing", "1", None),
        ("", "0", None),
    ],
)  # fmt: skip
def test_what_each_status_says_of_a_page(status: str, asks: str, fate: str | None) -> None:
    receipt = receipt_of(ASKED | {"asks": asks}, {"MessageStatus": status})
    assert (None if receipt is None else receipt.fate) == fate


def waiting(alert: str, phase: str = "active", person: str = "ada") -> Waiting:
    document = {"alert": alert, "phase": phase, "chair": alert[-1], "patient": "P", "title": "Low oxygen"}
    return Waiting(cast("AlertOut", cast("Any", document)), person)


TWO = [waiting("a1"), waiting("a2")]


@pytest.mark.parametrize(
    ("text", "among", "alert", "answer"),
    [
        ("OK", [waiting("a1")], "a1", "Acknowledged: Chair 1: Low oxygen."),
        (" ok. thanks", [waiting("a1"), waiting("a2", "acknowledged")], "a1", "Acknowledged"),
        ("ok", TWO, None, "Which one? Nothing is acknowledged yet. Reply "),
        (code_of("a2"), TWO, "a2", "Acknowledged: Chair 2"),
        (f"ok {code_of('a2')}", [waiting("a1"), waiting("a2", "acknowledged")], "a2", "Acknowledged: Chair 2"),
        ("0000", TWO, None, "No open alert of yours has that number."),
        (f"{code_of('a1')} {code_of('a2')}", TWO, None, "No open alert"),
        ("not ok", [waiting("a1")], None, "Not understood, nothing is acknowledged. Reply "),
        ("", [waiting("a1")], None, "Not understood"),
        ("ok", [], None, "Nothing waits for your answer."),
        ("ok", [waiting("a1", person="ada"), waiting("a1", person="ben")], "a1", "Acknowledged"),
    ],
)
def test_a_reply_acknowledges_what_it_names_and_nothing_where_it_is_not_plain(
    text: str, among: list[Waiting], alert: str | None, answer: str
) -> None:
    meaning = meaning_of(text, among)
    assert (None if meaning.acknowledged is None else meaning.acknowledged.alert["alert"]) == alert
    assert meaning.answer.startswith(answer)
