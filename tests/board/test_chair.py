"""The tablet beside the patient, in a real browser against the real service: an entry is sent when it is tapped, asked about
where nobody can have meant it, corrected or taken back for the whole session, and never credited to another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Route, expect

from models.arrays import Document
from tests.support.browser import TABLET, Desk, alerts, entries, live, queued, until, violations
from tests.support.service import PATIENCE_S, started
from tests.support.tablet import SMALL_TARGETS, filed, fill, of_rule, post, send, sending, sit, tap

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`chairside serve` on a fresh data directory; tests take a chair each."""
    with started(tmp_path_factory.mktemp("data")) as process:
        yield process.address


def test_a_whole_session_is_entered_at_the_chair_and_filed_with_who_entered_it(desk: Desk, service: str) -> None:
    page = desk.open(f"{service}/chair/4", TABLET)
    expect(page.get_by_test_id("patient")).to_have_text("Nobody in this chair")
    sending(service, "monitor-4")

    tap(page, "task-start")
    fill(page, patient="A-17", planned_mg="42.5", planned_minutes="40")
    expect(page.get_by_test_id("monitor-monitor-4")).to_have_text("monitor-4: SpO₂ 97 %, no chair")
    tap(page, "drug-ketamine", "route-iv", "monitor-monitor-4", "enter")
    send(page, "session.started")
    expect(page.get_by_test_id("patient")).to_have_text("A-17")
    (session,) = (
        each["session"] for each in httpx.get(f"{service}/v1/sessions").json()["sessions"] if each["patient"] == "A-17"
    )
    filed(page, service, session, "session.started", patient="A-17", chair="4", device="monitor-4", drug="ketamine",
          route="iv", planned_mg=42.5, planned_minutes=40.0)  # fmt: skip

    post(service, kind="vitals", device="monitor-4", spo2=97, hr=71, rr=14)
    expect(page.locator(".vital-spo2 .number")).to_have_text("97")
    expect(page.locator(".vital-rate .number")).to_have_text("71")

    tap(page, "task-cuff")
    fill(page, sbp="132", dbp="84")
    tap(page, "enter")
    filed(page, service, session, "vitals", sbp=132.0, dbp=84.0)
    expect(page.locator(".vital-pressure .number").first).to_have_text("132")

    tap(page, "task-dose", "enter")  # the planned amount stands there already
    filed(page, service, session, "dose", drug="ketamine", route="iv", amount_mg=42.5, minutes=40.0)
    expect(page.locator(".phase")).to_contain_text("Infusion")

    tap(page, "task-sedation", "moaas-4")
    filed(page, service, session, "checkin", instrument="moaas", score=4.0)
    expect(page.get_by_test_id("sedation-4")).to_contain_text("Drowsy")

    tap(page, "task-dissociation", *(f"cadss6-{item}-{min(item, 4)}" for item in range(1, 7)), "enter")
    filed(page, service, session, "checkin", instrument="cadss-6", items=[1.0, 2.0, 3.0, 4.0, 4.0, 4.0])
    expect(page.get_by_test_id("dissociation-4")).to_contain_text("18")

    tap(page, "task-intervention", "intervention-oxygen")
    fill(page, detail="2 L/min")
    tap(page, "enter")
    filed(page, service, session, "intervention", what="oxygen", detail="2 L/min")

    tap(page, "task-stop")
    fill(page, given_mg="38")
    tap(page, "enter")
    filed(page, service, session, "dose.stopped", given_mg=38.0)

    tap(page, "task-distress", "distress-2")
    filed(page, service, session, "checkin", instrument="distress", score=2.0)
    expect(page.get_by_test_id("record").locator("li").first).to_contain_text("Distress 2 of 10")
    expect(page.get_by_test_id("record").locator("li").first).to_contain_text("rn-7")
    assert page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('chairside.entry.'))") == []

    tap(page, "task-end", "reason-completed", "enter")
    expect(page.get_by_test_id("form-problem")).to_have_text("Was the patient discharged?")
    tap(page, "discharged-yes", "enter")
    expect(page.get_by_test_id("form-problem")).to_have_text("Why do they leave before they are ready?")
    expect(page.get_by_test_id("end-readiness")).to_contain_text("MOAA/S 4")
    tap(page, "why-physician-agreed", "enter")
    filed(page, service, session, "session.ended", discharged=True,
          reason="completed; not ready, left because: physician agreed")  # fmt: skip
    expect(page.get_by_test_id("patient")).to_have_text("Nobody in this chair")

    record = entries(service, session)
    assert [entry["kind"] for entry in record] == [
        "session.started", "vitals", "dose", "checkin", "checkin", "intervention", "dose.stopped", "checkin", "session.ended",
    ]  # fmt: skip
    assert {(entry["by"], entry["outcome"]) for entry in record} == {("rn-7", "accepted")}


