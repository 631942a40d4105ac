"""Signing in, as somebody does it: on a phone and on a tablet, from a link, and in the middle of work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE
from deploy.privacy.names import make_key
from deploy.wiring import wall_us
from models.staff import StaffRole
from tests.support.browser import PHONE, TABLET, Desk, violations
from tests.support.keyboard import unreached
from tests.support.oidc import Issuer, issuer
from tests.support.service import PATIENCE_S, Started, started

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_S * 1000)

PASSWORD = "a chair by the window"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def service(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    config = tmp_path_factory.mktemp("site") / "site.toml"
    make_key(config.with_name("names.key"))
    config.write_text(
        f'[access]\nsign_in = true\n[pages]\ndestinations = []\n[names]\nkey = "{config.with_name("names.key")}"\n'
    )
    with started(data, "--config", config) as process:
        yield process


@pytest.fixture
def accounts(data: Path, service: Started) -> Iterator[Accounts]:
    opened = Accounts(data / ACCOUNTS_FILE, wall_us)
    yield opened
    opened.close()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    form = page.get_by_test_id("sign-in")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Password").fill(password)
    form.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
def test_a_link_makes_an_account_and_whoever_has_it_works_under_their_name(
    desk: Desk, service: Started, accounts: Accounts, size: ViewportSize
) -> None:
    name = f"ada-{size['width']}"
    link = accounts.link(name, "nurse")
    page = desk.open(f"{service.address}/welcome#{link}", size, is_live=False)
    expect(page.get_by_role("heading")).to_have_text(f"Welcome, {name}")
    assert "#" not in page.url, "the secret does not stay in the address"
    assert violations(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill("something else, by mistake")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_test_id("welcome-problem")).to_contain_text("differ")
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_test_id("signed-in")).to_have_text(f"{name}, nurse")
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    assert violations(page) == []
    box = page.get_by_test_id("sign-in").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    sign_in(page, name, "not her password at all")
    expect(page.get_by_test_id("sign-in-problem")).to_contain_text("wrong")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    sign_in(page, name)
    expect(page.get_by_test_id("sign-in")).to_have_count(0)
    expect(page.get_by_test_id("signed-in")).to_have_text(f"{name}, nurse")


def test_a_session_that_ends_in_the_middle_of_work_costs_none_of_it(
    desk: Desk, service: Started, accounts: Accounts
) -> None:
    accounts.choose_password(accounts.link("ben", "nurse"), "ben", PASSWORD)
    page = desk.open(f"{service.address}/chair/7", TABLET, is_live=False)
    sign_in(page, "ben")
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")
    page.get_by_test_id("task-start").click()
    page.get_by_test_id("field-patient").first.fill("willow")
    for session in page.context.cookies():
        if session["name"] == "chairside":
            accounts.sessions.end(session["value"])
    # The feed ends with the session, and the page finds out by itself.
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    sign_in(page, "ben")
    expect(page.get_by_test_id("sign-in")).to_have_count(0)
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")
    expect(page.get_by_test_id("field-patient").first).to_have_value("willow")
    expect(page.get_by_test_id("field-patient").first).to_be_focused()


def test_a_screen_that_may_not_answer_offers_no_button_that_would_fail(
    desk: Desk, service: Started, accounts: Accounts
) -> None:
    people: tuple[tuple[str, StaffRole], ...] = (("wall", "viewer"), ("cleo", "nurse"))
    for name, role in people:
        accounts.choose_password(accounts.link(name, role), name, PASSWORD)
    with httpx.Client(base_url=service.address, headers={"origin": service.address}, timeout=PATIENCE_S) as cleo:
        cleo.post("/v1/access/sign-in", json={"name": "cleo", "password": PASSWORD})
        at = datetime.now(UTC).isoformat()
        lines = [
            {
                "kind": "session.started",
                "at": at,
                "patient": "A-71",
                "session": "A-71-today",
                "chair": "1",
                "device": "m1",
            },
            {"kind": "vitals", "at": at, "device": "m1", "sbp": 205.0, "dbp": 124.0},
        ]
        assert cleo.post("/v1/observations", json=lines).json()["set_aside"] == []
    for name, buttons in (("cleo", True), ("wall", False)):
        page = desk.open(service.address, TABLET, is_live=False)
        sign_in(page, name)
        expect(page.get_by_test_id("signed-in")).to_contain_text(name)
        row = page.locator("[data-testid^=alert-][data-priority=high]").first
        expect(row).to_be_visible()
        expect(row.get_by_role("button")).to_have_count(1 if buttons else 0)
        row.locator("a").first.click()
        expect(page.locator(".one")).to_be_visible()
        expect(page.get_by_role("button", name="Acknowledge")).to_have_count(1 if buttons else 0)


def test_who_may_only_look_sees_no_forms_at_the_chair(desk: Desk, service: Started, accounts: Accounts) -> None:
    started_by = accounts.link("tess", "nurse")
    nurse = desk.open(f"{service.address}/welcome#{started_by}", TABLET, is_live=False)
    enrol(nurse)
    nurse.goto(f"{service.address}/chair/7")
    nurse.get_by_test_id("task-start").click()
    nurse.get_by_test_id("field-patient").fill("V-07")
    nurse.get_by_test_id("monitor-none").click()
    nurse.get_by_test_id("enter").click()
    expect(nurse.get_by_test_id("patient")).to_have_text("V-07")

    wall = desk.open(f"{service.address}/welcome#{accounts.link('screen', 'viewer')}", TABLET, is_live=False)
    enrol(wall)
    wall.goto(f"{service.address}/chair/7")
    expect(wall.get_by_test_id("patient")).to_have_text("V-07")
    expect(wall.get_by_test_id("may-not-enter")).to_be_visible()
    # What was entered is a patient's: not for a screen on a wall.
    expect(wall.get_by_test_id("record")).to_contain_text("is shown to whoever may open a patient's page")
    expect(wall.get_by_test_id("record")).not_to_contain_text("Session started")
    for hook in ("task-start", "task-dose", "task-end", "enter", "take-back"):
        expect(wall.get_by_test_id(hook)).to_have_count(0)
    expect(wall.get_by_role("button", name="Correct")).to_have_count(0)
    assert violations(wall) == []


def enrol(page: Page) -> None:
    """Choose a password on the page of a one-time link."""
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")


def test_whoever_may_know_a_patient_s_name_writes_corrects_and_deletes_it_by_keyboard_and_nobody_else_sees_of_it(
    desk: Desk, service: Started, accounts: Accounts
) -> None:
    page = desk.open(f"{service.address}/welcome#{accounts.link('nell', 'scheduler')}", PHONE, is_live=False)
    enrol(page)
    page.goto(f"{service.address}/patient/N-1")
    part, name = page.get_by_test_id("name-of"), page.get_by_test_id("name")
    expect(name).to_have_text("No name is entered.")
    page.get_by_test_id("name-write").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("name-field")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("name-problem")).to_have_text("Write the name.")
    page.keyboard.type("Ada Lovelise")
    assert violations(page, "[data-testid=name-of]") == []
    page.keyboard.press("Enter")
    expect(name).to_have_text("Name: Ada Lovelise")
    expect(page.get_by_test_id("name-write")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("name-field")).to_have_value("Ada Lovelise")
    page.get_by_test_id("name-field").fill("Ada Lovelace")
    page.get_by_test_id("name-save").click()
    expect(name).to_have_text("Name: Ada Lovelace")
    assert unreached(page) == []
    page.get_by_test_id("name-write").click()
    page.keyboard.type(" of another")
    page.keyboard.press("Escape")
    expect(name).to_have_text("Name: Ada Lovelace")  # left without saving
    assert "Lovelace" not in page.title() + page.url + page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")

    wall = desk.open(f"{service.address}/welcome#{accounts.link('otto', 'auditor')}", TABLET, is_live=False)
    enrol(wall)
    wall.goto(f"{service.address}/patient/N-1")
    expect(wall.get_by_test_id("signed-in")).to_have_text("otto, auditor")
    expect(wall.get_by_role("alert")).to_contain_text("Nobody is known")
    expect(wall.get_by_test_id("name-of")).to_have_count(0)

    page.reload()
    expect(name).to_have_text("Name: Ada Lovelace")
    page.get_by_test_id("name-delete").click()
    expect(page.get_by_test_id("name-keep")).to_be_focused()  # a second Enter deletes nothing
    assert violations(page, "[data-testid=name-of]") == []
    page.keyboard.press("Escape")
    expect(name).to_have_text("Name: Ada Lovelace")
    page.get_by_test_id("name-delete").click()
    page.get_by_test_id("name-delete-now").click()
    expect(name).to_have_text("No name is entered.")
    expect(part).not_to_contain_text("Lovelace")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuer(tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory, provider: Issuer) -> Iterator[tuple[Started, Accounts]]:
    """A service whose sessions lock, and where the clinic's provider signs people in too."""
    folder = tmp_path_factory.mktemp("sharing")
    (folder / "site.toml").write_text(
        "[access]\nsign_in = true\nlock_minutes = 10\n[pages]\ndestinations = []\n"
        f'[access.oidc]\nissuer = "{provider.address}"\nclient_id = "chairside"\nname = "the hospital"\n'
        f'client_secret_file = "{provider.folder}/client-secret"\nscopes = ["email", "groups"]\n'
        '[access.oidc.people]\n"dana@example.org" = "dana"\n[access.oidc.roles]\nnurses = "nurse"\n'
    )
    with started(folder / "data", "--config", folder / "site.toml") as process:
        provider.people(dana={"email": "dana@example.org", "email_verified": True, "groups": ["nurses"]})
        provider.start(f"{process.address}/v1/access/oidc/back")
        accounts = Accounts(folder / "data" / ACCOUNTS_FILE, wall_us)
        yield process, accounts
        accounts.close()


