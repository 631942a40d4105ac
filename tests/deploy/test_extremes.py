"""Nothing accepted stops the watch: every field of every kind at its extremes, through the real service and back out of it.

Lines are drawn from the published schema and posted to a running service: edge, journal, ward, desk, store. Then time passes, the
state is kept and restored, every document of every route is asked for and held to its schema, and everybody is forecast. A few
examples here; `make prove-extremes` draws thousands.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.fhir.search import PARAMETERS
from deploy.app import build
from deploy.settings import PagesPart, Settings
from deploy.wiring import Service
from models.instants import DAY, HOUR, SECOND, to_datetime
from models.wire.observations import Intervention
from streams.forecasts.scheduler import Forecaster
from streams.journal.appender_clock import AppenderClock
from streams.shard import Shard
from streams.ward.home.rows import AtHome
from tests.support.extremes import filled_in, lines
from tests.support.published import ADAPTERS, hold_to_schema
from tests.support.service import START_US, ndjson, until

Line = dict[str, Any]

RESTARTS_EVERY: Final = 10
"""A restart takes a second; what it reads is kept and restored after every example."""
PROLOGUES: Final[dict[str, list[Line]]] = {
    "nothing": [],
    "a session": [
        {"kind": "patient.registered", "at": "$now-60", "patient": "P-1", "weight_kg": 70, "birth_year": 1980,
         "conditions": ["hypertension"]},
        {"kind": "session.started", "at": "$now-59", "patient": "P-1", "session": "S-1", "chair": "1", "device": "m-1", "drug": "ketamine",
         "route": "iv"},
        {"kind": "vitals", "at": "$now-50", "device": "m-1", "spo2": 97, "hr": 72, "pulse": 72, "rr": 14, "sbp": 120, "dbp": 75},
        {"kind": "dose", "at": "$now-40", "patient": "P-1", "session": "S-1", "drug": "ketamine", "route": "iv", "amount_mg": 35,
         "minutes": 40},
        {"kind": "checkin", "at": "$now-30", "patient": "P-1", "session": "S-1", "instrument": "cadss", "score": 12},
        {"kind": "vitals", "at": "$now-20", "device": "m-1", "sbp": 150, "dbp": 95},
    ],
    "a course": [
        {"kind": "checkin", "at": "$now-1814400", "patient": "P-1", "instrument": "phq-9", "score": 19, "id": "c-1"},
        {"kind": "dose", "at": "$now-1209600", "patient": "P-1", "drug": "esketamine", "route": "intranasal", "amount_mg": 56},
        {"kind": "checkin", "at": "$now-604800", "patient": "P-1", "instrument": "phq-9", "items": [1] * 9, "id": "c-2"},
    ],
}  # fmt: skip
"""What is usual, so that the extremes meet something."""
WAITS_S: Final = (0, 0, 1, 45, 600, 2400, 7300, 86_400, 8 * 86_400)


@dataclass(frozen=True, slots=True)
class Step:
    """Lines posted together, so long after the ones before."""

    wait_s: int
    lines: list[Line]


steps = st.builds(Step, st.sampled_from(WAITS_S), st.lists(lines(), min_size=1, max_size=3))
days = st.tuples(st.sampled_from(sorted(PROLOGUES)), st.lists(steps, min_size=1, max_size=5))


@dataclass
class House:
    """A running service whose clock the test moves, on an event loop of the test's own, and a client of it."""

    data: Path
    runner: asyncio.Runner
    clock_us: int = START_US
    service: Service = field(init=False)
    app: FastAPI = field(init=False)
    web: httpx.AsyncClient = field(init=False)
    forecaster: Forecaster = field(init=False)
    number: int = 0
    whose: str = ""
    """Who is forecast just now."""
    _up: Any = None

    @property
    def site(self) -> str:
        """Where the running example plays."""
        return f"site-{self.number}"

    async def opens(self) -> None:
        self.service = Service(
            self.data,
            Settings(pages=PagesPart(destinations=())),
            now_us=AppenderClock(lambda: self.clock_us, lambda: self.clock_us),
            forecasting=False,
        )
        self.app = build(self.service)
        service = self.service
        self.forecaster = Forecaster(service.store, OneSite(service.views, self), service.append, service.worker)
        self._up = self.app.router.lifespan_context(self.app)
        await self._up.__aenter__()
        self.web = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=True), base_url="http://house"
        )

    async def closes(self) -> None:
        await self.web.aclose()
        await self._up.__aexit__(None, None, None)

    async def settled(self) -> None:
        offset = self.service.journal.next_offset
        await until(
            lambda: self.service.owner.written_offset >= offset or self.service.tasks.failure,
            "every frame to be decided",
        )
        self.is_well()

    def is_well(self) -> None:
        assert self.service.tasks.failure is None
        assert list(self.service.owner.shard.faults) == []
        assert self.service.owner.faults == 0, "whatever raised in the core would have been set aside; nothing should"
        assert self.service.owner.unpacked == 0

    async def passes(self, length_us: int) -> None:
        """Time passes, and an entry at another site shows it."""
        self.clock_us += length_us
        tick = Intervention(at=to_datetime(self.clock_us), patient="clock", what="tick", site="clock")
        await self.service.append([tick])
        await self.settled()

    async def takes(self, day: list[Line]) -> None:
        alerts = [alert.id for alert in self.service.owner.shard.desk.open.values() if alert.subject.site == self.site]
        sent = [{**filled_in(line, self.clock_us, (alerts or ["none"])[0]), "site": self.site} for line in day]
        answer = await self.web.post(
            "/v1/observations", content=ndjson(sent), headers={"content-type": "application/x-ndjson"}
        )
        assert answer.status_code in {200, 422}, answer.text
        await self.settled()

    async def is_kept_and_restored(self) -> None:
        owner = self.service.owner
        state = owner.shard.snapshot()
        restored = Shard.restore(state)
        assert restored.snapshot() == state, "the same state is the same bytes"
        owner.shard = restored

    async def shows_everything(self) -> None:
        """Every route that answers to a GET, of everybody that there is, and each as its schema says."""
        home = self.service.owner.shard.ward.home.patients
        aliases = sorted({patient for site, patient in home if site == self.site})
        sessions = [
            session.name
            for session in self.service.owner.shard.ward.association.sessions.values()
            if session.site == self.site
        ]
        known: dict[str, list[Any]] = {
            "patient": [*aliases, "nobody"], "session": [name for name in sessions if name] or ["none"], "site": [self.site],
            "alert": ["none"], "chair": ["1"], "name": ["observation"], "minutes": [1440], "entries": [1000], "limit": [1000],
            "after": [0], "open": ["true", "false"], "days": [90], "as_of": ["2026-11-23"], "history": ["false"],
            "since": ["2026-11-23T00:00:00Z"], "person": ["nobody"], "schedule": ["none"], "kind": ["page"], "before": [10],
            "token": ["none"], "who": ["nobody"],
        }  # fmt: skip
        for route in self.app.routes:
            if not isinstance(route, APIRoute) or not route.include_in_schema or "GET" not in (route.methods or ()):
                continue
            if route.path.endswith("/live") or route.path.startswith("/fhir"):
                continue  # the one does not end, the others are searched by what is searched for; see below
            asked: list[tuple[str, dict[str, Any]]] = [(route.path.replace(":path}", "}"), {})]
            for one in (*route.dependant.path_params, *route.dependant.query_params):
                name = one.alias
                asked = [
                    (
                        path.replace(f"{{{name}}}", quote(str(value), safe="")),
                        params if f"{{{name}}}" in path else {**params, name: value},
                    )
                    for path, params in asked
                    for value in known[name]
                ]
            for path, params in asked:
                answer = await self.web.get(path, params=params)
                # A number is where some lists go on; others give the place themselves.
                elsewhere = answer.status_code == 400 and "give the `next`" in answer.text
                assert elsewhere or answer.status_code in {200, 404, 422}, (
                    f"{path} {params}: {answer.status_code} {answer.text[:500]}"
                )
                if answer.status_code == 200 and answer.headers["content-type"] == "application/json":
                    document = json.loads(answer.content, parse_constant=not_a_number)
                    name = route.path.removeprefix("/v1/").replace("patients/{patient:path}", "patient")
                    if name in ADAPTERS:
                        hold_to_schema(name, document)
        await self.shows_fhir([*aliases, "nobody"])
        async for event in self.service.feed.listen(self.site, None):
            json.loads(event.data or "", parse_constant=not_a_number)
            break

    async def shows_fhir(self, aliases: list[str]) -> None:
        """Every resource of everybody: the standard's own, whatever was sent, and the same by its id."""
        for kind in PARAMETERS:
            for alias in aliases if kind != "Patient" else [""]:
                whose = {"patient": alias} if alias else {}
                answer = await self.web.get(f"/fhir/{kind}", params={**whose, "_count": "40", "site": self.site})
                assert answer.status_code == 200, f"{kind} of {alias!r}: {answer.status_code} {answer.text[:500]}"
                found = [each["resource"] for each in json.loads(answer.content, parse_constant=not_a_number)["entry"]]
                for resource in found:
                    get_fhir_model_class(kind).model_validate_json(json.dumps(resource))
                for resource in found[:1]:
                    one = await self.web.get(f"/fhir/{kind}/{resource['id']}", params={"site": self.site})
                    assert one.json() == resource

    async def forecasts_everybody(self) -> None:
        """Of this example, one by one. Nobody can be forecast of whom all is dated in days to come, and that is said."""
        for row in [row for row in self.service.views.at_home() if row.site == self.site]:
            self.whose, failed = row.patient, self.forecaster.maker.failed
            await self.forecaster.make_missing()
            why = self.forecaster.maker.last_failure or ""
            assert self.forecaster.maker.failed == failed or why.endswith("nothing was known by then"), why
        await self.settled()

    async def restarts(self) -> None:
        await self.closes()
        await self.opens()
        await self.settled()