def test_an_entry_has_arrived_though_the_page_is_closed_the_moment_it_was_tapped(desk: Desk, service: str) -> None:
    session = sit(service, "31", "T-31")
    page = desk.open(f"{service}/chair/31", TABLET)
    slow = page.context.new_cdp_session(page)
    slow.send("Network.emulateNetworkConditions", {"offline": False, "latency": 600, "downloadThroughput": -1, "uploadThroughput": -1})  # fmt: skip
    tap(page, "task-sedation")
    page.get_by_test_id("moaas-0").tap()
    page.close()
    other = desk.open(service, TABLET)
    filed(other, service, session, "checkin", instrument="moaas", score=0.0)
    of_rule(other, service, "unresponsive", "T-31")


def test_what_a_cut_network_kept_on_a_tablet_is_loud_there_and_is_sent_when_the_page_is_opened_again(
    desk: Desk, service: str
) -> None:
    session = sit(service, "32", "T-32")
    page = desk.open(f"{service}/chair/32", TABLET)
    board = page.context.new_page()
    board.goto(service)
    live(board)
    page.context.set_offline(True)
    tap(page, "task-sedation", "moaas-0")
    for each in (page, board):
        expect(each.get_by_test_id("unsent")).to_contain_text("1 entry is on this tablet only")
        expect(each.get_by_test_id("unsent")).to_contain_text("Sedation 0 · unresponsive")
    expect(page.locator("[data-testid=say-now]")).to_contain_text("1 entry is on this tablet only.")
    assert violations(page) == []
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started"]
    page.close()
    board.close()

    again = page.context
    again.set_offline(False)
    opened = again.new_page()
    opened.goto(f"{service}/chair")
    filed(opened, service, session, "checkin", instrument="moaas", score=0.0)
    expect(opened.get_by_test_id("unsent")).to_have_count(0)


def test_a_slip_is_taken_back_at_once_and_stays_struck_through_in_the_record(desk: Desk, service: str) -> None:
    session = sit(service, "33", "T-33")
    page = desk.open(f"{service}/chair/33", TABLET)
    tap(page, "task-sedation", "moaas-0")
    alert = of_rule(page, service, "unresponsive", "T-33")
    tap(page, "take-back")
    until(page, lambda: alerts(service)[alert]["phase"] != "active", "the alert is over")
    wrong = page.locator("[data-testid=record] li[data-struck=true]")
    expect(wrong).to_have_count(1)
    expect(wrong.locator("s")).to_have_text("Sedation 0 · unresponsive")
    expect(page.get_by_test_id("sedation-33")).not_to_contain_text("Unresponsive")
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started", "checkin", "checkin"]


