"""Who is on call and how far a ladder has been climbed, as a wall and a phone show it, against the real service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, WALL, Desk, alerts, until, violations
from tests.support.service import PATIENCE_S, started

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

CONFIGURATION = """
[site]
timezone = "UTC"
[pages]
destinations = []
[people.ada]
display = "A. L."
role = "nurse"
[people.ben]
display = "Dr. B"
role = "doctor"
[schedules.nurses]
timezone = "UTC"
[[schedules.nurses.rotations]]
people = ["ada"]
since = 2026-11-02
handoff = 08:00:00
[schedules.doctors]
timezone = "UTC"
[policies.chairs]
[[policies.chairs.rungs]]
who = ["schedule:nurses"]
minutes = 9
[[policies.chairs.rungs]]
who = ["ben"]
minutes = 9
[[routes]]
policy = "chairs"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site with a nurse on call, doctors of whom none is, and a ladder of three rungs."""
    path: Path = tmp_path_factory.mktemp("site")
    (path / "site.toml").write_text(CONFIGURATION)
    with started(path / "data", "--config", path / "site.toml") as process:
        yield process.address


def _very_high_pressure(page: Page, address: str, patient: str, chair: str) -> str:
    """The alert of a patient whose pressure is very high, once it stands on the page."""
    at = datetime.now(UTC).isoformat()
    lines = [
        {"kind": "session.started", "at": at, "patient": patient, "session": f"{patient}-today", "chair": chair,
         "device": f"monitor-{chair}", "drug": "ketamine", "route": "iv", "planned_mg": 40, "planned_minutes": 40, "by": "rn-1"},
        {"kind": "vitals", "at": at, "device": f"monitor-{chair}", "sbp": 205.0, "dbp": 124.0},
    ]  # fmt: skip
    assert httpx.post(f"{address}/v1/observations", json=lines, timeout=PATIENCE_S).json()["set_aside"] == []

    def look() -> str:
        found = (a for a, r in alerts(address).items() if (r["rule"], r["patient"]) == ("hypertensive-crisis", patient))
        return next(found, "")

    return until(page, look, f"the alert of {patient}")


def test_the_wall_says_who_is_on_call_and_each_alert_its_rung_and_counts_down(desk: Desk, service: str) -> None:
    wall = desk.open(service, WALL)
    on_call = wall.get_by_test_id("on-call-line")
    expect(on_call).to_contain_text("Nurses: A. L.")
    expect(on_call.get_by_role("alert")).to_contain_text("Doctors: nobody is on call")
    alert = _very_high_pressure(wall, service, "A-61", "1")
    ladder = wall.get_by_test_id(f"ladder-{alert}")
    expect(ladder).to_have_text(re.compile(r"^1st of 3: A\. L\. called, Dr\. B in\s[0-8]:\d\d$"))
    before = ladder.inner_text()
    # By the page's own clock: nothing comes meanwhile that would say it.
    wall.route("**/v1/ladders*", lambda route: route.abort())
    expect(ladder).not_to_have_text(before)
    expect(on_call).to_be_in_viewport(ratio=0.9)
    assert violations(wall) == []
    wall.unroute("**/v1/ladders*")
    answer = httpx.post(f"{service}/v1/alerts/{alert}/escalate", json={"by": "rn-7"}, timeout=PATIENCE_S)
    assert answer.status_code == 202
    expect(ladder).to_have_text(re.compile(r"^2nd of 3: A\. L\., Dr\. B called, everybody in\s[0-8]:\d\d$"))
    wall.get_by_test_id(f"ack-{alert}").click()
    expect(ladder).to_have_count(0)


def test_an_alert_s_page_says_who_was_called_what_became_of_it_and_when_the_next_call_is(
    desk: Desk, service: str
) -> None:
    phone = desk.open(service, PHONE)
    alert = _very_high_pressure(phone, service, "A-62", "2")
    phone.goto(f"{service}/alert/{alert}")
    expect(phone.get_by_test_id("called")).to_have_text("1st of 3: A. L. called")
    expect(phone.get_by_test_id("next-call")).to_have_text(re.compile(r"^Dr\. B in\s[0-8]:\d\d$"))
    expect(phone.get_by_test_id("paged")).not_to_be_empty()
    expect(phone.get_by_test_id(f"ack-{alert}")).to_be_in_viewport(ratio=1)
    assert violations(phone) == []


def test_the_week_says_its_holes_and_a_swap_is_put_in_place_or_refused_with_its_field(desk: Desk, service: str) -> None:
    phone = desk.open(f"{service}/oncall", PHONE)
    nurses = phone.get_by_test_id("schedule-nurses")
    expect(nurses.locator(".turn")).to_contain_text("A. L. nurse")
    expect(phone.get_by_test_id("schedule-doctors").locator(".turn")).to_contain_text("Nobody is on call")
    expect(phone.get_by_test_id("people")).to_contain_text("Dr. B doctor")
    assert not phone.evaluate("document.documentElement.scrollWidth > innerWidth")

    today = datetime.now(UTC)
    form = phone.get_by_test_id("override")
    phone.get_by_test_id("field-who").select_option("ben")
    phone.get_by_test_id("field-covers").select_option("ada")
    phone.get_by_test_id("field-until").fill((today - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"))
    phone.get_by_test_id("override-send").tap()
    expect(form.get_by_test_id("override-refused")).to_have_text("Until: it is not after since")
    expect(phone.get_by_test_id("field-until")).to_have_attribute("aria-invalid", "true")
    assert violations(phone) == []

    phone.get_by_test_id("field-since").fill((today + timedelta(days=1)).strftime("%Y-%m-%dT08:00"))
    phone.get_by_test_id("field-until").fill((today + timedelta(days=2)).strftime("%Y-%m-%dT08:00"))
    phone.get_by_test_id("override-send").tap()
    expect(form.get_by_test_id("override-taken")).to_be_visible()
    expect(nurses.locator(".turn")).to_have_count(3)
    expect(nurses.locator(".turn").nth(1)).to_contain_text("Dr. B doctor")
    expect(nurses).to_contain_text("Dr. B in place of A. L.")