def test_a_shared_tablet_locks_shows_on_and_each_opens_it_by_their_own_pin(
    desk: Desk, sharing: tuple[Started, Accounts]
) -> None:
    service, accounts = sharing
    for name in ("fay", "gil"):
        accounts.choose_password(accounts.link(name, "nurse"), name, PASSWORD)
    page = desk.open(f"{service.address}/chair/7", TABLET, is_live=False)
    sign_in(page, "fay")
    page.get_by_test_id("new-pin").fill("274913")
    assert violations(page) == []
    page.get_by_test_id("keep-pin").click()
    expect(page.get_by_test_id("choose-pin")).to_have_count(0)
    page.get_by_test_id("task-start").click()
    page.get_by_test_id("field-patient").first.fill("willow")
    page.get_by_test_id("lock").click()
    bar = page.get_by_test_id("lock-bar")
    expect(bar).to_contain_text("Locked")
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")
    # What she was typing is there, and out of anybody's reach.
    expect(page.get_by_test_id("field-patient").first).to_have_value("willow")
    expect(page.locator("section.entering")).to_have_attribute("inert", "")
    assert violations(page) == []
    box, size = bar.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    assert box["y"] + box["height"] <= size["height"] + 1
    page.get_by_test_id("pin").fill("111222")
    page.get_by_test_id("unlock").click()
    expect(page.get_by_test_id("pin-problem")).to_contain_text("does not fit")
    page.get_by_test_id("pin").fill("274913")
    page.get_by_test_id("unlock").click()
    expect(bar).to_have_count(0)
    expect(page.locator("section.entering")).not_to_have_attribute("inert", "")
    expect(page.get_by_test_id("field-patient").first).to_have_value("willow")
    # A colleague signs in on the same tablet once, and from then on each is back by a tap and their PIN.
    page.get_by_test_id("lock").click()
    page.get_by_test_id("whole-sign-in").click()
    sign_in(page, "gil")
    expect(page.get_by_test_id("signed-in")).to_have_text("gil, nurse")
    page.get_by_test_id("new-pin").fill("805162")
    page.get_by_test_id("keep-pin").click()
    expect(page.get_by_test_id("choose-pin")).to_have_count(0)
    page.get_by_test_id("lock").click()
    page.get_by_test_id("lock-fay").click()
    page.get_by_test_id("pin").fill("274913")
    page.get_by_test_id("unlock").click()
    expect(page.get_by_test_id("signed-in")).to_have_text("fay, nurse")
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")


def test_the_clinics_own_sign_in_brings_somebody_back_to_the_page_that_they_were_on(
    desk: Desk, sharing: tuple[Started, Accounts], provider: Issuer
) -> None:
    service, accounts = sharing
    page = desk.open(f"{service.address}/chair/3", TABLET, is_live=False)
    button = page.get_by_test_id("sign-in-provider")
    expect(button).to_have_text("Sign in with the hospital")
    assert violations(page) == []
    button.click()
    page.wait_for_url(f"{provider.address}/**")
    page.locator("[name=login]").fill("dana")
    page.locator("[name=password]").fill("any")
    page.locator("[type=submit]").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{service.address}/chair/3")
    expect(page.get_by_test_id("signed-in")).to_have_text("dana, nurse")
    expect(page.get_by_test_id("feed")).to_have_attribute("data-state", "live")
    accounts.disable("dana")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.goto(f"{service.address}/?refused=disabled")
    expect(page.get_by_test_id("sign-in-problem")).to_contain_text("no longer")
    assert "refused" not in page.url
