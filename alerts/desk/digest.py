"""The daily digest: one page a site and day to whoever plans the visits.

It names the patients whose alerts from home are still open and unanswered: who is acknowledged is in somebody's hands, who is
snoozed or closed was seen. Where nobody is left there is no page. Holds aliases, probabilities and dates, never a name.
Pure; its page is an effect like any other, written with the frame that made it. Never here: when it is due (the ward's).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerts.effects import Page
from models.findings import Digest
from models.instants import iso

MAX_NAMED: Final = 12
"""Patients named in one page; a phone shows no more at a glance, and the list is behind the link. Chosen by us."""
SEVERAL_PATIENTS: Final = "-"
"""The patient of a page about several."""


def digest_page(digest: Digest, unanswered: Mapping[tuple[str, str], str], link: object) -> Page | None:
    """The page of a digest; None where every alert of it is answered.

    Args:
        unanswered: (patient, rule) → id of the alerts that are open and unanswered.
        link: where the site's board is, if that is configured.
    """
    lines = [line for line in digest.lines if any((line.patient, rule) in unanswered for rule in line.rules)]
    if not lines:
        return None
    alerts = [
        unanswered[line.patient, rule] for line in lines for rule in line.rules if (line.patient, rule) in unanswered
    ]
    silent = sum(line.rules == ("checkin-overdue",) for line in lines)
    counted = [f"{len(lines) - silent} due"] if silent < len(lines) else []
    counted += [f"{silent} silent"] if silent else []
    body = "; ".join(line.text for line in lines[:MAX_NAMED])
    if len(lines) > MAX_NAMED:
        body += f"; and {len(lines) - MAX_NAMED} more"
    body += "."
    if isinstance(link, str):
        body = f"{body} {link.rstrip('/')}/clinic"
    return Page(
        f"digest-{digest.site}-{digest.day}", iso(digest.at_us), digest.site, SEVERAL_PATIENTS, "low", tuple(alerts),
        f"● Maintenance, {digest.day}: {', '.join(counted)}", body, "scheduler",
    )  # fmt: skip
