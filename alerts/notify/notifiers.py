"""Addresses: which notifier an address of the configuration stands for, and what may be said of it.

`console` prints one line; `ntfy`, `smtp`, `webhook`, `pagerduty-events`, `twilio-sms`, `twilio-call` and `pcd04` are ours, each
with its acknowledgement; every other is Apprise's (about a hundred services).
An address holds secrets (a token, a password, an ntfy topic), so only its scheme and host ever leave this file, and the host
only where it is one: some services put their token there.
Never here: sending.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from alerts.notify.by_apprise import AppriseNotifier
from alerts.notify.console import ConsoleNotifier
from alerts.notify.destination import Destination, InThread, Notifier
from alerts.notify.mail import MailNotifier
from alerts.notify.ntfy import NtfyNotifier
from alerts.notify.pagerduty import PagerDutyNotifier
from alerts.notify.pcd04 import Pcd04Notifier
from alerts.notify.twilio import TwilioCall, TwilioSms
from alerts.notify.webhook import WebhookNotifier


def open_destination(url: str, name: str | None = None) -> Destination:
    """The destination of an address: `console`, or any Apprise URL.

    Raises:
        ValueError: an address that nobody here can send to. The message holds no secret.
    """
    safe = safe_name(url)
    notifier = _notifier(url, urlsplit(url).scheme.lower() or url, safe)
    return Destination(name or safe, notifier, wants_alerts=isinstance(notifier, Pcd04Notifier))


def _notifier(url: str, scheme: str, safe: str) -> Notifier:
    match scheme:
        case "console":
            return InThread(ConsoleNotifier())
        case "ntfy" | "ntfys":
            return NtfyNotifier(url)
        case "smtp" | "smtps":
            return InThread(MailNotifier(url))
        case "webhook" | "webhooks":
            return WebhookNotifier(url)
        case "pagerduty-events":
            return PagerDutyNotifier(url)
        case "twilio-sms":
            return TwilioSms(url)
        case "twilio-call":
            return TwilioCall(url)
        case "pcd04" | "pcd04s":
            return Pcd04Notifier(url)
        case _:
            return InThread(AppriseNotifier(url, safe))


def open_destinations(urls: Sequence[str]) -> list[Destination]:
    """Destinations with names of their own: the second one at the same host is called `…#2`."""
    found: list[Destination] = []
    for url in urls:
        base = safe_name(url)
        twins = sum(it.name.split("#")[0] == base for it in found)
        found.append(open_destination(url, f"{base}#{twins + 1}" if twins else base))
    return found


def safe_name(url: str) -> str:
    """What may be said of an address: its scheme, and its host where that is a machine and not a token or a topic."""
    parts = urlsplit(url)
    try:
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not parts.scheme:
        return "console" if url == "console" else "an address without a scheme"
    is_machine = host == "localhost" or _is_ip(host) or re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", host)
    return f"{parts.scheme}://{host}" if is_machine else parts.scheme


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
