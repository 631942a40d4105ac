"""The burden of alerts: how many, of which rule, at which chair, and how their pages were answered.

A clinic that looks at this weekly sees which limit cries wolf. Counted from what was written, over the days before now: an
alert once, at the worst priority that it reached. A page is answered when a person acknowledged, snoozed or closed one of its
alerts after it was owed.
Cost: some 10 µs a transition of those days. Never here: what should be changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import page_of
from alerts.store.ledger import clean
from alerts.store.minutes import UNNAMED_SESSION
from alerts.store.story import timezone
from alerts.store.tables import ALERTS, AUDIT, OUTBOX, PAGE_ALERTS, TRANSITIONS, VITALS_HOURS
from alerts.store.vitals_hour import unpack_hour
from models.calendar import zone_of
from models.instants import HOUR, SECOND, from_iso, iso, to_datetime
from models.tables.rules import RULES, Priority, PriorityName
from models.wire.home import AnswersOut, CountsOfBurden, MonitorAlarmsOut, PageBurdenOut

ANSWERING_TRANSITIONS: Final = frozenset({"acknowledged", "snoozed", "closed"})
AnsweredBy = Literal["rule", "chair", "hour", "rung"]
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
    answered: dict[str, list[tuple[int, str]]] = {}
    zone = zone_of(timezone(connection, site)) or ZoneInfo("UTC")
    first_us: dict[str, int] = {}
    sessions = set()
    for step in steps:
        alert, priority = step["alert"], int(Priority[step["priority"].upper()])
        if step["transition"] in {"raised", "worsened"}:
            worst[alert] = max(worst.get(alert, 0), priority)
            first_us.setdefault(alert, from_iso(step["at"]))
            about[alert] = (step["rule"], step["evidence"].get("chair"))
        if step["session"] is not None:
            sessions.add(step["session"])
        if step["transition"] in ANSWERING_TRANSITIONS and (by := step["evidence"].get("by")) is not None:
            answered.setdefault(alert, []).append((from_iso(step["at"]), str(by)))
    rules: dict[str, dict[PriorityName, int]] = {}
    chairs: dict[str, int] = {}
    by_hour = [0] * 24
    for alert, at_us in first_us.items():
        by_hour[_hour(at_us, zone)] += worst[alert] > Priority.INFO
    paged = _paged(connection, site, since_us, answered)
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
        "pages": _pages(paged),
        "by_hour": by_hour,
        "monitor_alarms": _monitor_alarms(connection, site, since_us),
        "answers": _answers(paged, zone),
    }


def _hours_watched(connection: Connection, site: str, since_us: int) -> float | None:
    """Hours with data: of the sessions that were ended since, as the ward said at each one's end; of those that go on, their
    minutes so far.
    """
    ended = connection.scalars(
        sa.select(AUDIT.c.doc).where(
            AUDIT.c.site == clean(site), AUDIT.c.kind == "session.ended", AUDIT.c.at >= iso(since_us)
        )
    )
    seconds = sum(json.loads(doc)["doc"].get("seen", {}).get("watched_s", 0) for doc in ended)
    over = sa.select(AUDIT.c.session).where(AUDIT.c.site == clean(site), AUDIT.c.kind == "session.ended")
    going_on = connection.scalars(
        sa.select(VITALS_HOURS.c.packed).where(
            VITALS_HOURS.c.site == clean(site), VITALS_HOURS.c.hour_us >= since_us - HOUR,
            VITALS_HOURS.c.session != UNNAMED_SESSION,
            VITALS_HOURS.c.session.not_in(over.where(AUDIT.c.session.is_not(None))),
        )
    )  # fmt: skip
    minutes = sum(len(set[int]().union(*unpack_hour(packed).values())) for packed in going_on)
    seconds += 60 * minutes
    return round(seconds / 3600, 2) if seconds else None


def _monitor_alarms(connection: Connection, site: str, since_us: int) -> list[MonitorAlarmsOut]:
    """How often each alarm of the monitors' own began; what goes on, and is said again, is one."""
    mine = sa.and_(AUDIT.c.site == clean(site), AUDIT.c.kind == "monitor.alarm", AUDIT.c.at >= iso(since_us))
    going_on: set[tuple[str | None, str | None, str]] = set()
    counts: dict[str, int] = {}
    for row in connection.execute(
        sa.select(AUDIT.c.session, AUDIT.c.doc).where(mine).order_by(AUDIT.c.shard, AUDIT.c.offset_, AUDIT.c.n)
    ):
        doc = json.loads(row.doc)["doc"]
        label = doc.get("label") or doc["alarm"]
        which = (row.session, doc.get("device"), label)
        if not doc["active"]:
            going_on.discard(which)
        elif which not in going_on:
            going_on.add(which)
            counts[label] = counts.get(label, 0) + 1
    return [{"label": label, "alarms": n} for label, n in sorted(counts.items(), key=lambda it: (-it[1], it[0]))]