def not_a_number(constant: str) -> float:
    raise AssertionError(f"a document holds {constant}")


@dataclass(frozen=True, slots=True)
class OneSite:
    """What the forecaster sees of the shard: one patient of the running example."""

    views: Any
    house: House

    def at_home(self, only: Collection[tuple[str, str]] | None = None) -> list[AtHome]:
        mine = (self.house.site, self.house.whose)
        return [row for row in self.views.at_home(only) if (row.site, row.patient) == mine]

    def clock_us(self) -> int:
        return int(self.views.clock_us())

    def recalibration(self, site: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.views.recalibration(site)
        return found

    def watches(self) -> bool:
        return bool(self.views.watches())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with asyncio.Runner() as runner:
        opened = House(tmp_path, runner)
        runner.run(opened.opens())
        yield opened
        runner.run(opened.closes())


async def lives(house: House, prologue: str, day: list[Step]) -> None:
    """One example, at a site of its own, so that it begins afresh."""
    house.number += 1
    await house.takes(PROLOGUES[prologue])
    for step in day:
        await house.passes(step.wait_s * SECOND)
        await house.takes(step.lines)
    await house.is_kept_and_restored()
    await house.shows_everything()
    await house.passes(3 * HOUR)
    await house.shows_everything()
    await house.passes(10 * DAY)
    await house.forecasts_everybody()
    await house.shows_everything()
    if house.number % RESTARTS_EVERY == 0:
        await house.restarts()
        await house.shows_everything()


@settings(max_examples=max(6, settings().max_examples // 7), suppress_health_check=list(HealthCheck))
@given(day=days)
def test_no_value_of_any_field_stops_the_watch_or_a_document_or_a_forecast(
    house: House, day: tuple[str, list[Step]]
) -> None:
    house.runner.run(lives(house, *day))
