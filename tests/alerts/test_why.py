"""Why somebody was paged, or nobody was: decisions of a real desk, pages of a real outbox, told in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.desk.desk import Desk
from alerts.desk.why import FATES, explain
from alerts.effects import FrameEffects
from alerts.store.outbox import LIVE, Tried, everybody
from alerts.store.store import Store
from models.findings import Finding, Subject
from models.instants import MINUTE, SECOND, from_iso, to_datetime
from models.tables.rules import Priority
from models.wire.observations import AlertAcknowledged, AlertSnoozed, AlertUnsnoozed, SiteConfigured
from models.wire.on_call import WhyOut
from tests.support.paging import LEASE, store, url

pytest_plugins = ("tests.support.postgres",)
__all__ = ["store", "url"]  # fixtures

T0 = from_iso("2026-11-02T09:00:00Z")
LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
ROTA: dict[str, Any] = {
    "people": {"ada": {"role": "nurse"}, "ben": {"role": "nurse"}},
    "schedules": {"nights": {"timezone": "UTC", "expected": [{"days": ["sun"]}]}},
    "policies": {"chairs": {"rungs": [{"who": ["schedule:nights"]}, {"who": ["ada"]}]}},
    "routes": [{"policy": "chairs", "priorities": ["high", "medium"]}],
}
METHODS = {"ada": ["ada-phone", "ada-call"], "ben": ["ben-phone"]}
TO = everybody(["ada-phone", "ada-call", "ben-phone"], people=METHODS)


class Clinic:
    """A desk whose effects are written; its patient sits in chair 1, its wall clock is Berlin's."""

    def __init__(self, store: Store, rota: dict[str, Any] = ROTA, **policies: str) -> None:
        self.store, self.desk, self._offset = store, Desk(), 0
        policies = {"timezone": "Europe/Berlin", **policies}
        self.desk.configure(SiteConfigured(at=to_datetime(T0), site="main", rota=rota, policies=policies), T0)

    def find(
        self, at_us: int, change: Any = "began", rule: str = "desaturation", priority: Priority = HIGH, session: str | None = "S-1"
    ) -> None:  # fmt: skip
        self.goes_on(at_us)
        now_us = T0 + at_us
        subject = Subject("main", "P-1", session, "1")
        self.desk.find(
            Finding(change, subject, rule, priority, now_us, now_us, now_us, f"{rule} of P-1.", {}, "source")
        )
        self._write()

    def goes_on(self, until_us: int) -> None:
        self.desk.advance(T0 + until_us)
        self._write()

    def says(self, at_us: int, kind: Any = AlertAcknowledged, **more: Any) -> None:
        self.goes_on(at_us)
        (alert,) = self.desk.open
        self.desk.command(kind(at=to_datetime(T0 + at_us), alert=alert, by="ben", **more), T0 + at_us)
        self._write()

    def tries(self, destination: str, at_us: int, reason: str = "") -> None:
        (owed,) = self.store.claim_pages(destination, TO, T0 + at_us, LEASE)
        retry_us = T0 + at_us + SECOND if reason else None
        self.store.mark_pages([Tried(owed, not reason, retry_us, reason)], T0 + at_us)

    def why(self, rule: str = "desaturation", until_us: int | None = None) -> WhyOut:
        alerts = {each["rule"]: each["alert"] for each in self.store.alerts()}
        story = self.store.story(alerts[rule])
        assert story is not None
        story["timezone"] = "Europe/Berlin"  # what the ward writes of a configuration, and here is no ward
        return explain(story, None if until_us is None else T0 + until_us)

    def told(self, rule: str = "desaturation", until_us: int | None = None) -> list[str]:
        found = self.why(rule, until_us)
        return [f"{(from_iso(each['at']) - T0) / MINUTE:g} {each['text']}" for each in found["sentences"]]

    def _write(self) -> None:
        self._offset += 1
        self.store.commit(FrameEffects(0, self._offset, self.desk.take()))


def test_a_page_that_climbed_says_whom_each_rung_called_why_and_what_became_of_it(store: Store) -> None:
    clinic = Clinic(store)
    clinic.find(0)
    clinic.tries("ada-phone", 0, "busy")
    clinic.tries("ada-call", SECOND)
    clinic.goes_on(2 * MINUTE + 1)
    clinic.says(3 * MINUTE)

    assert clinic.why()["answer"] == "Reached: ada by ada-call."
    raised = [
        "0 Raised, high: desaturation of P-1.",
        "0 A page was owed at once.",
        "0 The first route that takes it is 1: chairs.",
        "0 Rung 2 of 3 of policy chairs calls ada.",
        "0 Passed over: rung 1, schedule:nights: nobody is on call.",
        "0 Unless somebody answers, the next call is at 10:02:00.",
        "0 A page calls ada (rung 2).",
        "0 ada by ada-phone: failed, and is tried again (1 try): busy.",
        "0 ada by ada-call: arrived (1 try).",
    ]
    tried = ["0 Try 1 of ada by ada-phone: failed: busy.", "0.0166667 Try 1 of ada by ada-call: arrived."]
    assert clinic.told()[:11] == raised + tried
    assert clinic.told()[11:] == [
        "2 Called on: nobody has answered.",
        "2 A page was owed at once.",
        "2 Rung 3 of 3 of policy chairs calls everybody.",
        "2 Unless somebody answers, the next call is at 10:07:00.",
        "2 A page calls everybody (rung 3).",
        "2 It has been given to no destination yet.",
        "3 ben acknowledged it until 10:13:00.",
        "3 News to everybody: somebody has answered.",
        "3 It has been given to no destination yet.",
    ]
    assert clinic.told(until_us=MINUTE) == clinic.told()[:11], "what was decided later is left out"


