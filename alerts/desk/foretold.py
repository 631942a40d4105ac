"""Who would be paged: an alert that nobody answers, raised on a desk of its own, and what that desk does until it repeats.

A site's configuration and an alert that is not in; its route, and every call with its instant, out. It is the desk itself that
answers, so that what is foretold is what would be done. Pure.
Bad at: what goes on meanwhile, a worse alert of the patient, a page a minute ago, overrides that are only in the journal.
Never here: by which methods a person is reached, words for people (`deploy/cli/who_is_paged.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alerts.desk.alert import alert_key
from alerts.desk.desk import Desk
from alerts.desk.ladder import why_not_taken
from alerts.effects import Page, Transition
from alerts.rota.rota import rung_people
from models.findings import Finding, Subject
from models.instants import FAR
from models.oncall import OnCall
from models.tables.rules import Priority
from models.wire.observations import SiteConfigured


@dataclass(frozen=True, slots=True)
class ForetoldCall:
    """A call that would be made unless somebody answers before `at_us`."""

    at_us: int
    #: What its rung names: people, schedules, roles, everybody.
    who: tuple[str, ...]
    page: Page
    #: What calls nobody though it is named: whole rungs before this one, and parts of this one, with the reason.
    nobody: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foretold:
    """What would become of an alert that nobody answers."""

    #: Why each route before the one that takes it does not; all of them where none does.
    passed: tuple[str, ...]
    #: The route that takes it, as its transition says it; empty: the site has none.
    route: str
    #: Whether a page is owed, and why.
    page: str
    rungs: int
    answers: int
    #: One for each rung that calls somebody, in order; none where the alert is on the board only.
    calls: tuple[ForetoldCall, ...]
    #: How long after the last call the same people are called again, µs; 0: never.
    repeat_us: int


def foretell(
    record: SiteConfigured, rule: str, priority: Priority, session: str | None, chair: str | None, at_us: int
) -> Foretold:  # fmt: skip
    """What becomes of an alert that is raised at an instant, alone, and that nobody answers."""
    desk = Desk()
    desk.configure(record, at_us)
    subject = Subject(record.site, "-", session, chair)
    desk.take()
    desk.find(Finding("began", subject, rule, priority, at_us, at_us, at_us, "", {}, ""))
    alert = desk.open.at(alert_key(subject, rule))
    if alert is None or alert.ladder is None:
        raise TypeError(f"{rule} raised nothing")
    site, rungs = desk.of_site(record.site).on_call, alert.ladder.rungs
    said: dict[str, Any] = {}
    calls: list[ForetoldCall] = []
    nobody: list[str] = []
    instant_us = at_us
    while True:
        for effect in desk.take():
            match effect:
                case Transition(alert=alert.id):
                    said = said or dict(effect.evidence)
                    nobody += effect.evidence.get("nobody", ())
                case Page() if alert.id in effect.alerts:
                    who = rungs[effect.rung - 1][0]
                    nobody += [
                        f"{each}: nobody is on call" for each in who if rung_people(site, (each,), instant_us) == ()
                    ]
                    calls.append(ForetoldCall(instant_us, who, effect, tuple(nobody)))
                    nobody = []
        if alert.page_due_us == FAR or (calls and calls[-1].page.rung == len(rungs)):
            break
        instant_us = alert.page_due_us
        desk.advance(instant_us + 1)
    return Foretold(
        _passed(site, rule, priority, chair, at_us), said.get("route", ""), said["page"], len(rungs), alert.ladder.answers,
        tuple(calls), 0 if alert.page_due_us == FAR else alert.page_due_us - instant_us,
    )  # fmt: skip


def _passed(site: OnCall, rule: str, priority: Priority, chair: str | None, at_us: int) -> tuple[str, ...]:
    """The routes before the one that takes it, each with the reason why it does not."""
    passed: list[str] = []
    for place, route in enumerate(site.routes, 1):
        why = why_not_taken(site, route, rule, priority, chair, at_us)
        if why is None:
            break
        passed.append(f"{place}: {route.policy}: {why}")
    return tuple(passed)
