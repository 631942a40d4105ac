"""What Twilio sends us: is it Twilio's, about which try, and what does it say of it. Twilio's own library checks the signature.

A request is signed with the account's auth token over the address that Twilio called and all that it posted. The address has our
side's facts about the try (`TriedAt.url`), so those are signed too. A signature holds for ever: none counts twice in routes.py.
Never here: what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alerts.inbound.lines import AnswerLine, RefusedRequest
from alerts.notify.twilio import TwilioNotifier, TwilioSms, number_of
from alerts.store.outbox import DeliveryKey
from alerts.store.receipts import Receipt

TWILIO_SIGNATURE: Final = "x-twilio-signature"

LOST: Final = ("failed", "undelivered", "canceled", "busy", "no-answer")
"""Of messages (www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks) and of calls
(www.twilio.com/docs/voice/api/call-resource#call-status-values)."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came: the path and query that were asked for, the form, the signature."""

    path: str
    query: str
    form: Mapping[str, str]
    signature: str

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def signed_by_twilio(posted: Posted, lines: Sequence[AnswerLine]) -> list[AnswerLine]:
    """Those of the lines whose account has signed it.

    Raises:
        RefusedRequest: none has.
    """
    from twilio.request_validator import RequestValidator  # where it is needed: no replay has to wait for it

    found = []
    for line in lines:
        notifier = line.destination.notifier
        if not isinstance(notifier, TwilioNotifier) or line.base is None:
            continue
        if notifier.account != posted.form.get("AccountSid"):
            continue
        address = address_of(line, posted)
        if any(RequestValidator(token).validate(address, posted.form, posted.signature) for token in notifier.tokens()):
            found.append(line)
    if not found:
        raise RefusedRequest(403, "not signed by an account that pages go through")
    return found


def address_of(line: AnswerLine, posted: Posted) -> str:
    """The address at which Twilio found us: that of the site, whatever stands between."""
    return (line.base or "").rstrip("/") + posted.target


def of_try(lines: Sequence[AnswerLine], destination: str) -> AnswerLine:
    """The line of the try that a request is about.

    Raises:
        RefusedRequest: its account has not signed it.
    """
    for line in lines:
        if line.destination.name == destination:
            return line
    raise RefusedRequest(403, "signed by another account than the page went through")


def of_sender(posted: Posted, lines: Sequence[AnswerLine]) -> list[AnswerLine]:
    """The lines of a message: those whose person's number it comes from, and whose own it was sent to.

    Raises:
        RefusedRequest: nobody is paged at that number.
    """
    try:
        sender, to = number_of(posted.form.get("From", "")), number_of(posted.form.get("To", ""))
    except ValueError as wrong:
        raise RefusedRequest(403, "not from a telephone number") from wrong
    found = [
        line for line in lines
        if isinstance(notifier := line.destination.notifier, TwilioSms)
        and (notifier.number, notifier.sender) == (sender, to)
    ]  # fmt: skip
    if not found:
        raise RefusedRequest(403, "nobody is paged at that number")
    return found


def delivery_of(query: Mapping[str, str]) -> tuple[DeliveryKey, int]:
    """The delivery and the try that an address of ours names.

    Raises:
        RefusedRequest: it names none.
    """
    attempt = query.get("attempt", "")
    if not {"key", "destination"} <= query.keys() or not re.fullmatch(r"[0-9]{1,6}", attempt):
        raise RefusedRequest(422, "which try is it about?")
    return DeliveryKey(query["key"], query.get("person", ""), query["destination"]), int(attempt)


def receipt_of(query: Mapping[str, str], form: Mapping[str, str]) -> Receipt | None:
    """What Twilio tells of a try; None while it is under way."""
    delivery, attempt = delivery_of(query)
    status = form.get("MessageStatus") or form.get("CallStatus") or ""
    if status in LOST:
        code = form.get("ErrorCode", "")
        return Receipt(delivery, attempt, "failed", f"{status} ({code})" if re.fullmatch(r"\d{1,6}", code) else status)
    if status in ("delivered", "read"):
        return Receipt(delivery, attempt, "reached")
    if status == "sent":
        return Receipt(delivery, attempt, "handed on", "a network has it, no receipt of the phone")
    if status == "completed":
        if query.get("asks") == "1":
            # A key would have come before: a mailbox has answered, or somebody who hung up.
            return Receipt(delivery, attempt, "failed", "somebody or something answered, and no key was pressed")
        return Receipt(delivery, attempt, "reached")
    return None