def test_what_a_worse_alert_says_already_is_said_to_be_held_back_until_that_is_over(store: Store) -> None:
    clinic = Clinic(store)
    clinic.find(0, rule="apnoea")
    clinic.find(MINUTE, rule="bradypnoea", priority=MEDIUM)
    held = "Its page is held back: apnoea of the same patient is open and says it. If it outlasts that, it is paged."
    assert clinic.why("bradypnoea")["answer"] == f"Nobody was paged. {held}"
    clinic.find(2 * MINUTE, "ended", "apnoea")
    assert clinic.told("bradypnoea")[3] == "2 Called on: apnoea no longer says it."
    assert clinic.why("bradypnoea")["answer"] == "Somebody was paged, and nobody was reached."


def test_an_alert_about_which_nobody_is_paged_says_why_and_where_it_is_told(store: Store) -> None:
    clinic = Clinic(store)
    clinic.find(0, rule="relapse-risk", priority=LOW, session=None)
    found = clinic.why("relapse-risk")
    board_only = "Nobody is paged about it: of this priority it is on the board only."
    assert found["answer"] == f"Nobody was paged. {board_only}"
    assert [each["text"] for each in found["sentences"]] == [
        "Raised, low: relapse-risk of P-1.", board_only, "The daily digest names it, for as long as nobody has answered.",
        "No route takes it, so everybody is called.",
    ]  # fmt: skip


def test_a_site_without_a_destination_says_that_no_page_can_go_anywhere(store: Store) -> None:
    clinic = Clinic(store, {}, pages="nowhere")
    clinic.find(0)
    assert clinic.told()[1:3] == [
        "0 A page was owed at once.",
        "0 The site has no destination, so that no page can go anywhere.",
    ]


def test_every_decision_about_a_page_has_its_sentence(store: Store) -> None:
    """Grouped, again within five minutes, eased, put off, over: none is told in the desk's own words."""
    clinic = Clinic(store)
    clinic.find(0, priority=MEDIUM)
    clinic.find(SECOND, rule="tachycardia", priority=MEDIUM)
    clinic.find(MINUTE, "ended", rule="tachycardia", priority=MEDIUM)
    clinic.find(2 * MINUTE, rule="tachycardia", priority=MEDIUM)
    clinic.find(3 * MINUTE, "changed", rule="tachycardia", priority=LOW)
    clinic.find(4 * MINUTE, "ended", rule="tachycardia", priority=LOW)
    clinic.find(5 * MINUTE, "ended")
    told = clinic.told() + clinic.told("tachycardia")
    for each in clinic.store.alerts():
        if each["phase"] == "latched":
            clinic.desk.command(AlertAcknowledged(at=to_datetime(T0), alert=each["alert"], by="ben"), T0 + 5 * MINUTE)
    clinic.find(6 * MINUTE, rule="bradycardia", priority=MEDIUM)
    clinic.says(7 * MINUTE, AlertSnoozed, until=to_datetime(T0 + 20 * MINUTE))
    clinic.says(8 * MINUTE, AlertUnsnoozed)
    told += clinic.told("bradycardia")
    said = {step["evidence"]["page"] for step in store.transitions() if "page" in step["evidence"]}
    assert said >= {
        "now",
        "with the patient's next",
        "later: it was paged within 5 min",
        "none: it is over",
        "later: unless somebody answers",
    }
    assert not [each for each in told if " Its page: " in each]


@pytest.mark.parametrize("state", [*LIVE, "sent", "handed on", "abandoned", "spared", "retired", "superseded"])
def test_every_state_of_a_delivery_has_its_words(state: str) -> None:
    assert state in FATES


def test_what_this_version_does_not_know_is_told_as_it_was_written(store: Store) -> None:
    clinic = Clinic(store)
    clinic.find(0)
    (raised,) = store.transitions()
    later = raised | {"evidence": {"page": "another day", "next_call_at": "soon", "route": 7}}
    story: Any = {"alert": "a", "timezone": "UTC", "transitions": [later], "pages": []}
    assert [each["text"] for each in explain(story)["sentences"]][1:] == [
        "Its page: another day.", "Unless somebody answers, the next call is at soon.",
    ]  # fmt: skip
