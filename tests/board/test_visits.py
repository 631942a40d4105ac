"""A whole visit entered on a tablet with nothing else at hand: from registration to the printed record and the REMS form's data.

What a nurse taps is counted, and docs/chair.md says the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from models.arrays import Document
from tests.support.browser import TABLET, WALL, Desk, live, until, violations
from tests.support.service import PATIENCE_S, ROOT, started
from tests.support.tablet import fill, sending, tap

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

DOCS = (ROOT / "docs" / "chair.md").read_text("utf-8")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("data")) as process:
        yield process.address


@dataclass
class Nurse:
    """Somebody at a tablet, whose taps and typed fields are counted."""

    page: Page
    taps: int = 0
    typed: int = 0

    def taps_on(self, *hooks: str) -> None:
        tap(self.page, *hooks)
        self.taps += len(hooks)

    def types(self, **fields: str) -> None:
        fill(self.page, **fields)
        self.typed += len(fields)


def record_of(page: Page, address: str, patient: str, entries: int) -> Document:
    """The record of a patient's session, once so many entries are in it."""
    found: Document = {}

    def look() -> bool:
        nonlocal found
        sessions = httpx.get(f"{address}/v1/sessions").json()["sessions"]
        names = [each["session"] for each in sessions if each["patient"] == patient]
        found = httpx.get(f"{address}/v1/sessions/{names[0]}/record").json() if names else {"entries": []}
        return len(found["entries"]) >= entries

    try:
        until(page, look, f"{entries} entries of {patient}")
    except TimeoutError as late:
        came = [(each["kind"], each["doc"].get("instrument")) for each in found["entries"]]
        raise TimeoutError(f"{late}; there are {came}, and on the page: {page.locator('main').inner_text()}") from None
    return found


def printed(page: Page) -> bytes:
    """The page as Chromium prints it."""
    sheet: bytes = page.pdf(prefer_css_page_size=True, print_background=True)
    return sheet


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def starts(nurse: Nurse, patient: str, weight: str, device: str, *chosen: str) -> None:
    nurse.taps_on("task-register")
    nurse.types(patient=patient, weight=weight, birth_year="1984", medications="lorazepam")
    nurse.taps_on("sex-female", "enter")
    nurse.taps_on("task-start")
    nurse.types(patient=patient)
    # What is registered is there before the dose is proposed.
    expect(nurse.page.get_by_test_id("field-weight")).to_have_value(weight)
    nurse.taps_on(*chosen, f"monitor-{device}", "enter")
    expect(nurse.page.get_by_test_id("patient")).to_have_text(patient)


def cuff(nurse: Nurse, sbp: str, dbp: str) -> None:
    nurse.taps_on("task-cuff")
    nurse.types(sbp=sbp, dbp=dbp)
    nurse.taps_on("enter")


def is_clear(nurse: Nurse) -> None:
    nurse.taps_on("task-sedation", "moaas-5")
    nurse.taps_on("task-dissociation", *(f"cadss6-{item}-0" for item in range(1, 7)), "enter")


def leaves(nurse: Nurse) -> None:
    nurse.taps_on("task-escort", "escort-family", "task-visit", "enter")
    nurse.taps_on("task-end", "discharged-yes", "why-physician-agreed", "enter")
    expect(nurse.page.get_by_test_id("patient")).to_have_text("Nobody in this chair")


def said_in_docs(what: str, nurse: Nurse) -> None:
    assert f"| {what} | {nurse.taps} | {nurse.typed} |" in DOCS, (
        f"docs/chair.md: {what}, {nurse.taps} taps, {nurse.typed}"
    )


