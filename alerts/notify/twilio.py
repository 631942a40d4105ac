"""Twilio: SMS that is acknowledged by a reply, and a voice call that is acknowledged by a key (www.twilio.com/docs/usage/api).

``twilio-sms://ACCOUNT@/?from=+1…&to=+49…&token_file=FILE``, ``twilio-call://…`` likewise. The file has the account's auth token;
with a second one a line, both are believed of what Twilio sends us. Where the site says `link`, Twilio is asked to tell what
becomes of each message and call, and only that is a receipt: taking it is none (`alerts/inbound/twilio.py` hears it).
A call says alias, chair, signal and value, asks for a key, and only a key says that a person was there: a mailbox answers too.
Bad at: networks that give no receipts for SMS. Never here: what a reply means.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final
from urllib.parse import urlencode

from alerts.notify.address import Address
from alerts.notify.destination import Message, Outcome
from alerts.notify.http import request
from models.tables.rules import PRIORITY_SHAPES

TWILIO_HOST: Final = "api.twilio.com"
LONGEST_BODY: Final = 1600
"""Characters of an SMS, as Twilio takes them (www.twilio.com/docs/messaging/api/message-resource)."""
RINGS_S: Final = 30
"""How long a call rings. Chosen by us: shorter than most mailboxes wait, so that few of them answer."""
RECEIPT_OVERDUE_S: Final = 90.0
"""How long a receipt may take before it is tried again. Chosen by us: ringing, and a call of a minute; an SMS takes seconds."""

STATUS_PATH: Final = "/hooks/twilio/status"
PRESSED_PATH: Final = "/hooks/twilio/pressed"


def number_of(text: str) -> str:
    """A telephone number as E.164 has it; a plus sign may have become a space in an address.

    Raises:
        ValueError: it is none.
    """
    digits = re.sub(r"[\s().-]", "", text.lstrip(" +"))
    if not re.fullmatch(r"[1-9]\d{6,14}", digits):
        raise ValueError("twilio: a number is like +4930123456")
    return f"+{digits}"


def code_of(alert: str) -> str:
    """The four digits by which a reply names an alert: made of its id, so that nothing has to be kept."""
    return str(1000 + int.from_bytes(blake2b(alert.encode(), digest_size=8).digest(), "big") % 9000)


class TwilioNotifier(ABC):
    """What messages and calls have in common: the account, the two numbers, the request.

    Raises:
        ValueError: an address that lacks something.
    """

    resource: str

    def __init__(self, url: str) -> None:
        address = Address(url)
        self.account: Final = address.user
        if not self.account:
            raise ValueError(f"{address.scheme}: the account is missing, as in {address.scheme}://ACCOUNT@/?…")
        self.sender: Final = number_of(address.needed("from"))
        self.number: Final = number_of(address.needed("to"))
        self.tokens: Final = address.secrets("token")
        secure = address.get("tls") != "no"
        at = address.http_origin(secure=secure) if address.parts.hostname else f"https://{TWILIO_HOST}"
        self._url = f"{at}/2010-04-01/Accounts/{self.account}/{self.resource}.json"

    @abstractmethod
    def fields(self, message: Message) -> Mapping[str, str | Sequence[str]]:
        """What the resource is made of, but for the numbers."""

    async def send(self, message: Message) -> Outcome:
        form = {"To": self.number, "From": self.sender, **self.fields(message)}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form, doseq=True).encode()
        answer = await request(self._url, body, headers, (self.account, self.tokens()[0]))
        if answer.failure:
            return answer.outcome
        try:
            took = bool(json.loads(answer.body)["sid"])
        except (ValueError, KeyError, TypeError):
            took = False
        if not took:
            return Outcome(False, "answered 2xx, but not as Twilio does")
        return Outcome(True, receipt_within_s=0.0 if message.tried_at is None else RECEIPT_OVERDUE_S)


class TwilioSms(TwilioNotifier):
    """A page as an SMS. One that asks for somebody says how a reply acknowledges it, if a reply can reach us."""

    resource = "Messages"

    def fields(self, message: Message) -> Mapping[str, str | Sequence[str]]:
        page, asks = message.page, ""
        if message.tried_at is not None and page.kind == "page" and page.alerts:
            asks = f"\nReply OK or {code_of(page.alerts[0])} to acknowledge."
        text = f"{plain(page.title)}\n{page.body}"
        fields = {"Body": text[: LONGEST_BODY - len(asks)] + asks}
        if message.tried_at is not None:
            fields["StatusCallback"] = message.tried_at.url(STATUS_PATH)
        return fields


class TwilioCall(TwilioNotifier):
    """A page as a voice call, which says it twice and asks for a key."""

    resource = "Calls"

    def fields(self, message: Message) -> Mapping[str, str | Sequence[str]]:
        from twilio.twiml.voice_response import VoiceResponse  # where it is needed: no replay has to wait for it

        page, said, tried_at = message.page, VoiceResponse(), message.tried_at
        text = spoken(message)
        fields: dict[str, str | Sequence[str]] = {"Timeout": str(RINGS_S)}
        if tried_at is None:
            said.say(f"{text} {text}")
            return fields | {"Twiml": str(said)}
        asks = page.kind == "page" and bool(page.alerts)
        if asks:
            pressed = tried_at.url(PRESSED_PATH, alert=page.alerts[0])
            keys = said.gather(num_digits=1, action=pressed, method="POST", timeout=10)
            keys.say(f"{text} Press 1 to acknowledge. {text} Press 1 to acknowledge.")
            said.say("Not acknowledged.")
        else:
            said.say(f"{text} {text}")
        return fields | {
            "Twiml": str(said), "StatusCallback": tried_at.url(STATUS_PATH, asks="1" if asks else "0"),
            "StatusCallbackEvent": ["completed"],
        }  # fmt: skip


def plain(title: str) -> str:
    """A title without its priority's shape: one such character makes an SMS three times as long."""
    for shape in PRIORITY_SHAPES.values():
        title = title.replace(f"{shape} ", "")
    return title


def spoken(message: Message) -> str:
    """What a call says of a page: no link, and the patient's alias where neither title nor text has it."""
    page = message.page
    body = re.sub(r"https?://\S+", "", page.body).strip()
    whose = "" if page.patient in f"{page.title} {page.body}" or page.patient == "-" else f" Patient {page.patient}."
    return f"{plain(page.title)}.{whose} {body}"