class _Paged(NamedTuple):
    """A page that somebody who watches was owed. `wait_s`, `by`: until its first answer, and whose; None: nobody answered."""

    rules: frozenset[str]
    chairs: frozenset[str]
    at_us: int
    rung: int
    sent: bool
    wait_s: float | None
    by: str | None


def _paged(
    connection: Connection, site: str, since_us: int, answered: Mapping[str, list[tuple[int, str]]]
) -> list[_Paged]:
    """The site's pages to those who watch since an instant."""
    wanted = (
        sa.select(
            OUTBOX.c.key,
            OUTBOX.c.at_us,
            OUTBOX.c.sent_us,
            OUTBOX.c.doc,
            PAGE_ALERTS.c.alert,
            ALERTS.c.doc.label("about"),
        )
        .join(PAGE_ALERTS, PAGE_ALERTS.c.key == OUTBOX.c.key)
        .join(ALERTS, ALERTS.c.alert == PAGE_ALERTS.c.alert)
        .where(ALERTS.c.site == clean(site), OUTBOX.c.at_us >= since_us, OUTBOX.c.for_ == "watch")
        .order_by(OUTBOX.c.at_us, OUTBOX.c.key)
    )
    found = []
    for _, rows in groupby(connection.execute(wanted).all(), lambda row: row.key):
        parts = list(rows)
        about = [json.loads(row.about) for row in parts]
        page = parts[0]
        answers = sorted(each for row in parts for each in answered.get(row.alert, ()) if each[0] >= page.at_us)
        wait_s, by = ((answers[0][0] - page.at_us) / SECOND, answers[0][1]) if answers else (None, None)
        found.append(
            _Paged(
                frozenset(each["title"] for each in about),
                frozenset(each["chair"] for each in about if each["chair"] is not None),
                page.at_us, page_of(json.loads(page.doc)).rung, page.sent_us is not None, wait_s, by,
            )
        )  # fmt: skip
    return found


def _pages(paged: Sequence[_Paged]) -> PageBurdenOut:
    """How pages were delivered and answered."""
    waits = [page.wait_s for page in paged if page.wait_s is not None]
    return {
        "owed": len(paged),
        "sent": sum(page.sent for page in paged),
        "answered": len(waits),
        "unanswered": len(paged) - len(waits),
        "median_answer_s": round(median(waits), 1) if waits else None,
    }


def _answers(paged: Sequence[_Paged], zone: ZoneInfo) -> list[AnswersOut]:
    """The same by rule, chair, hour of the day, and rung with whoever answered there."""
    groups: dict[tuple[AnsweredBy, str], list[_Paged]] = {}
    for page in paged:
        keys: list[tuple[AnsweredBy, str]] = [("hour", str(_hour(page.at_us, zone)))]
        keys += [("rule", each) for each in sorted(page.rules)]
        keys += [("chair", each) for each in sorted(page.chairs)]
        keys.append(("rung", f"{page.rung + 1} · {page.by or 'nobody'}"))
        for group in keys:
            groups.setdefault(group, []).append(page)
    made: list[AnswersOut] = []
    for (by, key), pages in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1])):
        waits = [page.wait_s for page in pages if page.wait_s is not None]
        found = round(median(waits), 1) if waits else None
        made.append({"by": by, "key": key, "pages": len(pages), "answered": len(waits), "median_answer_s": found})
    return made


def _hour(at_us: int, zone: ZoneInfo) -> int:
    """The hour of a site's day, 0 to 23."""
    return to_datetime(at_us).astimezone(zone).hour