def test_an_esketamine_visit_from_registration_to_the_printed_record_and_the_rems_data(
    desk: Desk, service: str, tmp_path: Path
) -> None:
    nurse = Nurse(desk.open(f"{service}/chair/1", TABLET))
    sending(service, "m1", spo2=97, pulse=70)
    starts(nurse, "esk-1", "80", "m1", "drug-esketamine")
    nurse.taps_on("task-questionnaire", "scale-phq-9", *(f"phq-9-{item}-{1 if item < 9 else 0}" for item in range(1, 10)), "enter")  # fmt: skip
    cuff(nurse, "128", "80")
    nurse.taps_on("task-dose")
    nurse.types(amount_mg="56", lot="24A117")
    nurse.taps_on("enter")
    sending(service, "m1", spo2=96, pulse=72)
    nurse.taps_on("task-sedation", "moaas-4")
    nurse.taps_on("task-dissociation", *(f"cadss6-{item}-1" for item in range(1, 7)), "enter")
    cuff(nurse, "141", "86")
    nurse.taps_on("task-symptoms", "symptom-nausea", "enter")
    cuff(nurse, "130", "82")
    is_clear(nurse)
    session = record_of(nurse.page, service, "esk-1", 12)["session"]
    leaves(nurse)
    said_in_docs("esketamine visit", nurse)

    form = httpx.get(f"{service}/v1/sessions/{session}/rems").json()
    assert (form["is_esketamine"], form["dose_mg"], form["devices"], form["lot"]) == (True, 56, 2, "24A117")
    assert (form["pressure_before"]["sbp"], form["pressure_at_end"]["sbp"]) == (128, 130)
    assert (form["sedation"]["happened"], form["dissociation"]["happened"]) == ("yes", "yes")
    assert form["concomitants"]["benzodiazepines"] == "yes"
    assert set(form["missing"]) <= {
        "name",
        "date of birth",
        "pressure 40",
        "serious adverse event",
        "respiratory depression",
    }

    page = desk.open(f"{service}/session/{session}", WALL)
    expect(page.get_by_test_id("session-patient")).to_have_text("esk-1")
    expect(page.get_by_test_id("session-lines")).to_contain_text("Dose esketamine intranasal 56 mg")
    expect(page.get_by_test_id("session-lines")).to_contain_text("Goes home with family")
    expect(page.get_by_test_id("session-picture")).to_contain_text("MOAA/S 4")
    assert violations(page) == []
    sheet = printed(page)
    (tmp_path / "record.pdf").write_bytes(sheet)
    assert pages_of(sheet) == 1
    for hook, kind in (
        ("rems-pdf", "application/pdf"),
        ("record-csv", "text/csv"),
        ("record-fhir", "application/fhir+json"),
    ):
        answer = httpx.get(f"{service}{page.get_by_test_id(hook).get_attribute('href')}")
        assert answer.headers["content-type"].startswith(kind)


def test_an_infusion_from_registration_to_the_printed_record(desk: Desk, service: str) -> None:
    nurse = Nurse(desk.open(f"{service}/chair/2", TABLET))
    sending(service, "m2", spo2=98, pulse=66)
    starts(nurse, "ket-1", "70", "m2", "drug-ketamine")
    cuff(nurse, "122", "78")
    nurse.taps_on("task-dose", "enter")  # 0.5 mg/kg stand there already
    for sbp, dbp in (("134", "84"), ("139", "86"), ("131", "83")):
        cuff(nurse, sbp, dbp)
    nurse.taps_on("task-sedation", "moaas-4", "task-distress", "distress-1")
    nurse.taps_on("task-intervention", "intervention-ondansetron", "enter")
    nurse.taps_on("task-stop", "enter")
    cuff(nurse, "124", "80")
    is_clear(nurse)
    record = record_of(nurse.page, service, "ket-1", 13)
    dose = next(entry["doc"] for entry in record["entries"] if entry["kind"] == "dose")
    assert (dose["amount_mg"], dose["route"], dose["minutes"]) == (35, "iv", 40)
    leaves(nurse)
    said_in_docs("infusion", nurse)

    page = desk.open(f"{service}/session/{record['session']}", WALL)
    expect(page.get_by_test_id("session-lines")).to_contain_text("Session ended: completed; not ready")
    assert pages_of(printed(page)) == 1


def test_a_long_session_with_many_alerts_still_prints_to_one_page(desk: Desk, service: str) -> None:
    common = {"patient": "long-1", "session": "long-1-today", "source": "chair-page", "by": "rn-1"}
    lines: list[Document] = [{"kind": "session.started", "at": "2026-01-05T09:00:00Z", "chair": "9", **common}]
    for n in range(120):
        at = f"2026-01-05T{9 + n // 40:02d}:{n % 40 + 10:02d}:00Z"
        lines.append({"kind": "checkin", "at": at, "id": f"c{n}", "instrument": "moaas", "score": n % 6, **common})
    httpx.post(f"{service}/v1/observations", json=lines).raise_for_status()
    page = desk.open(f"{service}/session/long-1-today", WALL)
    live(page)
    expect(page.get_by_test_id("session-lines").locator("li").nth(120)).to_be_attached()
    assert pages_of(printed(page)) == 1
