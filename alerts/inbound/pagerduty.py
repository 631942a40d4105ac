"""What PagerDuty sends us: its signed v3 webhooks (developer.pagerduty.com/docs/webhooks-overview), and what one says of alerts.

Signed is the body, with HMAC-SHA256; while a secret is replaced, the header has a signature of each, and one that is right does.
Only what a person did there counts: what our own "answered" and "over" did there comes back too, and is no answer.
Never here: what becomes of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from alerts.inbound.lines import AnswerLine, RefusedRequest
from alerts.notify.pagerduty import PagerDutyNotifier

PAGERDUTY_SIGNATURE: Final = "x-pagerduty-signature"
SOMEBODY: Final = "pagerduty"
"""Who has answered, where the configuration does not say whose PagerDuty id it is."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody did with an incident: `id` is that of the event, `alert` our own, `by` a name of the site's configuration."""

    id: str
    did: Literal["acknowledged", "resolved"]
    alert: str
    by: str


def signed_by_pagerduty(body: bytes, signatures: str, lines: Sequence[AnswerLine]) -> list[AnswerLine]:
    """Those of the lines with whose secret the body is signed.

    Raises:
        RefusedRequest: none is.
    """
    given = {each.strip() for each in signatures.split(",")}
    found = []
    for line in lines:
        notifier = line.destination.notifier
        if not isinstance(notifier, PagerDutyNotifier) or notifier.webhook_keys is None:
            continue
        right = ["v1=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest() for key in notifier.webhook_keys()]
        if any(hmac.compare_digest(ours.encode(), theirs.encode()) for ours in right for theirs in given):
            found.append(line)
    if not found:
        raise RefusedRequest(403, "not signed with a secret of ours")
    return found


def turn_of(body: bytes, lines: Sequence[AnswerLine]) -> Turn | None:
    """What somebody did; None where nobody did anything that counts here.

    Raises:
        RefusedRequest: it is not as PagerDuty's are.
    """
    try:
        event = json.loads(body)["event"]
        kind, id_ = event["event_type"], str(event["id"])
        if kind not in ("incident.acknowledged", "incident.resolved"):
            return None
        agent, alert = event.get("agent") or {}, event["data"].get("incident_key")
        if agent.get("type") != "user_reference" or not isinstance(alert, str) or not alert:
            return None
        who = str(agent.get("id"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise RefusedRequest(422, "not an event of PagerDuty's") from wrong
    by = next((line.pagerduty[who] for line in lines if who in line.pagerduty), SOMEBODY)
    return Turn(id_, "acknowledged" if kind == "incident.acknowledged" else "resolved", alert, by)
