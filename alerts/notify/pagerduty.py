"""PagerDuty: its Events API v2 (developer.pagerduty.com/docs/events-api-v2): trigger, acknowledge, resolve, by our own dedup key.

``pagerduty-events://?key_file=FILE&webhook_key_file=FILE`` with the integration's routing key, and the secret of PagerDuty's
webhook to us, where what somebody does there is to count (`alerts/inbound/pagerduty.py`); a host before the query for another
service region, as in ``pagerduty-events://events.eu.pagerduty.com?…``. The dedup key is the alert's id: the page triggers,
"answered by" acknowledges, "over" resolves. 202 says only that it was queued, so what comes back must be a success of that key.
Bad at: knowing what PagerDuty's own rules then do with it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from alerts.notify.address import Address
from alerts.notify.destination import Message, Outcome
from alerts.notify.http import request

HOST: Final = "events.pagerduty.com"
SEVERITIES: Final = {"high": "critical", "medium": "error", "low": "warning", "info": "info"}
ACTIONS: Final = {"page": "trigger", "answered": "acknowledge", "over": "resolve"}


class PagerDutyNotifier:
    """Sends a page as an event.

    Raises:
        ValueError: an address without a key.
    """

    def __init__(self, url: str) -> None:
        address = Address(url)
        secure = address.get("tls") != "no"
        at = f"https://{HOST}" if address.parts.hostname is None else address.http_origin(secure=secure)
        self._url = f"{at}/v2/enqueue"
        self._keys = address.secrets("key")
        hears = address.get("webhook_key_file") or address.get("webhook_key")
        self.webhook_keys: Final = address.secrets("webhook_key") if hears else None

    def body(self, message: Message) -> dict[str, Any]:
        """The event."""
        page = message.page
        event: dict[str, Any] = {
            "routing_key": self._keys()[0], "event_action": ACTIONS[page.kind], "dedup_key": dedup_key(message),
        }  # fmt: skip
        if page.kind != "page":
            return event
        details = {"page": page.key, "text": page.body, "site": page.site, "person": message.person or None}
        event["payload"] = {
            "summary": page.title[:1024], "source": f"chairside/{page.site}", "severity": SEVERITIES[page.priority],
            "timestamp": page.at, "custom_details": details,
        }  # fmt: skip
        if message.answer is not None:
            event["links"] = [{"href": message.answer, "text": "Acknowledge"}]
        return event

    async def send(self, message: Message) -> Outcome:
        answer = await request(self._url, json.dumps(self.body(message)).encode(), {"Content-Type": "application/json"})
        if answer.failure:
            return answer.outcome
        try:
            said = json.loads(answer.body)
            took = said["status"] == "success" and said.get("dedup_key", dedup_key(message)) == dedup_key(message)
        except (ValueError, KeyError, TypeError, AttributeError):
            took = False
        return Outcome(True) if took else Outcome(False, "answered 2xx, but not that it took the event")


def dedup_key(message: Message) -> str:
    """What PagerDuty knows the alert by."""
    return message.page.alerts[0] if message.page.alerts else message.page.key
