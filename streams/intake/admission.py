"""What may come in from outside, and for which site: one answer for every way in (posts, `raw`), record by record.

- Only observations. A configuration, a forecast, a change of the rota and an answer to an alert change what is watched and who is
  told; they are appended by the service itself, on behalf of its files, its forecaster, and people on their own routes. What a
  sender posts of them is set aside with its reason: any web page that a clinic's browser opens can make that browser post.
- Where one site is served, a record without a site belongs to it, whatever the site's name; one that names another is set aside.
- A site whose name begins with `~` belongs to whoever runs the network, and no sender writes to one.

Never here: who the sender is; validation; files that are replayed, which may hold all that a journal may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from models.wire.observations import SITE_HERE, Event
from streams.journal.frame import Packable, Sample
from streams.journal.topics import OPERATORS

UNADDRESSED: Final = f"{OPERATORS}unaddressed"
"""The site under which a line is set aside that names no site, or one that is not its sender's to name."""
CANARY: Final = f"{OPERATORS}canary-"
"""How the sites begin whose only patient is synthetic (deploy/network/canary.py)."""
NOT_YOURS: Final = f"no site's name begins with {OPERATORS}"
NOT_FROM_SENDERS: Final = {
    "site.configured": "a configuration comes from the site's file, never from a sender",
    "forecast.made": "a forecast is made here, never sent",
    "rota.override": "who is on call instead of whom goes to /v1/rota/overrides",
    **dict.fromkeys(
        ("alert.acknowledged", "alert.snoozed", "alert.unsnoozed", "alert.closed", "alert.escalated"),
        "an answer to an alert goes to /v1/alerts/{alert}/acknowledge, snooze, unsnooze, close or escalate",
    ),
}
"""Kinds that a sender may not send, each with what it is told."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may be written about here. `site`: the only site that is served; None: any but the operators'."""

    site: str | None = None

    def refusal(self, record: Packable) -> tuple[str, str] | None:
        """The field and the reason for which a record may not come in; None: it may."""
        site = record.site
        if site.startswith(OPERATORS):
            return "site", NOT_YOURS
        if self.site is not None and site not in (SITE_HERE, self.site):
            return "site", f"this service serves {self.site}, not {site}"
        if not isinstance(record, Sample) and (reason := NOT_FROM_SENDERS.get(record.kind)) is not None:
            return "kind", reason
        return None

    def status_of_nothing(self) -> int:
        """The HTTP status of a body of which nothing came in."""
        return 422

    def filed_under(self, site: str | None) -> str:
        """The site whose dead letters a line is with that names this one, or none."""
        if self.site is not None:
            return self.site
        return UNADDRESSED if site is None or site.startswith(OPERATORS) else site

    def placed(self, record: Sample | Event) -> Sample | Event:
        """A record at the site that is served if it names none; others as they are."""
        if self.site in (None, SITE_HERE) or record.site != SITE_HERE:
            return record
        if isinstance(record, Sample):
            return msgspec.structs.replace(record, origin=(self.site, *record.origin[1:]))
        return record.model_copy(update={"site": self.site})


def is_canary(site: str) -> bool:
    """Whether a site is a canary's, and so no clinic's."""
    return site.startswith(CANARY)
