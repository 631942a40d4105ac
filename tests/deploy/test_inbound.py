"""What providers tell us: who may, what it does, and that it counts once. Replies, keys, receipts, PagerDuty's own answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerts.notify.twilio import code_of
from deploy.settings import PagesPart, ReachedColleague, Settings
from tests.support.service import Inside, falling, serving, until, until_answered
from tests.support.twilio import Twilio, answered, twilio

ADA = "+4930123456"
PUBLIC = "https://clinic.example.org"


@asynccontextmanager
async def paging_ada(data: Path, *channels: str) -> AsyncIterator[tuple[Inside, Twilio]]:
    """A clinic that reaches Ada by these channels of Twilio, in their order."""
    with twilio() as provider:
        settings = Settings(
            pages=PagesPart(destinations=(), link=PUBLIC),
            destinations={f"ada-{each}": provider.address(each, ADA) for each in channels},
            people={"ada": ReachedColleague(methods=tuple(f"ada-{each}" for each in channels))},
        )
        async with serving(data, settings) as clinic:
            provider.behind = clinic.address
            yield clinic, provider
            assert provider.problems == []


async def answers(clinic: Inside) -> list[tuple[str, str, str]]:
    """Every acknowledgement: of whom, by whom."""
    found = await clinic.transitions()
    return [(each["transition"], each["patient"], each["evidence"]["by"]) for each in found if "by" in each["evidence"]]


async def test_an_sms_that_is_lost_is_followed_by_a_call_at_once_and_a_key_acknowledges(tmp_path: Path) -> None:
    async with paging_ada(tmp_path, "sms", "call") as (clinic, provider):
        await clinic.post(*falling())
        await until(lambda: len(provider.messages) == 1, "the SMS")
        (message,) = provider.messages
        assert message.form["Body"].startswith("MEDIUM P-1: Low oxygen\n")
        assert (message.form["To"], message.form["StatusCallback"].startswith(f"{PUBLIC}/hooks/twilio/status?")) == (
            ADA,
            True,
        )
        assert (await provider.status(message, "queued")).status_code == 204
        assert provider.calls == [], "taken is no failure"

        assert (await provider.status(message, "undelivered", "30003")).status_code == 204
        await until(lambda: len(provider.calls) == 1, "the call, long before the SMS's time is over")
        (call,) = provider.calls
        assert "MEDIUM P-1: Low oxygen." in call.said
        assert "below" in call.said
        assert "Press 1 to acknowledge" in call.said
        assert "http" not in call.said, "nobody can hear a link"

        assert "Press 1 to acknowledge" in answered(await provider.press(call, "7"))
        assert await answers(clinic) == []
        assert answered(await provider.press(call, "1")) == "Acknowledged."
        await clinic.settled()
        assert await answers(clinic) == [("acknowledged", "P-1", "ada")]
        assert (await provider.press(call, "1")).status_code == 409, "what was sent once counts once"
        assert (await provider.status(call, "completed")).status_code == 204
        (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
        (page,) = [each for each in alert["pages"] if not each["key"].endswith("answered")]
        assert (page["state"], page["reached"]) == ("sent", ["ada by ada-call"])
        assert [each.split(":")[0] for each in page["failed"]] == ["ada by ada-sms"]


async def test_a_call_that_nobody_confirms_by_a_key_has_reached_nobody(tmp_path: Path) -> None:
    async with paging_ada(tmp_path, "call") as (clinic, provider):
        await clinic.post(*falling())
        await until(lambda: len(provider.calls) == 1, "the call")
        await provider.status(provider.calls[0], "completed")
        await until(lambda: len(provider.calls) == 2, "the next try: a mailbox answers too")
        await provider.status(provider.calls[1], "no-answer")

        async def said() -> Any:
            (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
            return alert["pages"][0]["failed"] == ["ada by ada-call: no-answer"]

        await until_answered(said, "what became of it to be shown")


async def test_a_reply_acknowledges_the_alert_that_waits_or_asks_which_one(tmp_path: Path) -> None:
    async with paging_ada(tmp_path, "sms") as (clinic, provider):
        await clinic.post(*falling("P-1"))
        await clinic.post(*falling("P-2", start_s=70))
        await until(lambda: len(provider.messages) == 2, "both")
        for message in provider.messages:
            assert (await provider.status(message, "delivered")).status_code == 204
        alerts = [each for each in (await clinic.get("/v1/alerts"))["alerts"] if each["rule"] == "desaturation"]
        codes = {each["patient"]: code_of(each["alert"]) for each in alerts}
        # Several go out at once, in no order.
        assert {each for each in codes if any(codes[each] in sent.form["Body"] for sent in provider.messages)} == {
            "P-1",
            "P-2",
        }

        assert answered(await provider.reply(ADA, "Who is this?", "SM1")).startswith("Not understood")
        which = answered(await provider.reply(ADA, "ok", "SM2"))
        assert which.startswith("Which one?")
        assert f"{codes['P-1']} for P-1: Low oxygen" in which
        assert f"{codes['P-2']} for P-2: Low oxygen" in which
        assert await answers(clinic) == []

        for refused, form in (
            ("nobody is paged at that number", {"From": "+4930999999", "To": "+15005550006"}),
            ("not from a telephone number", {"From": "Bank", "To": "+15005550006"}),
        ):
            stranger = await provider.post(f"{PUBLIC}/hooks/twilio/sms", {"Body": "ok", "MessageSid": "SM3", **form})
            assert (stranger.status_code, stranger.text) == (403, refused)
        forged = await provider.post(f"{PUBLIC}/hooks/twilio/sms", {"From": ADA, "Body": "ok"}, signature="x" * 28)
        assert (forged.status_code, forged.text) == (403, "not signed by an account that pages go through")

        assert answered(await provider.reply(ADA, f" {codes['P-2']}.", "SM4")) == "Acknowledged: P-2: Low oxygen."
        assert (await provider.reply(ADA, f" {codes['P-2']}.", "SM4")).status_code == 409
        await clinic.settled()
        assert answered(await provider.reply(ADA, "Yes!", "SM5")) == "Acknowledged: P-1: Low oxygen."
        await clinic.settled()
        assert answered(await provider.reply(ADA, "ok", "SM6")) == "Nothing waits for your answer."
        assert await answers(clinic) == [("acknowledged", "P-2", "ada"), ("acknowledged", "P-1", "ada")]


async def test_what_is_too_large_too_slow_or_names_no_try_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.inbound.routes.COMES_WITHIN_S", 0.05)
    async with paging_ada(tmp_path, "sms") as (clinic, provider):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(clinic.address.rpartition(":")[2]))
        writer.write(b"POST /hooks/pagerduty HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        assert (await provider.reply(ADA, "x" * 70_000, "SM1")).status_code == 413
        assert (
            await provider.post(f"{PUBLIC}/hooks/twilio/status?key=x", {"MessageStatus": "sent"})
        ).status_code == 422
        other = f"{PUBLIC}/hooks/twilio/status?key=x&person=&destination=elsewhere&attempt=1"
        assert (await provider.post(other, {"MessageStatus": "delivered"})).status_code == 403


# ---- PagerDuty


def incident(kind: str, alert: str, id_: str, agent: dict[str, str] | None) -> bytes:
    """An event as PagerDuty's v3 webhooks have it."""
    data = {"id": "PGR0VU2", "type": "incident", "status": kind, "incident_key": alert, "title": "Low oxygen"}
    event = {
        "id": id_, "event_type": f"incident.{kind}", "resource_type": "incident", "agent": agent, "client": None,
        "occurred_at": "2026-11-23T14:02:00.000Z", "data": data,
    }  # fmt: skip
    return json.dumps({"event": event}).encode()


