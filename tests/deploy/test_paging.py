"""How a page travels in the running service: a failing destination is an alert; a link acknowledges, and never by a GET."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerts.answer_links import AnswerLinks, BadLink
from alerts.effects import Page
from alerts.store.destinations import DestinationState
from alerts.store.outbox import Method
from deploy.network.sites import Sites, Switchboard
from deploy.settings import PagesPart, Settings
from models.instants import iso
from tests.support.paging import misbehaving, receiver
from tests.support.service import START_US, Inside, falling, invoked, serving, until, until_answered

LINKED = Settings(pages=PagesPart(destinations=("console:",), link="https://clinic.example.org/"))


def about(alert: str) -> Page:
    return Page("k1", iso(START_US), "main", "P-1", "medium", (alert,), "T", "B")


async def raised(clinic: Inside) -> dict[str, Any]:
    await clinic.post(*falling())
    await clinic.settled()
    (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
    return dict(alert)


def path_of(clinic: Inside, alert: str, person: str = "Ada") -> str:
    link = clinic.service.links.link(about(alert), person)
    assert link is not None
    return link.removeprefix("https://clinic.example.org")


async def test_fetching_a_link_changes_nothing_and_its_button_acknowledges_in_the_persons_name(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", LINKED) as clinic:
        alert = await raised(clinic)
        path = path_of(clinic, alert["alert"])
        before = await clinic.transitions()
        for _ in range(3):  # a mail scanner, a preview, a person
            shown = await clinic.http.get(path)
            assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
            assert "Acknowledge as Ada" in shown.text
            assert "Low oxygen" in shown.text
        await clinic.http.head(path)
        assert await clinic.transitions() == before

        for _ in range(2):  # a second tap is no second answer
            assert "Acknowledged by Ada" in (await clinic.http.post(path)).text
        new = (await clinic.transitions())[len(before) :]
        assert [(step["transition"], step["evidence"]["by"]) for step in new] == [("acknowledged", "Ada")]
        assert "Ada has it in hand" in (await clinic.http.get(path)).text


async def test_a_link_that_was_changed_or_is_of_another_key_acknowledges_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", LINKED) as clinic:
        alert = await raised(clinic)
        path = path_of(clinic, alert["alert"])
        before = await clinic.transitions()
        other = AnswerLinks(lambda: ["another"], lambda site: "").link(about(alert["alert"]), "Ada")
        assert other is not None
        for bad in (path[:-2] + "xx", path[:40], "/answer/x", other):
            for answer in (await clinic.http.get(bad), await clinic.http.post(bad)):
                assert answer.status_code == 410
                assert "no link of ours" in answer.text
        assert await clinic.transitions() == before


def test_a_link_holds_for_hours_and_a_key_can_be_replaced_while_links_are_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000_000
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now)
    old = AnswerLinks(lambda: ["first"], lambda site: "https://x")
    link = old.link(about("a1"), "Ada")
    assert link is not None
    token = link.rpartition("/")[2]
    now += 4 * 3600
    assert AnswerLinks(lambda: ["second", "first"], lambda site: "https://x").read(token).person == "Ada"
    with pytest.raises(BadLink, match="no link of ours"):
        AnswerLinks(lambda: ["second"], lambda site: "https://x").read(token)
    now += 1
    with pytest.raises(BadLink, match="too old"):
        old.read(token)


def test_without_a_key_no_link_is_made_and_none_is_believed() -> None:
    link = AnswerLinks(lambda: ["s"], lambda site: "https://x").link(about("a1"), "Ada")
    assert link is not None
    keyless = AnswerLinks(list, lambda site: "https://x")
    assert keyless.link(about("a1"), "Ada") is None
    with pytest.raises(BadLink, match="No link is believed here"):
        keyless.read(link.rpartition("/")[2])


def test_no_link_is_made_where_no_phone_could_reach_it_or_for_news() -> None:
    assert AnswerLinks(lambda: ["s"], lambda site: None).link(about("a1"), "Ada") is None
    news = Page("k1", iso(START_US), "main", "P-1", "medium", ("a1",), "T", "B", kind="over")
    assert AnswerLinks(lambda: ["s"], lambda site: "https://x").link(news, "Ada") is None


async def test_what_a_sender_wrote_is_no_markup_on_the_page(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", LINKED) as clinic:
        await clinic.post(*falling("<script>alert(1)</script>"))
        await clinic.settled()
        (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
        shown = (await clinic.http.get(path_of(clinic, alert["alert"], "<b>Ada"))).text
        assert "<script" not in shown
        assert "<b>" not in shown


async def test_a_failing_destination_is_an_alert_and_in_health_metrics_and_the_api(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", LINKED) as clinic:
        state = DestinationState("sms", None, START_US, "answered 500", reported=False, owed=2)
        await clinic.service._report_destination(state, ["mail"])
        await clinic.settled()
        (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
        assert (alert["rule"], alert["patient"], alert["priority"]) == ("page-failing", "sms", "medium")
        assert alert["text"].endswith("Nothing arrives since 14:00 UTC: answered 500. The others take theirs.")
        well = DestinationState("sms", START_US, None, None, reported=True, owed=0)
        await clinic.service._report_destination(well, ["mail"])
        await clinic.settled()
        assert (await clinic.get("/v1/alerts", open="true"))["alerts"] == []

        async def arrived() -> Any:
            (only,) = (await clinic.get("/v1/destinations"))["destinations"]
            return only if only["state"] == "well" and only["owed"] == 0 else None

        shown = await until_answered(arrived, "the page about it to arrive on the console")
        assert (shown["name"], shown["failing_since"], shown["last_error"]) == ("console", None, None)
        metrics = (await clinic.http.get("/metrics")).text
        assert 'chairside_destination_failing{destination="console"} 0.0' in metrics

        async def healthy() -> Any:
            return (await clinic.get("/healthz"))["destinations"] == {"console": "well"}

        await until_answered(healthy, "/healthz to say so")


async def test_of_several_destinations_each_dead_one_is_named_though_the_page_arrived_at_another(
    tmp_path: Path,
) -> None:
    """The page is sent, since one has it: which have not, and why, stands beside it, in health and in the metrics."""
    with receiver([]) as (alive, got), misbehaving("500") as broken, misbehaving("close") as closing:
        addresses = (alive, *(f"{each.replace('http', 'ntfy')}topic" for each in (broken, closing)))
        settings = Settings(pages=PagesPart(destinations=addresses))
        async with serving(tmp_path / "data", settings) as clinic:
            alert = (await raised(clinic))["alert"]
            dead = {"ntfy://127.0.0.1": "failing", "ntfy://127.0.0.1#2": "failing"}

            async def shown() -> Any:
                health = (await clinic.get("/healthz"))["destinations"]
                return health if health == {"json://127.0.0.1": "well", **dead} else None

            await until_answered(shown, "each to have been tried")
            assert len(got) == 1
            (page,) = (await clinic.get("/v1/alerts"))["alerts"][0]["pages"]
            metrics = (await clinic.http.get("/metrics")).text
            named = {each["name"]: each for each in (await clinic.get("/v1/destinations"))["destinations"]}
    assert alert
    assert (page["state"], page["reached"]) == ("sent", ["json://127.0.0.1"])
    assert sorted(page["failed"]) == [
        "ntfy://127.0.0.1#2: no connection", "ntfy://127.0.0.1: answered 500",
    ]  # fmt: skip
    for name, failing in (("json://127.0.0.1", 0.0), *((name, 1.0) for name in dead)):
        assert f'chairside_destination_failing{{destination="{name}"}} {failing}' in metrics
        assert (named[name]["state"], named[name]["owed"]) == ("failing" if failing else "well", int(failing))


async def test_no_sender_can_say_that_a_destination_fails(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", LINKED) as clinic:
        lie = {"kind": "destination.failing", "at": iso(START_US), "destination": "x", "since": iso(START_US), "reason": "-", "well": 0}  # fmt: skip
        answer = await clinic.http.post("/v1/observations", json=lie)
        assert answer.json()["accepted"] == 0
        assert await clinic.transitions() == []


def test_a_test_page_says_where_it_arrived_and_where_not(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    with receiver([]) as (address, got), misbehaving("500") as broken:
        ntfy = f"{broken.replace('http', 'ntfy')}topic"
        config.write_text(f'[pages]\ndestinations = ["{address}", "{ntfy}"]\n')
        both = invoked("page-test", "--config", config)
        one = invoked("page-test", "--config", config, "--to", "json://127.0.0.1")
        none = invoked("page-test", "--config", config, "--to", "nobody")
    assert (both.status, both.stderr) == (
        1, "json://127.0.0.1: taken\nntfy://127.0.0.1: not taken: answered 500\n",
    )  # fmt: skip
    assert (one.status, len(got)) == (0, 2)
    assert "there is no destination nobody; there are json://127.0.0.1, ntfy://127.0.0.1" in none.stderr
    assert got[0]["title"] == "TEST ▲ main: a test page"


async def test_where_pages_go_is_in_force_without_a_restart_and_no_address_is_in_the_journal(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    with receiver([]) as (first, before), receiver([]) as (second, after):
        config.write_text(f'destinations.first = "{first}"\n[pages]\ndestinations = []\n')
        async with serving(tmp_path / "data", config=config) as clinic:
            await raised(clinic)
            await until(lambda: len(before) == 1, "the page at the first")
            config.write_text(
                f'destinations.second = "{second}"\n[pages]\ndestinations = []\nlink = "https://c.example.org"\n'
            )
            await until(lambda: [each.name for each in clinic.service.pager.destinations] == ["second"], "the change")
            assert (await clinic.get("/v1/site"))["pages_to"] == ["second"]
            await clinic.post(*falling("P-2", start_s=70))
            await until(lambda: len(after) == 1, "the page at the second")
            assert "/answer/" in after[0]["message"]
            assert len(before) == 1
            config.write_text("[pages]\ndestinations = ['nonsense']\n")
            await clinic.post(*falling("P-3", start_s=140))
            await until(lambda: len(after) == 2, "the next, because a file that cannot be used changes nothing")
            assert clinic.service.auditor._destinations[0].name == "second"
            secret = first.split("127.0.0.1")[1].encode()
    assert secret not in b"".join(path.read_bytes() for path in (tmp_path / "data").glob("chairside.sqlite*"))


def test_a_networks_page_goes_to_its_own_sites_people_and_that_of_a_site_unknown_to_the_operators(
    tmp_path: Path,
) -> None:
    (tmp_path / "north.toml").write_text(
        '[site]\nname = "north"\n[pages]\nlink = "https://north.example.org"\n[destinations]\nphone = "console:"\nsms = "console:"\n'
        '[people.ada]\nmethods = ["phone", "sms"]\n'
    )
    board = Switchboard(Sites(tmp_path))

    def ways(site: str, *to: str) -> list[Method]:
        called = Page("k", iso(START_US), site, "P", "high", ("a",), "T", "B", to=to)
        return list(board.recipients(called))

    assert (board.link_of("north"), board.link_of("south")) == ("https://north.example.org", None)
    assert ways("north", "ada") == [Method("north/phone", "ada", 0), Method("north/sms", "ada", 1)]
    assert ways("north") == [Method("north/console"), *ways("north", "ada")]
    assert ways("south", "ada") == ways("~3") == [Method("~/console")]
