"""The burden of alerts: how many, of which rule, at which chair, and how their pages were answered.

A clinic that looks at this weekly sees which limit cries wolf. Counted from what was written, over the days before now: an
alert once, at the worst priority that it reached. A page is answered when a person acknowledged, snoozed or closed one of its
alerts after it was owed.
Cost: some 10 µs a transition of those days. Never here: what should be changed.
"""

from __future__ import annotations

import json
from statistics import median
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.store.ledger import clean
from alerts.store.tables import ALERTS, AUDIT, OUTBOX, PAGE_ALERTS, TRANSITIONS
from models.instants import SECOND, from_iso, iso
from models.tables.rules import RULES, Priority, PriorityName
from models.wire.home import CountsOfBurden, PageBurdenOut

ANSWERING_TRANSITIONS: Final = frozenset({"acknowledged", "snoozed", "closed"})
LONGEST_BURDEN_DAYS: Final = 90
"""Days at most: more than that is a study, not a look."""


def burden(connection: Connection, site: str, since_us: int) -> CountsOfBurden:
    """What was alerted at a site since an instant."""
    steps = [
        json.loads(doc)
        for doc in connection.scalars(
            sa.select(TRANSITIONS.c.doc)
            .where(TRANSITIONS.c.site == clean(site), TRANSITIONS.c.at >= iso(since_us))
            .order_by(TRANSITIONS.c.seq)
        )
    ]
    worst: dict[str, int] = {}
    about: dict[str, tuple[str, str | None]] = {}
    answered_us: dict[str, list[int]] = {}
    sessions = set()
    for step in steps:
        alert, priority = step["alert"], int(Priority[step["priority"].upper()])
        if step["transition"] in {"raised", "worsened"}:
            worst[alert] = max(worst.get(alert, 0), priority)
            about[alert] = (step["rule"], step["evidence"].get("chair"))
        if step["session"] is not None:
            sessions.add(step["session"])
        if step["transition"] in ANSWERING_TRANSITIONS and step["evidence"].get("by") is not None:
            answered_us.setdefault(alert, []).append(from_iso(step["at"]))
    rules: dict[str, dict[PriorityName, int]] = {}
    chairs: dict[str, int] = {}
    for alert, (rule, chair) in about.items():
        counts = rules.setdefault(rule, {priority.word: 0 for priority in sorted(Priority, reverse=True)})
        counts[Priority(worst[alert]).word] += 1
        if chair is not None:
            chairs[chair] = chairs.get(chair, 0) + 1
    return {
        "rules": [
            {
                "rule": rule,
                "title": RULES[rule].title if rule in RULES else rule,
                "high": counts["high"],
                "medium": counts["medium"],
                "low": counts["low"],
                "info": counts["info"],
            }
            for rule, counts in sorted(rules.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        ],
        "chairs": [
            {"chair": chair, "alerts": n} for chair, n in sorted(chairs.items(), key=lambda it: (-it[1], it[0]))
        ],
        "hours_watched": _hours_watched(connection, site, since_us),
        "alerts": len(about),
        "sessions": len(sessions),
        "pages": _pages(connection, site, since_us, answered_us),
    }


def _hours_watched(connection: Connection, site: str, since_us: int) -> float | None:
    """Hours with data of the sessions that were ended since: the ward says it at each one's end."""
    ended = connection.scalars(
        sa.select(AUDIT.c.doc).where(
            AUDIT.c.site == clean(site), AUDIT.c.kind == "session.ended", AUDIT.c.at >= iso(since_us)
        )
    )
    seconds = sum(json.loads(doc)["doc"].get("seen", {}).get("watched_s", 0) for doc in ended)
    return round(seconds / 3600, 2) if seconds else None


def _pages(connection: Connection, site: str, since_us: int, answered_us: dict[str, list[int]]) -> PageBurdenOut:
    """How the site's pages to those who watch were delivered and answered."""
    wanted = (
        sa.select(OUTBOX.c.key, OUTBOX.c.at_us, OUTBOX.c.sent_us, PAGE_ALERTS.c.alert)
        .join(PAGE_ALERTS, PAGE_ALERTS.c.key == OUTBOX.c.key)
        .join(ALERTS, ALERTS.c.alert == PAGE_ALERTS.c.alert)
        .where(ALERTS.c.site == clean(site), OUTBOX.c.at_us >= since_us, OUTBOX.c.for_ == "watch")
    )
    owed: dict[str, tuple[int, bool]] = {}
    first_us: dict[str, int] = {}
    for row in connection.execute(wanted):
        owed[row.key] = (row.at_us, row.sent_us is not None)
        for instant in answered_us.get(row.alert, ()):
            if instant >= row.at_us:
                first_us[row.key] = min(first_us.get(row.key, instant), instant)
    waits = [(first_us[key] - owed[key][0]) / SECOND for key in first_us]
    return {
        "owed": len(owed),
        "sent": sum(sent for _, sent in owed.values()),
        "answered": len(waits),
        "unanswered": len(owed) - len(waits),
        "median_answer_s": round(median(waits), 1) if waits else None,
    }
