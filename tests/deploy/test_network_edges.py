"""A network's processes together, on a real broker and a real database: what a clinic's sender, nurse and phone see of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from models.wire.observations import CheckIn, Vitals
from streams.intake.admission import UNADDRESSED
from streams.journal.kafka import KafkaProducer
from streams.journal.topics import DEAD_LETTERS_TOPIC, RAW_TOPIC
from tests.support.network import PATIENCE_S, Network, Processes, recent, until
from tests.support.twilio import Taken, twilio
from tests.support.twilio import answered as answered_with

pytest_plugins = ("tests.support.servers",)
pytestmark = pytest.mark.xdist_group("network")

SITE = "clinic-1"
DEAD_SITE = "clinic-2"
AT_ONCE = "import alerts.notify.pager; alerts.notify.pager.FAILING_AFTER_S = 0.0"
"""A destination that fails once is told of, not one that fails for a minute."""


@contextmanager
def phone() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook that pages go to: its address, and what it was sent."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ndjson(records: list[Any]) -> bytes:
    return b"\n".join(record.model_dump_json(exclude_none=True).encode() for record in records)


async def events(edge: httpx.AsyncClient, after: int | None = None) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """What a board hears, as (event, document)."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with (
        asyncio.timeout(PATIENCE_S),
        edge.stream("GET", "/v1/live", params={"site": SITE}, headers=headers) as feed,
    ):
        name = ""
        async for line in feed.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


async def heard(edge: httpx.AsyncClient, wanted: str, after: int | None = None) -> dict[str, Any]:
    """The first event of that name."""
    async for name, document in events(edge, after):
        if name == wanted:
            return document
    raise AssertionError(f"the feed ended without {wanted}")


