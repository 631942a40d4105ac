"""`chairside why` and `/v1/alerts/{alert}/why`: the same sentences, while the service runs and after it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from deploy.settings import PagesPart, ReachedColleague, Settings, SitePart
from models.oncall import Policy, Routing, Rung
from tests.support.published import hold_to_schema
from tests.support.service import Done, at, falling, invoked, said_once, serving

SETTINGS = Settings(
    site=SitePart(timezone="Europe/Berlin"),
    pages=PagesPart(destinations=()),
    people={"ada": ReachedColleague(role="nurse")},
    policies={"chairs": Policy(rungs=(Rung(who=("ada",)),))},
    routes=(Routing(policy="chairs"),),
)


async def asked(data: Path, *words: str) -> Done:
    return await asyncio.to_thread(invoked, "why", *words, "--data", data)


async def test_why_is_told_by_the_route_and_by_the_command_in_the_same_words(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with serving(data, SETTINGS) as clinic:
        await clinic.post(*falling("P-1"))
        await clinic.settled()
        (alert,) = (await clinic.get("/v1/alerts"))["alerts"]
        found = await clinic.get(f"/v1/alerts/{alert['alert']}/why")
        hold_to_schema("why", found, thoroughly=True)
        assert found["timezone"] == "Europe/Berlin"
        texts = [each["text"] for each in found["sentences"]]
        assert "Rung 1 of 2 of policy chairs calls ada." in texts
        assert "The site has no destination, so that no page can go anywhere." in texts
        assert (await clinic.http.get("/v1/alerts/none/why")).status_code == 404
        running = await asked(data, "P-1")
        assert running.status == 0, running.stderr
        lines = running.stdout.splitlines()
        assert lines[:2] == [f"P-1, {alert['rule']}, alert {alert['alert']} (Europe/Berlin):", found["answer"]]
        assert [line.split("  ", 1)[1] for line in lines[2:]] == texts
        assert lines[2].startswith("Mon 2026-11-23 15:00:23  Raised, medium: "), "its day on the site's clock"
        assert (await asked(data, "P-1", "--at", at(-3600))).stdout.splitlines() == [
            f"No alert about P-1 was open at {at(-3600)}, so nobody was paged about one."
        ]
    assert (await asked(data, alert["alert"])).stdout == running.stdout, "nothing was written by asking"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("P-9",), "there is no alert P-9, and never was one about a patient P-9"),
        (("P-1", "--at", "soon"), "'soon' is no time"),
    ],
)
async def test_what_cannot_be_told_is_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    data = tmp_path / "data"
    assert said_once(await asked(data, *words)) == f"chairside: there is no store in {data}: give the --data of `serve`"
    async with serving(data, SETTINGS) as clinic:
        await clinic.post(*falling("P-1"))
        await clinic.settled()
    assert said_once(await asked(data, *words)).startswith(f"chairside: {said}")