def test_an_entry_is_corrected_later_from_the_record_at_its_own_time(desk: Desk, service: str) -> None:
    session = sit(service, "34", "T-34")
    page = desk.open(f"{service}/chair/34", TABLET)
    tap(page, "task-cuff")
    fill(page, sbp="215", dbp="125")
    tap(page, "ago-5", "enter")
    first = filed(page, service, session, "vitals", sbp=215.0)
    tap(page, "task-distress", "distress-1")
    filed(page, service, session, "checkin", score=1.0)
    page.reload()
    live(page)

    page.get_by_role("button", name="Correct Cuff 215/125").click()
    expect(page.get_by_test_id("field-sbp")).to_have_value("215")
    fill(page, sbp="125", dbp="75")
    tap(page, "enter")
    right = filed(page, service, session, "cuff.corrected", sbp=125.0)
    assert right["doc"]["replaces"] == first["doc"]["id"]
    assert right["at"] == first["at"], "it was measured when it was measured"
    expect(page.locator(".vital-pressure .number").first).to_have_text("125")
    expect(page.locator("[data-testid=record] li[data-struck=true] s")).to_have_text("Cuff 215/125")


def test_a_dose_that_nobody_can_have_meant_asks_before_it_is_sent(desk: Desk, service: str) -> None:
    session = sit(service, "35", "T-35")
    post(service, kind="patient.registered", patient="T-35", weight_kg=70)
    post(service, kind="vitals", patient="T-35", session=session, sbp=122.0, dbp=78.0, source="cuff", by="rn-1")
    page = desk.open(f"{service}/chair/35", TABLET)
    expect(page.get_by_test_id("weight")).to_contain_text("70 kg")
    tap(page, "task-dose")
    fill(page, amount_mg="1500")
    expect(page.get_by_test_id("per-kg")).to_have_text("21.43 mg/kg at 70 kg")
    tap(page, "enter")
    odd = page.get_by_test_id("odd")
    expect(odd).to_contain_text("21.43 mg/kg at 70 kg: usual is 1 mg/kg at most.")
    expect(odd).to_contain_text("37.5 times the 40 mg that were planned.")
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started", "vitals"]
    assert (page.evaluate(SMALL_TARGETS), violations(page)) == ([], [])
    tap(page, "odd-change")
    fill(page, amount_mg="40")
    tap(page, "enter")
    filed(page, service, session, "dose", amount_mg=40.0)

    tap(page, "task-dose", "enter")
    expect(odd).to_contain_text("A second dose: 40 mg were entered 0 min ago.")
    tap(page, "odd-enter")
    until(page, lambda: len([e for e in entries(service, session) if e["kind"] == "dose"]) == 2, "the second dose")


def test_starting_is_choosing_among_who_is_expected_and_what_sends(desk: Desk, service: str) -> None:
    before = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    soon = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    post(service, kind="patient.registered", patient="T-36", weight_kg=80, conditions=["aneurysmal-vascular-disease"])
    post(service, kind="dose", patient="T-36", at=before, drug="esketamine", route="intranasal", amount_mg=56)
    post(service, kind="intervention", patient="T-36", what="booking", detail=soon)
    sending(service, "m36", spo2=96, pulse=66)
    page = desk.open(f"{service}/chair/36", TABLET)
    tap(page, "task-start", "today-T-36")
    expect(page.get_by_test_id("last-dose")).to_have_text("Last: esketamine 56 mg, 4 d ago")
    expect(page.get_by_test_id("field-planned_mg")).to_have_value("56")
    expect(page.get_by_test_id("drug-esketamine")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("route-intranasal")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("objections")).to_contain_text("The label forbids it: aneurysmal vascular disease")
    expect(page.get_by_test_id("monitor-m36")).to_have_text("m36: SpO₂ 96 %, pulse 66, no chair")
    assert (page.evaluate(SMALL_TARGETS), violations(page)) == ([], [])
    tap(page, "monitor-m36", "enter")
    expect(page.get_by_test_id("odd")).to_contain_text("the label forbids esketamine")
    tap(page, "odd-enter")
    expect(page.get_by_test_id("patient")).to_have_text("T-36")
    expect(page.locator(".vital-spo2 .number")).to_have_text("96")
    # The dose asks for the pressure that was not measured.
    tap(page, "task-dose", "enter")
    expect(page.get_by_test_id("odd")).to_contain_text("No pressure was measured before the dose.")


