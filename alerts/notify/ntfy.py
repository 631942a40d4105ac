"""ntfy: a phone's push notification, with an acknowledge button in it (docs.ntfy.sh/publish).

The button is an `http` action: the phone posts to the signed link itself, without opening a page.
Bad at: a receipt from the phone; ntfy says only that it took the message, which a phone that saves its
battery may get much later.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import unquote

from alerts.notify.address import Address
from alerts.notify.destination import Message, Outcome
from alerts.notify.http import request

PUBLIC: Final = "ntfy.sh"
LOUDNESS: Final = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5}


class NtfyNotifier:
    """``ntfy://TOPIC``, ``ntfys://HOST/TOPIC``, with ``TOKEN@`` or ``USER:PASSWORD@`` before the host, and ``?priority=low``.

    Raises:
        ValueError: no topic, or a priority that ntfy does not know.
    """

    def __init__(self, url: str) -> None:
        address = Address(url)
        parts, path = address.parts, address.parts.path.strip("/")
        topic = path or parts.netloc.rpartition("@")[2]
        if not topic or "/" in topic or (path and not parts.hostname):
            raise ValueError("ntfy: one topic is needed, as in ntfys://ntfy.sh/your-topic")
        secure = address.scheme == "ntfys" or parts.hostname == PUBLIC
        self.url: Final = f"{address.http_origin(secure=secure) if path else f'https://{PUBLIC}'}/"
        self.topic: Final = unquote(topic)
        user, password = address.user, address.password
        self._token = user if user and not password else ""
        self._auth = (user, password) if user and password else None
        self._priority = address.get("priority")
        if self._priority and self._priority not in LOUDNESS:
            raise ValueError(f"ntfy: priority is one of {', '.join(LOUDNESS)}")

    def body(self, message: Message) -> dict[str, Any]:
        """What is published."""
        page = message.page
        # max rings through "do not disturb" and keeps vibrating; high makes a sound (docs.ntfy.sh/publish).
        loud = LOUDNESS[self._priority or ("max" if page.priority == "high" else "high")]
        body = {"topic": self.topic, "title": page.title, "message": page.body, "priority": loud}
        if message.answer is not None:
            button = {
                "action": "http", "label": "Acknowledge", "url": message.answer, "method": "POST", "clear": True,
            }  # fmt: skip
            body |= {"actions": [button], "click": message.answer}
        return body

    async def send(self, message: Message) -> Outcome:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        answer = await request(self.url, json.dumps(self.body(message)).encode(), headers, self._auth)
        if answer.failure:
            return answer.outcome
        try:
            took = bool(json.loads(answer.body)["id"])
        except (ValueError, KeyError, TypeError):
            took = False
        return Outcome(True, unseen=True) if took else Outcome(False, "answered 200, but not as ntfy does")
