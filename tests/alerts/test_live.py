"""The live feed: a board hears everything once, in order, however often it is cut off."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from deploy.settings import PagesPart, Settings
from models.arrays import Document
from models.wire.live import CHAIRS_ADAPTER, FORECASTS_NEWS_ADAPTER
from models.wire.observations import OBSERVATION
from tests.support.service import PATIENCE_S, Heard, Inside, falling, heard, recovering, serving, until

QUIET = Settings(pages=PagesPart(destinations=()))


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Inside]:
    async with serving(tmp_path / "data", QUIET) as inside:
        yield inside


@asynccontextmanager
async def listening(clinic: Inside, last: int | None = None, **params: object) -> AsyncIterator[AsyncIterator[Heard]]:
    headers = {} if last is None else {"last-event-id": str(last)}
    query = {name: str(value) for name, value in params.items()}
    async with clinic.http.stream("GET", "/v1/live", headers=headers, params=query) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield heard(response)


async def next_of(events: AsyncIterator[Heard], name: str) -> Heard:
    async with asyncio.timeout(60):
        async for event in events:
            if event.name == name:
                return event
    raise EOFError(f"the feed ended before {name}")


async def test_a_new_board_gets_the_picture_first_and_then_what_happens(clinic: Inside) -> None:
    await clinic.post(*falling("P-1"))
    await clinic.settled()
    async with listening(clinic) as events:
        first = await anext(events)
        assert (first.name, first.id, first.data["seq"], first.data["site"]) == ("snapshot", "1", 1, "main")
        assert first.data["alerts"] == (await clinic.get("/v1/alerts", open=True))["alerts"]
        CHAIRS_ADAPTER.validate_python(first.data["chairs"], strict=False)
        assert [chair["patient"] for chair in first.data["chairs"]["chairs"]] == ["P-1"]

        await clinic.post(*falling("P-2"))
        alert = await next_of(events, "alert")
        assert (alert.id, alert.data["seq"], alert.data["patient"]) == ("2", 2, "P-2")
        assert alert.data == (await clinic.transitions())[1]
        chairs = await next_of(events, "chairs")
        assert chairs.id is None
        assert [chair["patient"] for chair in chairs.data["chairs"]] == ["P-1", "P-2"]


async def appended(clinic: Inside, *lines: Document) -> None:
    """Into the journal past the door, as another site's are in a network's, and as forecasts are."""
    await clinic.service.append([OBSERVATION.validate_json(json.dumps(line)) for line in lines])


async def test_a_board_hears_only_its_own_site(clinic: Inside) -> None:
    async with listening(clinic, site="north") as events:
        assert (await anext(events)).data["alerts"] == []
        await appended(clinic, *falling("P-1"), *(line | {"site": "north"} for line in falling("P-2")))
        assert (await next_of(events, "alert")).data["patient"] == "P-2"


async def test_a_page_hears_of_whom_a_forecast_was_stored_and_it_takes_no_number(clinic: Inside) -> None:
    def made(patient: str, share: float, as_of: str, site: str = "main") -> Document:
        day = {"kind": "forecast.made", "patient": patient, "as_of": as_of, "at": f"{as_of}T23:00:00Z", "site": site}
        return {**day, "cdf": [share] * 85, "relapse_probability": {"14d": share}}

    async with listening(clinic) as events:
        assert (await anext(events)).name == "snapshot"
        await appended(
            clinic,
            made("P-1", 0.2, "2026-03-01"),
            made("P-2", 0.1, "2026-03-01", site="north"),
            made("P-3", 0.3, "2026-03-01"),
        )
        told = await next_of(events, "forecast")
        FORECASTS_NEWS_ADAPTER.validate_python(told.data, strict=False)
        assert told.id is None
        assert told.data == {
            "site": "main",
            "forecasts": [
                {"patient": "P-1", "as_of": "2026-03-01", "due": None, "relapse_probability": {"14d": 0.2}},
                {"patient": "P-3", "as_of": "2026-03-01", "due": None, "relapse_probability": {"14d": 0.3}},
            ],
        }
        # It is stored by then: a page that asks now has it.
        kept = (await clinic.get("/v1/forecasts"))["forecasts"]
        assert {each["patient"] for each in kept} == {"P-1", "P-3"}


async def test_a_board_that_comes_back_gets_what_it_missed_and_no_picture(clinic: Inside) -> None:
    for n in range(4):
        await clinic.post(*falling(f"P-{n}"))
    transitions = await clinic.transitions()
    async with listening(clinic, last=1) as events:
        missed = [await anext(events) for _ in range(3)]
        assert [event.name for event in missed] == ["alert"] * 3
        assert [event.data for event in missed] == transitions[1:]
        assert (await anext(events)).name == "chairs"
    async with listening(clinic, after=3) as events:
        assert (await anext(events)).data == transitions[3]


@pytest.mark.parametrize("last", ["7000", "999999999999999999999999", "soon", "-1", "²"])
async def test_a_number_that_was_never_given_gets_the_picture(clinic: Inside, last: str) -> None:
    await clinic.post(*falling("P-1"))
    await clinic.settled()
    request = clinic.http.build_request("GET", "/v1/live", headers=[(b"last-event-id", last.encode())])
    response = await clinic.http.send(request, stream=True)
    try:
        events = heard(response)
        assert (await anext(events)).name == "snapshot"
        await clinic.post(*falling("P-2"))
        assert (await next_of(events, "alert")).data["patient"] == "P-2"
    finally:
        await response.aclose()


async def test_cut_off_at_random_while_alerts_are_raised_a_board_hears_each_once(clinic: Inside) -> None:
    chance = random.Random(11)
    told: list[Document] = []
    wanted = 150

    async def trouble() -> None:
        for n in range(wanted // 2):
            await clinic.post(*falling(f"P-{n}", seconds=40), *recovering(f"P-{n}", start_s=40, seconds=40))

    async def board() -> None:
        last: int | None = 0
        while len(told) < len(done):
            with suppress(EOFError):
                async with listening(clinic, last=last) as events:
                    for _ in range(chance.randrange(1, 12)):
                        alert = await next_of(events, "alert")
                        told.append(alert.data)
                        last = int(alert.id or "")
                        if len(told) == len(done):
                            return

    done = range(wanted)
    raising = asyncio.create_task(trouble())
    await board()
    await raising
    everything = await clinic.transitions()
    assert len(everything) >= wanted
    assert told == everything[: len(told)]


async def test_many_boards_hear_the_same(clinic: Inside) -> None:
    async def board() -> list[int]:
        async with listening(clinic) as events:
            await anext(events)
            ready.append(1)
            return [(await next_of(events, "alert")).data["seq"] for _ in range(5)]

    ready: list[int] = []
    boards = [asyncio.create_task(board()) for _ in range(20)]
    await until(lambda: len(ready) == 20, "all boards to be there")
    for n in range(5):
        await clinic.post(*falling(f"P-{n}"))
    assert await asyncio.gather(*boards) == [[1, 2, 3, 4, 5]] * 20
    await until(lambda: clinic.service.feed.listeners == 0, "the boards to be gone")


async def test_a_listener_that_does_not_keep_up_is_cut_off_and_can_resume(
    clinic: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.api.live.BACKLOG", 3)
    feed = clinic.service.feed
    slow = feed.listen("main", None)
    assert (await anext(slow)).event == "snapshot"
    for n in range(5):
        await clinic.post(*falling(f"P-{n}"))
    await clinic.settled()
    assert feed.listeners == 0
    assert [event async for event in slow] == []
    async with listening(clinic, last=0) as events:
        assert [(await next_of(events, "alert")).data["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]


async def test_a_connection_that_reads_nothing_holds_nobody_up(clinic: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.api.live.BACKLOG", 20)
    port = int(clinic.address.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(b"GET /v1/live HTTP/1.1\r\nhost: x\r\n\r\n")
    await until(lambda: clinic.service.feed.listeners == 1, "the connection to listen")
    # Far more than the sockets' buffers hold, so that the server's own sending stands still.
    large = {"text": "x" * 200_000, "seq": 1}

    def flood() -> bool:
        clinic.service.feed.publish("chairs", "main", large)
        return clinic.service.feed.listeners == 0

    await until(flood, "the connection to be cut off")
    await clinic.post(*falling("P-1"))
    assert len(await clinic.transitions()) == 1
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    del reader


async def test_a_quiet_feed_still_beats(clinic: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.api.routes.HEARTBEAT_S", 0.05)
    async with listening(clinic, site="nowhere") as events:
        assert (await anext(events)).name == "snapshot"
        assert (await next_of(events, ":")).data.startswith(": ping")


async def test_stopping_the_server_ends_the_feeds_promptly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Uvicorn gives open requests so long; a feed that was not ended would take it all.
    monkeypatch.setattr("deploy.http.GRACE_S", round(PATIENCE_S))
    async with serving(tmp_path, QUIET) as clinic, httpx.AsyncClient(base_url=clinic.address, timeout=None) as board:
        async with board.stream("GET", "/v1/live") as response:
            events = heard(response)
            assert (await anext(events)).name == "snapshot"
            begun = time.monotonic()
            clinic.web.should_exit = True
            rest = [event.name async for event in events]
            assert set(rest) <= {"chairs", "alert", "forecast"}
        await until(lambda: not clinic.web.started or clinic.service.intake._stopping, "the server to stop")
    assert time.monotonic() - begun < PATIENCE_S