def test_everything_that_the_rules_and_the_forecast_read_is_entered_on_a_page(desk: Desk, service: str) -> None:
    page = desk.open(f"{service}/enter/T-37", TABLET)
    expect(page.get_by_test_id("patient")).to_have_text("T-37")
    tap(page, "task-register", "unit-lb")
    fill(page, weight="154", birth_year="1984")
    page.get_by_text("Conditions", exact=True).click()
    tap(page, "sex-female", "condition-bipolar-disorder")
    fill(page, medications="sertraline, lithium")
    assert violations(page) == []
    tap(page, "enter")
    expect(page.get_by_test_id("weight")).to_contain_text("154 lb")

    for name, taps, filled in (
        ("phq-9", [f"phq-9-{item}-{1 if item != 9 else 0}" for item in range(1, 10)], {}),
        ("phq-2", ["phq-2-1-3", "phq-2-2-2"], {}),
        ("madrs", [], {"madrs-score": "31"}),
        ("qids-sr16", [], {"qids-sr16-score": "14"}),
        ("cssrs-screen", ["cssrs-screen-1-1", "cssrs-screen-2-0", "cssrs-screen-6-recent-0"], {}),
        ("bprs-4", [f"bprs-4-{item}-1" for item in range(1, 5)], {}),
        ("mood-vas", [], {"mood-vas-score": "6"}),
    ):
        tap(page, "task-questionnaire", f"scale-{name}", *taps)
        fill(page, **filled)
        assert page.evaluate(SMALL_TARGETS) == [], name
        tap(page, "enter")
    tap(page, "task-elsewhere", "elsewhere-ect", "enter")
    tap(page, "task-elsewhere", "elsewhere-ketamine", "route-im")
    fill(page, amount_mg="35")
    tap(page, "enter", "task-note")
    fill(page, note="Slept badly, no other change.")
    tap(page, "enter", "task-visit", "enter")

    def told() -> list[Document]:
        query: dict[str, str | int] = {"patient": "T-37", "entries": 100}
        found: list[Document] = httpx.get(f"{service}/v1/history", params=query).json()["entries"]
        return found if len(found) >= 12 else []

    entered = until(page, told, "twelve entries")
    assert {entry["outcome"] for entry in entered} == {"accepted"}
    scores = {e["doc"]["instrument"]: e["doc"].get("score", e["doc"].get("items")) for e in entered if e["kind"] == "checkin"}  # fmt: skip
    assert scores == {
        "phq-9": [1.0] * 8 + [0.0], "phq-2": [3.0, 2.0], "madrs": 31.0, "qids-sr16": 14.0,
        "cssrs-screen": {"1": 1.0, "2": 0.0, "6-recent": 0.0}, "bprs-4": [1.0] * 4, "mood-vas": 6.0,
    }  # fmt: skip
    row = next(r for r in httpx.get(f"{service}/v1/patients").json()["patients"] if r["patient"] == "T-37")
    assert row["booked_at"] is not None
    assert row["doses"] == 2
    said = httpx.get(f"{service}/v1/patients/T-37/registration").json()
    assert (said["weight_kg"], said["birth_year"], said["sex"]) == (69.85, 1984, "female")
    assert (said["conditions"], said["medications"]) == (["bipolar-disorder"], ["sertraline", "lithium"])
    assert [one["name"] for one in said["objections"]["ketamine"]] == ["bipolar disorder"]
    assert "suicidal-ideation" in [alert["rule"] for alert in alerts(service).values() if alert["patient"] == "T-37"]


def test_a_form_that_was_opened_for_one_patient_is_never_entered_for_the_next(desk: Desk, service: str) -> None:
    first = sit(service, "8", "K-1")
    page = desk.open(f"{service}/chair/8", TABLET)
    expect(page.get_by_test_id("patient")).to_have_text("K-1")
    expect(page.get_by_test_id("task-start")).to_have_count(0)  # the chair is occupied
    tap(page, "task-dose")
    post(service, kind="session.ended", session=first, patient="K-1")
    sit(service, "8", "K-2")
    refused = "The session of K-1 in this chair has ended. K-2 sits here now. Nothing was entered."
    expect(page.get_by_test_id("form-refused")).to_have_text(refused)
    expect(page.get_by_test_id("enter")).to_have_count(0)


