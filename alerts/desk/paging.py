"""Paging: who is paged about an alert, when, and what the page says. Every decision comes with its reason.

- high, or escalated by a person: at once, whatever else is going on;
- medium: at once, unless the patient was paged within `GROUP_FOR` or the same rule came back within `QUIET_AFTER`: then
  when that is over, if still unanswered; where another open alert of the patient says it already (`INHIBITS`), when that one
  is over;
- low and info: on the board only.

A page that goes out takes with it whatever else of its patient is waiting and calls nobody else, worst first, so that one event
is one page. A worse priority, or a deeper reading, is never quieted by an earlier, lesser page of its rule.
Pure. Cost: one look through the patient's open alerts a page.
Never here: whom a page calls, and when the next one is due (`ladder.py`); an alert's life (`desk.py`, `lifecycle.py`); sending
(`pager.py`); a clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alerts.desk.alert import Alert, AlertKey, in_order, renamed_keys
from alerts.desk.ladder import Call
from alerts.effects import Page, PageKind
from models.instants import FAR, MINUTE, SECOND, iso
from models.tables.rules import INHIBITS, PRIORITY_SHAPES, RULES, Priority
from models.wire.live import AlertPhase

GROUP_FOR: Final = 30 * SECOND
"""One event of a patient often crosses several limits within seconds; one page reports it. Chosen by us."""
QUIET_AFTER: Final = 5 * MINUTE
"""A rule that comes and goes is paged again after this long at the earliest, unless worse. Chosen by us."""


@dataclass(slots=True)
class _Paged:
    at_us: int
    priority: Priority


class Paging:
    """When each patient and rule of one shard was paged last, and so which pages wait."""

    def __init__(self) -> None:
        #: (site, patient) → when they were paged last, oldest first; what is older than `GROUP_FOR` is dropped.
        self._patients: OrderedDict[tuple[str, str], int] = OrderedDict()
        #: The same by rule, with the priority then; what is older than `QUIET_AFTER` is dropped.
        self._rules: OrderedDict[AlertKey, _Paged] = OrderedDict()

    def decide(
        self, alert: Alert, among: Iterable[Alert], clock_us: int, *, escalated: bool = False
    ) -> tuple[int, str, str]:
        """When a page about this alert is owed (`FAR`: not now), why, and the rule that holds it back, if one does.

        Args:
            alert: what a page may be owed for.
            among: the patient's open alerts.
            clock_us: the shard's clock.
            escalated: a person asked for it.
        """
        if alert.priority < Priority.MEDIUM and not escalated:
            return FAR, "none: board only", ""
        if alert.priority is Priority.HIGH or escalated:
            return clock_us, "now", ""
        site, patient, _, _ = key = alert.key
        for other in among:
            if other.phase is not AlertPhase.LATCHED and alert.rule in INHIBITS.get(other.rule, ()):
                return FAR, f"none: {other.rule} says it", other.rule
        due_us, why = clock_us, "now"
        grouped = self._patients.get((site, patient))
        if grouped is not None and grouped + GROUP_FOR > due_us:
            due_us, why = grouped + GROUP_FOR, "with the patient's next"
        before = self._rules.get(key)
        if before is not None and alert.priority <= before.priority and before.at_us + QUIET_AFTER > due_us:
            due_us, why = before.at_us + QUIET_AFTER, "later: it was paged within 5 min"
        return due_us, why, ""

    def page(
        self, alert: Alert, joining: Iterable[Alert], call: Call, clock_us: int, seq: int, link: object
    ) -> tuple[Page, list[Alert]]:
        """The page about this alert and those of its patient that go out with it; and all of these, worst first.

        Args:
            alert: what the page is about.
            joining: other open alerts of the patient.
            call: whom it calls.
            clock_us: the shard's clock.
            seq: the site's last transition, so that a second page about an alert has a key of its own.
            link: where the site's board is, if that is configured.
        """
        site, patient = alert.subject.site, alert.subject.patient
        waiting = [alert, *sorted(joining, key=lambda other: (-other.priority, other.onset_us, other.id))]
        self._forget(clock_us)
        for each in waiting:
            self._rules[each.key] = _Paged(clock_us, each.priority)
            self._rules.move_to_end(each.key)
        self._patients[site, patient] = clock_us
        self._patients.move_to_end((site, patient))
        worst = max(each.priority for each in waiting)
        body = " ".join(each.text for each in waiting)
        key = f"{alert.id}-{seq}"
        if alert.ladder is not None and alert.ladder.calls:
            key = f"{key}-{alert.ladder.calls + 1}"
        page = Page(
            key, iso(clock_us), site, patient, worst.word, tuple(each.id for each in waiting),
            f"{worst.name} {PRIORITY_SHAPES[worst]} {_title(alert)}", _linked(body, link, alert),
            to=call.to or (), rung=call.rung,
        )  # fmt: skip
        return page, waiting

    def forget_rule(self, key: AlertKey) -> None:
        """A reading is worse than what was paged: nothing that was paged of this rule delays the page about it."""
        self._rules.pop(key, None)

    def rename(self, site: str, gone: str, into: str) -> None:
        """Let what was paged of an alias that goes count for the one that stays."""
        rules = renamed_keys(
            self._rules, site, gone, into, lambda one, other: max(one, other, key=lambda paged: paged.at_us)
        )
        self._rules = OrderedDict(sorted(rules.items(), key=lambda each: each[1].at_us))
        patients = dict(self._patients)
        if (paged_us := patients.pop((site, gone), None)) is not None:
            patients[site, into] = max(paged_us, patients.get((site, into), paged_us))
            self._patients = OrderedDict(sorted(patients.items(), key=lambda each: each[1]))

    def _forget(self, clock_us: int) -> None:
        """Drop what no longer delays a page. Both are in the order of their instants, so only what is dropped is looked at."""
        while self._rules and next(iter(self._rules.values())).at_us + QUIET_AFTER <= clock_us:
            self._rules.popitem(last=False)
        while self._patients and next(iter(self._patients.values())) + GROUP_FOR <= clock_us:
            self._patients.popitem(last=False)

    def packed(self) -> dict[str, Any]:
        """Two fields of the desk's state, msgpack-able."""
        return {
            "patient_paged": [[*key, at_us] for key, at_us in sorted(self._patients.items())],
            "rule_paged": [
                [list(key), paged.at_us, int(paged.priority)]
                for key, paged in sorted(self._rules.items(), key=in_order)
            ],
        }

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> Paging:
        """The paging of a desk's state."""
        paging = cls()
        by_instant = sorted(packed["patient_paged"], key=lambda paged: paged[2])
        paging._patients.update({(site, patient): at_us for site, patient, at_us in by_instant})
        for key, at_us, priority in sorted(packed["rule_paged"], key=lambda paged: paged[1]):
            paging._rules[key[0], key[1], key[2], key[3]] = _Paged(at_us, Priority(priority))
        return paging


def news_page(
    alert: Alert, kind: PageKind, to: tuple[str, ...], what: str, clock_us: int, seq: int, link: object
) -> Page:
    """The page that tells those whom earlier ones have called what became of an alert. `to` empty: everybody."""
    title = f"{kind.capitalize()}: {_title(alert)}"
    return Page(
        f"{alert.id}-{seq}-{kind}", iso(clock_us), alert.subject.site, alert.subject.patient, "info", (alert.id,), title,
        _linked(what, link, alert), to=to, kind=kind,
    )  # fmt: skip


def _title(alert: Alert) -> str:
    where = f"Chair {alert.subject.chair}" if alert.subject.chair else alert.subject.patient
    return f"{where}: {RULES[alert.rule].title}"


def _linked(body: str, link: object, alert: Alert) -> str:
    return f"{body} {link.rstrip('/')}/alert/{alert.id}" if isinstance(link, str) else body