def user(id_: str) -> dict[str, str]:
    return {"id": id_, "type": "user_reference", "summary": "Somebody", "html_url": "https://x.pagerduty.com/users/U"}


async def told(clinic: Inside, body: bytes, *keys: str) -> httpx.Response:
    macs = (f"v1={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}" for key in keys)
    return await clinic.http.post("/hooks/pagerduty", content=body, headers={"X-PagerDuty-Signature": ",".join(macs)})


async def test_what_somebody_does_in_pagerduty_is_their_answer_here_and_closes_nothing_that_stands(
    tmp_path: Path,
) -> None:
    keys = tmp_path / "hook"
    keys.write_text("new\nold\n")
    settings = Settings(
        pages=PagesPart(destinations=(f"pagerduty-events://127.0.0.1:1?key=r&webhook_key_file={keys}&tls=no",)),
        people={"ada": ReachedColleague(pagerduty="PADA")},
    )
    async with serving(tmp_path / "data", settings) as clinic:
        await clinic.post(*falling())
        await clinic.settled()
        (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
        acknowledged = incident("acknowledged", alert["alert"], "E1", user("PADA"))
        assert (await told(clinic, acknowledged)).status_code == 403
        assert (await told(clinic, acknowledged, "guessed")).status_code == 403
        assert (await told(clinic, acknowledged + b" ", "old")).status_code == 200, "of a body that was signed so"
        assert (await told(clinic, acknowledged, "another", "new")).status_code == 409, (
            "several signatures; counted once"
        )
        await clinic.settled()
        assert await answers(clinic) == [("acknowledged", "P-1", "ada")]

        resolved = await told(clinic, incident("resolved", alert["alert"], "E2", user("PNOBODY")), "new")
        assert resolved.text == "acknowledged"
        await clinic.settled()
        assert (await clinic.get("/v1/alerts", open="true"))["alerts"], "the condition stands"
        assert (await answers(clinic))[1:] == [("acknowledged", "P-1", "pagerduty")]

        ours = incident("resolved", alert["alert"], "E3", {"id": "PINT", "type": "inbound_integration_reference"})
        assert (await told(clinic, ours, "new")).status_code == 202, "our own news comes back"
        assert (await told(clinic, b'{"event": {"event_type": "pagey.ping", "id": "E4"}}', "new")).status_code == 202
        assert (await told(clinic, incident("resolved", "no-such", "E5", user("P")), "new")).status_code == 404
        assert (await told(clinic, b"[]", "new")).status_code == 422
        assert (await told(clinic, b"[" * 60_000, "new")).status_code == 422, "deeper than anybody reads"
        keys.write_text("newest\n")
        assert (await told(clinic, acknowledged, "old")).status_code == 403, "a key that was taken away"
    journal = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("chairside.sqlite*"))
    assert b"newest" not in journal
    assert b"PADA" not in journal
