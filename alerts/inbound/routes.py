"""The routes at which providers tell us something: receipts, replies, keys pressed, what somebody did in PagerDuty.

What comes is believed by its signature alone, and counts once: its id is kept when it has counted. An answer is a command in the
journal, like one from the board. Not much is read, and not for long.
Never here: what a provider's request means (twilio.py, pagerduty.py, replies.py), what an answer does to an alert (the desk).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from alerts.answer_links import GOOD_FOR_S, NOBODY_IN_PARTICULAR
from alerts.api.views import Views
from alerts.inbound import pagerduty, twilio
from alerts.inbound.lines import AnswerLines, RefusedRequest
from alerts.inbound.replies import Waiting, meaning_of
from alerts.notify.pager import MAX_TRIES, retry_after_s
from alerts.notify.twilio import PRESSED_PATH, STATUS_PATH
from alerts.store.receipts import Receipt
from alerts.store.store import Store
from models.instants import SECOND, to_datetime
from models.wire.live import AlertOut, AlertPhase
from models.wire.observations import AlertAcknowledged, AlertClosed, Command

log = logging.getLogger(__name__)

LARGEST_NEWS: Final = 65_536
"""Bytes of a request. Twilio's have some two kilobytes, PagerDuty's some ten."""
COMES_WITHIN_S: Final = 10.0
"""How long a request may take to come. Twilio waits 15 s for an answer, PagerDuty 16."""


class Inbound:
    """Hears what providers tell.

    Args:
        append: puts a command into the journal; durable when it returns.
        views: whose time a command is stamped with.
        lines: the destinations by which somebody may answer, as they are configured now.
        steady_us, wall_us: the pager's clocks.
        wake: the pager has something to do.
    """

    def __init__(
        self, store: Store, append: Callable[[Command], Awaitable[None]], views: Views, lines: AnswerLines,
        steady_us: Callable[[], int], wall_us: Callable[[], int], wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._append = append
        self._views = views
        self._lines = lines
        self._steady_us = steady_us
        self._wall_us = wall_us
        self._wake = wake

    # ---- Twilio

    async def status(self, request: Request) -> Response:
        """What became of a message or a call."""
        posted, query = await _posted(request), dict(request.query_params)
        delivery, _ = twilio.delivery_of(query)
        twilio.of_try(twilio.signed_by_twilio(posted, self._lines()), delivery.destination)
        receipt = twilio.receipt_of(query, posted.form)
        if receipt is not None:
            await self._receive(receipt)
        return Response(status_code=204)

    async def pressed(self, request: Request) -> Response:
        """A key was pressed during a call: somebody is there; 1 acknowledges."""
        from twilio.twiml.voice_response import VoiceResponse  # where it is needed: no replay has to wait for it

        posted, query = await _posted(request), dict(request.query_params)
        delivery, attempt = twilio.delivery_of(query)
        line = twilio.of_try(twilio.signed_by_twilio(posted, self._lines()), delivery.destination)
        await self._receive(Receipt(delivery, attempt, "reached"))
        said, alert = VoiceResponse(), await asyncio.to_thread(self._store.alert, query.get("alert", ""))
        if alert is None or alert["phase"] == AlertPhase.CLOSED:
            said.say("This is over. There is nothing to acknowledge.")
        elif posted.form.get("Digits") == "1":
            await self._once(f"twilio-{posted.form.get('CallSid', '')}", alert, delivery.person, "call")
            said.say("Acknowledged.")
        else:
            keys = said.gather(num_digits=1, action=twilio.address_of(line, posted), method="POST", timeout=10)
            keys.say(f"{alert['text']} Press 1 to acknowledge.")
            said.say("Not acknowledged.")
        return _twiml(said)

    async def reply(self, request: Request) -> Response:
        """A person answers a message."""
        from twilio.twiml.messaging_response import (
            MessagingResponse,  # where it is needed: no replay has to wait for it
        )

        posted = await _posted(request)
        lines = twilio.of_sender(posted, twilio.signed_by_twilio(posted, self._lines()))
        id_ = f"twilio-{posted.form.get('MessageSid', '')}"
        await self._refuse_heard(id_)
        names = [line.destination.name for line in lines]
        since_us = await self._views.now_us(lines[0].site) - GOOD_FOR_S * SECOND
        meaning = meaning_of(posted.form.get("Body", ""), await asyncio.to_thread(self._open, names, since_us))
        if meaning.acknowledged is not None:
            await self._acknowledge(id_, meaning.acknowledged.alert, meaning.acknowledged.person, "sms")
        await self._heard(id_)
        said = MessagingResponse()
        said.message(meaning.answer)
        return _twiml(said)

    def _open(self, destinations: list[str], since_us: int) -> list[Waiting]:
        """The alerts that are not closed, about which somebody was paged by one of these."""
        paged = self._store.paged(destinations, since_us)
        found = ((self._store.alert(each.alert), each.person) for each in paged)
        return [
            Waiting(alert, who) for alert, who in found if alert is not None and alert["phase"] != AlertPhase.CLOSED
        ]

    async def _receive(self, receipt: Receipt) -> None:
        retry_us = self._steady_us() + retry_after_s(receipt.attempt) * SECOND
        why = await asyncio.to_thread(self._store.receive, receipt, self._wall_us(), retry_us, MAX_TRIES)
        facts = {"page": receipt.delivery.key, "destination": receipt.delivery.destination, "fate": receipt.fate}
        log.info("receipt %s", " ".join(f"{k}={v!r}" for k, v in facts.items()) + (f": {why}" if why else ""))
        if not why:
            self._wake()

    # ---- PagerDuty

    async def incident(self, request: Request) -> Response:
        """Somebody has done something with an incident in PagerDuty."""
        body = await _body(request)
        lines = pagerduty.signed_by_pagerduty(
            body, request.headers.get(pagerduty.PAGERDUTY_SIGNATURE, ""), self._lines()
        )
        turn = pagerduty.turn_of(body, lines)
        if turn is None:
            return PlainTextResponse("nothing that a person did", 202)
        alert = await asyncio.to_thread(self._store.alert, turn.alert)
        if alert is None or alert["site"] not in {line.site for line in lines}:
            raise RefusedRequest(404, "there is no such alert")
        id_ = f"pagerduty-{turn.id}"
        await self._refuse_heard(id_)
        if alert["phase"] == AlertPhase.CLOSED:
            said = "it is over already"
        elif turn.did == "resolved" and alert["phase"] == AlertPhase.LATCHED:
            # What is over waits for somebody to have seen it, and somebody has.
            await self._append(AlertClosed(**await self._answer(id_, alert, turn.by, "pagerduty")))
            said = "closed"
        else:
            # A condition that stands is not closed from anywhere: who resolves it there has it in hand.
            note = "resolved in PagerDuty; the condition stands" if turn.did == "resolved" else None
            await self._acknowledge(id_, alert, turn.by, "pagerduty", note)
            said = "acknowledged"
        await self._heard(id_)
        return PlainTextResponse(said)

    # ---- what counts, and once

    async def _once(self, id_: str, alert: AlertOut, by: str, source: str) -> None:
        await self._refuse_heard(id_)
        await self._acknowledge(id_, alert, by, source)
        await self._heard(id_)

    async def _acknowledge(self, id_: str, alert: AlertOut, by: str, source: str, note: str | None = None) -> None:
        await self._append(AlertAcknowledged(**await self._answer(id_, alert, by, source), note=note))

    async def _answer(self, id_: str, alert: AlertOut, by: str, source: str) -> dict[str, Any]:
        # The command's own id is made of the provider's: one that comes twice at once is one all the same.
        return {
            "at": to_datetime(await self._views.now_us(alert["site"])), "alert": alert["alert"],
            "by": by or NOBODY_IN_PARTICULAR, "site": alert["site"], "source": source,
            "id": blake2b(id_.encode(), digest_size=16).hexdigest(),
        }  # fmt: skip

    async def _refuse_heard(self, id_: str) -> None:
        if await asyncio.to_thread(self._store.was_heard, id_):
            raise RefusedRequest(409, "this has counted already")

    async def _heard(self, id_: str) -> None:
        await asyncio.to_thread(self._store.record_heard, id_, self._wall_us())


_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": words, "content": {"text/plain": {}}}
    for status, words in (
        (403, "Not signed by a provider that pages go through"), (408, "Too slow"), (413, "Too large"),
        (422, "Not what this provider sends"),
    )
}  # fmt: skip
_SPOKEN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What the provider is to say", "content": {"text/xml": {}}},
    409: {"description": "This has counted already", "content": {"text/plain": {}}},
}
RESPONSES_OF: Final[dict[str, dict[int | str, dict[str, Any]]]] = {
    STATUS_PATH: {**_REFUSED, 204: {"description": "Heard"}},
    PRESSED_PATH: {**_REFUSED, **_SPOKEN},
    "/hooks/twilio/sms": {**_REFUSED, **_SPOKEN},
    "/hooks/pagerduty": {
        **_REFUSED,
        200: {"description": "Taken", "content": {"text/plain": {}}},
        202: {"description": "Nothing that a person did", "content": {"text/plain": {}}},
        404: {"description": "There is no such alert", "content": {"text/plain": {}}},
        409: _SPOKEN[409],
    },
}
"""What each route answers, beside what any may."""


def inbound_routes(inbound: Inbound) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["providers"])
    handlers: dict[str, Callable[[Request], Awaitable[Response]]] = {
        STATUS_PATH: inbound.status,
        PRESSED_PATH: inbound.pressed,
        "/hooks/twilio/sms": inbound.reply,
        "/hooks/pagerduty": inbound.incident,
    }
    for path, handler in handlers.items():
        routes.add_api_route(
            path, _refusing(handler), methods=["POST"], response_class=Response, responses=RESPONSES_OF[path]
        )
    return routes


def _refusing(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler, whose refusals are answers."""

    async def handled(request: Request) -> Response:
        try:
            return await handler(request)
        except RefusedRequest as refused:
            log.warning("refused at %s: %s", request.url.path, refused)
            return PlainTextResponse(str(refused), refused.status)

    handled.__doc__, handled.__name__ = handler.__doc__, handler.__name__
    return handled


async def _posted(request: Request) -> twilio.Posted:
    """The form that Twilio has posted."""
    body = await _body(request)
    try:
        form = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200))
    except ValueError as wrong:
        raise RefusedRequest(422, "not a form") from wrong
    return twilio.Posted(request.url.path, request.url.query, form, request.headers.get(twilio.TWILIO_SIGNATURE, ""))


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is too large, or too slow."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(COMES_WITHIN_S):
            async for part in request.stream():
                size += len(part)
                if size > LARGEST_NEWS:
                    raise RefusedRequest(413, "too large")
                parts.append(part)
    except TimeoutError as late:
        raise RefusedRequest(408, "too slow") from late
    return b"".join(parts)


def _twiml(said: object) -> Response:
    return Response(str(said), media_type="text/xml")
