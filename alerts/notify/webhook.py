"""A signed webhook: a CloudEvents 1.0 event as structured JSON, signed as Standard Webhooks say (standardwebhooks.com).

``webhooks://HOST/path?key_file=FILE`` (`webhook://` without TLS). The signature is HMAC-SHA256 of id, time and body; with two
keys in the file both sign, so that a receiver can change to the new one at its leisure. It should refuse what is minutes old.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Final

from alerts.effects import effect_document
from alerts.notify.address import Address
from alerts.notify.destination import Message, Outcome
from alerts.notify.http import request
from models.instants import from_iso, to_datetime

TYPE: Final = "org.chairside.page"


class WebhookNotifier:
    """Posts a page as an event. Any 2xx is a delivery.

    Raises:
        ValueError: an address without a host or a key.
    """

    def __init__(self, url: str) -> None:
        address = Address(url)
        self._url = address.http_url(secure=address.scheme == "webhooks")
        self._keys = address.secrets("key")

    async def send(self, message: Message) -> Outcome:
        body, headers = event(message)
        signed = signature_headers(self._keys(), message.page.key, int(time.time()), body)
        return (await request(self._url, body, {**headers, **signed})).outcome


def event(message: Message) -> tuple[bytes, Mapping[str, str]]:
    """The event of a page: its bytes and their content type."""
    from cloudevents.core.bindings.http import to_structured_event  # where it is needed: no replay has to wait for it
    from cloudevents.core.v1.event import CloudEvent

    page = message.page
    data = {**effect_document(page), "person": message.person or None, "acknowledge": message.answer}
    attributes = {
        "id": page.key, "source": f"/sites/{page.site}", "type": f"{TYPE}.{page.kind}", "specversion": "1.0",
        "subject": page.patient, "time": to_datetime(from_iso(page.at)), "datacontenttype": "application/json",
    }  # fmt: skip
    made = to_structured_event(CloudEvent(attributes, data))
    return made.body, made.headers


def signature_headers(keys: Sequence[str], key: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a signed body, with one signature for each key."""
    signed = f"{key}.{at_s}.".encode() + body
    macs = (base64.b64encode(hmac.new(each.encode(), signed, hashlib.sha256).digest()).decode() for each in keys)
    return {
        "webhook-id": key, "webhook-timestamp": str(at_s), "webhook-signature": " ".join(f"v1,{mac}" for mac in macs),
    }  # fmt: skip