def test_an_entry_whose_answer_was_lost_is_sent_again_and_counts_once(desk: Desk, service: str) -> None:
    session = sit(service, "6", "B-06")
    page = desk.open(f"{service}/chair/6", TABLET)
    posts: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        posts.append(json.loads(route.request.post_data or "{}")["id"])
        if len(posts) == 1:
            assert route.fetch().status == 200  # the server has it
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/observations", lose_the_first_answer)
    tap(page, "task-cuff")
    fill(page, sbp="141", dbp="90")
    tap(page, "enter")
    expect(queued(page, "vitals", "unsent")).to_contain_text("Not sent yet: no connection")
    queued(page, "vitals").wait_for(state="detached")
    assert len(posts) == 2
    assert len(set(posts)) == 1
    filed(page, service, session, "vitals", sbp=141.0)
    tap(page, "task-distress", "distress-1")
    send(page, "checkin")
    filed(page, service, session, "checkin", score=1.0)
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started", "vitals", "checkin"]


def test_entries_made_without_a_connection_are_marked_and_sent_when_it_is_back(desk: Desk, service: str) -> None:
    session = sit(service, "7", "B-07")
    page = desk.open(f"{service}/chair/7", TABLET)
    page.context.set_offline(True)
    tap(page, "task-sedation", "moaas-3")
    tap(page, "task-cuff")
    fill(page, sbp="150", dbp="95")
    tap(page, "enter")
    expect(queued(page, "checkin", "unsent")).to_contain_text("Sedation 3 · sedated")
    expect(queued(page, "vitals", "unsent")).to_contain_text("Not sent yet: no connection")
    expect(page.get_by_test_id("queue")).to_be_in_viewport()
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started"]

    page.context.set_offline(False)
    expect(queued(page, "checkin")).to_have_count(0)
    expect(queued(page, "vitals")).to_have_count(0)
    filed(page, service, session, "checkin", instrument="moaas", score=3.0)
    filed(page, service, session, "vitals", sbp=150.0, dbp=95.0)


def test_a_refused_entry_says_which_field_and_why_and_can_be_corrected(desk: Desk, service: str) -> None:
    session = sit(service, "8", "B-08")
    page = desk.open(f"{service}/chair/8", TABLET)
    tap(page, "task-dose")
    fill(page, drug="ketamine with a story " * 3)
    tap(page, "enter")
    refused = queued(page, "dose", "refused")
    expect(refused).to_contain_text("Not taken")
    expect(refused).to_contain_text("drug: String should have at most 60 characters")
    assert [entry["kind"] for entry in entries(service, session)] == ["session.started"]

    refused.get_by_role("button", name="Correct").click()
    fill(page, drug="ketamine")
    tap(page, "enter", "odd-enter")  # no pressure was measured before it
    send(page, "dose")
    filed(page, service, session, "dose", drug="ketamine", amount_mg=40.0)


def test_a_gloved_finger_hits_everything_on_the_chair_page(desk: Desk, service: str) -> None:
    sit(service, "12", "E-12")
    page = desk.open(f"{service}/chair/12", TABLET)
    empty = desk.open(f"{service}/chair/13", TABLET)
    tap(empty, "task-start")
    assert (empty.evaluate(SMALL_TARGETS), violations(empty)) == ([], [])
    for task in ("dose", "stop", "cuff", "sedation", "dissociation", "distress", "symptoms", "intervention", "end",
                 "questionnaire", "note", "escort", "register", "visit", "elsewhere"):  # fmt: skip
        tap(page, f"task-{task}")
        assert page.evaluate(SMALL_TARGETS) == [], task
        tap(page, "cancel")
    assert page.evaluate(SMALL_TARGETS) == []
    assert violations(page) == []