async def until_answered(edge: httpx.AsyncClient, path: str, good: Any, **params: str) -> Any:
    """The document at a path, once it is as wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await edge.get(path, params=params)
            if answer.status_code == 200 and good(answer.json()):
                return answer.json()
            await asyncio.sleep(0.05)


async def test_what_comes_in_at_one_edge_is_seen_at_the_other_and_pages_its_own_sites_phone_once(
    network: Network, tmp_path: Path
) -> None:
    with (
        phone() as (mine, pages), phone() as (theirs, others), phone() as (late, late_pages), twilio() as provider,
        closing(Processes(network, tmp_path)) as processes,
    ):  # fmt: skip
        processes.site(SITE, f'[pages]\ndestinations = ["{mine}"]\nlink = "https://{SITE}.example.org"\n')
        processes.site(DEAD_SITE, '[pages]\ndestinations = ["json://127.0.0.1:1/"]\n')
        processes.site("operators", f'[pages]\ndestinations = ["{theirs}"]\n')
        for name, command in (("worker", "worker"), ("pager-1", "pager"), ("pager-2", "pager")):
            processes.start(name, command, after=AT_ONCE)
        here, there = await asyncio.gather(processes.edge("edge-1", "--site", SITE), processes.edge("edge-2"))
        async with aclosing(here), aclosing(there):
            answer = await here.post(
                "/v1/observations",
                content=ndjson([record for post in recent(1, [SITE, DEAD_SITE]) for record in post]),
                headers={"content-type": "application/x-ndjson"},
            )
            assert answer.json() == {"accepted": 122, "set_aside": []}

            await until_answered(there, "/v1/chairs", lambda found: bool(found["chairs"]), site=SITE)
            snapshot = await heard(there, "snapshot")
            assert [chair["patient"] for chair in snapshot["chairs"]["chairs"]] == [f"p-{SITE}"]
            alerts = (await until_answered(there, "/v1/alerts", lambda found: len(found["alerts"]) >= 2, site=SITE))[
                "alerts"
            ]
            assert {"suicidal-ideation", "desaturation"} <= {alert["rule"] for alert in alerts}

            # A nurse answers at one edge; a board that was away hears of it at the other, from its last number on.
            seq = max(alert["seq"] for alert in alerts)
            answered = next(alert["alert"] for alert in alerts if alert["rule"] == "desaturation")
            assert (await here.post(f"/v1/alerts/{answered}/acknowledge", json={"by": "rn-1"})).status_code == 202
            turn = await heard(there, "alert", after=seq)
            assert (turn["transition"], turn["alert"], turn["seq"]) == ("acknowledged", answered, seq + 1)

            # Somebody answers by the link of a page, at the other edge, in the name that the pager signed; a GET changes nothing.
            await until(lambda: any("Suicidal" in each["title"] for each in pages), "the page")
            told = next(each for each in pages if "Suicidal" in each["title"])
            base, _, token = told["message"].split("Acknowledge: ")[1].partition("/answer/")
            assert base == f"https://{SITE}.example.org"
            assert "Acknowledge as whoever" in (await there.get(f"/answer/{token}")).text
            assert (await there.get(f"/answer/{token[:-2]}xx")).status_code == 410
            assert "Acknowledged by whoever" in (await there.post(f"/answer/{token}")).text
            turn = await heard(there, "alert", after=turn["seq"])
            assert (turn["transition"], turn["rule"]) == ("acknowledged", "suicidal-ideation")

            # A destination that takes nothing is in its own site's journal, and so is that it is gone.
            def failing(open_now: bool) -> Any:
                return lambda found: (
                    [each for each in found["alerts"] if each["rule"] == "page-failing"]
                    and open_now
                    == any(each["phase"] != "closed" for each in found["alerts"] if each["rule"] == "page-failing")
                )

            found = await until_answered(here, "/v1/alerts", failing(True), site=DEAD_SITE)
            (alert,) = [each for each in found["alerts"] if each["rule"] == "page-failing"]
            assert (alert["patient"], alert["priority"], alert["evidence"]["well"]) == ("json://127.0.0.1", "high", 0)
            sms = provider.address("sms", "+4930123456")
            processes.site(
                DEAD_SITE,
                f'[destinations]\nlate = "{late}"\nsms = "{sms}"\n[pages]\ndestinations = []\nlink = "{provider.public}"\n',
            )
            await until_answered(here, "/v1/alerts", failing(False), site=DEAD_SITE)
            await until(lambda: len(late_pages) > 1, "what had reached nobody to go where pages go now")

            # A reply to a message finds its alert at any edge, once that has seen the site's file.
            def suicidal() -> list[Taken]:
                return [each for each in provider.messages if "Suicidal" in each.form["Body"]]

            await until(lambda: bool(suicidal()), "the message")
            (message,) = suicidal()
            provider.behind = str(there.base_url).rstrip("/")
            code = re.search(r"Reply OK or (\d{4})", message.form["Body"])
            assert code is not None
            async with asyncio.timeout(PATIENCE_S):
                while (replied := await provider.reply("+4930123456", code[1], "SM1")).status_code == 403:  # noqa: ASYNC110 - it is in another process
                    await asyncio.sleep(0.2)
            assert answered_with(replied).startswith("Acknowledged: ")
            assert (await provider.status(message, "delivered")).status_code == 204
            await until_answered(
                here, "/v1/alerts", lambda found: any(each["by"] == "whoever had the page" for each in found["alerts"]),
                site=DEAD_SITE,
            )  # fmt: skip

            series = await until_answered(
                there,
                "/v1/history",
                lambda found: len(found["series"].get("spo2", [])) > 50,
                site=SITE,
                session=f"s-{SITE}",
            )
            assert {"spo2", "pulse", "rr"} <= set(series["series"])
            patient = await until_answered(there, f"/v1/patients/home-{SITE}", bool, site=SITE)
            assert [score["score"] for score in patient["scores"]] == [17.0]

            # The synthetic patient went the whole way, and is on nobody's board.
            async def canaries() -> str:
                return (await there.get("/metrics")).text

            async with asyncio.timeout(PATIENCE_S):
                while "chairside_canary_seconds_count 0.0" in await canaries():  # noqa: ASYNC110 - it is in another process
                    await asyncio.sleep(0.2)
            assert "chairside_canary_seconds_count" in await canaries()

            # What is not sent by hand but by a bridge, and what nobody can use.
            producer = KafkaProducer(network.connection)
            said = CheckIn(at=datetime.now(UTC), site=SITE, patient="bridged", instrument="phq-9", items=[3] * 9)
            await producer.send(RAW_TOPIC, [(b"bridged", ndjson([said])), (None, b'{"kind": "nonsense"}')], None)
            await producer.stop()
            await until_answered(
                here,
                "/v1/alerts",
                lambda found: any(each["patient"] == "bridged" for each in found["alerts"]),
                site=SITE,
            )
            letters = await until_answered(
                here, "/v1/dead-letters", lambda found: found["dead_letters"], site=UNADDRESSED
            )
            assert letters["dead_letters"][0]["reason"] == "unknown kind"
            reserved = Vitals(at=datetime.now(UTC), site="~shard-1", device="m", spo2=97.0)
            await here.post("/v1/observations", content=ndjson([reserved]))
            assert (await here.get("/v1/chairs", params={"site": "~shard-1"})).json()["chairs"] == []

            # A site's limits change with its file, at every edge, while all runs.
            processes.site("clinic-99", '[limits.desaturation.medium.spo2]\nenter = 91\nreason = "careful here"\n')
            await until_answered(
                here, "/v1/history",
                lambda found: [each["kind"] for each in found["entries"]] == ["site.configured"], site="clinic-99",
            )  # fmt: skip

            stored = await until_answered(
                here, "/v1/alerts", lambda found: all(page["state"] == "sent" for a in found["alerts"] for page in a["pages"]),
                site=SITE,
            )  # fmt: skip
            owed = {page["key"] for alert in stored["alerts"] for page in alert["pages"]}
            assert len(pages) == len(owed) > 1
            # Of what came in for the operators' own sites, and for none that there is, they are told once; of patients nothing.
            assert {each["title"] for each in others} <= {"MEDIUM ◆ -: Records for another site"}
    reasons = {
        json.loads(value)["reason"]
        for partition in range(DEAD_LETTERS_TOPIC.count(network.shards))
        async for _, _, value in network.records(DEAD_LETTERS_TOPIC, partition)
    }
    assert "unknown kind" in reasons
