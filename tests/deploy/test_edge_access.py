"""Sign-in at a network's edges, with a real broker and database: whoever is of one site sees and writes to no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest

from alerts.store.store import Store
from deploy.access.accounts import Accounts
from deploy.access.database import AccessRefused
from deploy.access.gate import routes_of
from deploy.access.remembered import FRESH_LOOK_S
from deploy.access.roles import NETWORK_ROLES, ROUTES
from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from deploy.network.edge import Edge, build_edge
from deploy.network.settings import load_network
from deploy.wiring import wall_us
from models.staff import ROLES, StaffRole
from streams.journal.topics import OPERATORS
from tests.support.access import PASSWORD
from tests.support.network import PATIENCE_S, Network, Processes, network_on, recent
from tests.support.routes import EXPECTED, fits_the_table, status_of
from tests.support.service import invoked

pytest_plugins = ("tests.support.servers",)
pytestmark = pytest.mark.xdist_group("network")

NORTH, SOUTH = "north", "south"
READING = {"kind": "vitals", "at": "2026-11-23T14:00:00Z", "device": "m", "spo2": 97.0}

MACHINES = count(1)


@dataclass
class Doors:
    """Two edges of one network, and its accounts."""

    one: str
    other: str
    accounts: Accounts
    network: Network
    processes: Processes

    @asynccontextmanager
    async def person(self, name: str, site: str | None = None, edge: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """A browser at an edge in which somebody has signed in."""
        where = edge or self.one
        # Each from a machine of their own: from one, only so many may try in a minute.
        machine = httpx.AsyncHTTPTransport(local_address=f"127.0.1.{next(MACHINES)}")
        async with httpx.AsyncClient(
            base_url=where, headers={"origin": where}, timeout=PATIENCE_S, transport=machine
        ) as client:
            body = {"name": name, "password": PASSWORD} | ({} if site is None else {"site": site})
            answer = await client.post("/v1/access/sign-in", json=body)
            assert answer.status_code == 200, answer.text
            yield client

    def account(self, name: str, role: StaffRole, site: str = NORTH) -> None:
        self.accounts.choose_password(self.accounts.link(name, role, site), name, PASSWORD)

    def device(self, token: str, edge: str = "") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=edge or self.one, headers=headers, timeout=PATIENCE_S, trust_env=False)


@asynccontextmanager
async def doors(broker: LocalBroker, database: LocalDatabase, folder: Path) -> AsyncIterator[Doors]:
    network = await network_on(broker, database)
    with closing(Processes(network, folder)) as processes:
        with (folder / "network.toml").open("a") as file:
            file.write("[access]\nsign_in = true\n")
        processes.site(NORTH, '[pages]\ndestinations = []\nlink = "http://north.localhost"\n')
        processes.site(
            SOUTH, '[pages]\ndestinations = []\nlink = "http://south.localhost"\n[access]\nidle_minutes = 5\n'
        )
        processes.start("worker", "worker")
        one, other = await asyncio.gather(
            processes.edge("edge-1", "--site", NORTH), processes.edge("edge-2", "--site", NORTH)
        )
        accounts = Accounts(network.url, wall_us)
        try:
            yield Doors(str(one.base_url).rstrip("/"), str(other.base_url).rstrip("/"), accounts, network, processes)
        finally:
            accounts.close()
            await one.aclose()
            await other.aclose()


async def test_at_an_edge_everybody_has_the_rights_of_their_role_at_their_own_site_and_at_no_other(
    broker: LocalBroker, tmp_path: Path, folder: Path
) -> None:
    database = LocalDatabase(folder / "database-of-edges")  # its own: at the end it goes away
    database.start()
    try:
        async with doors(broker, database, tmp_path) as doors_, AsyncExitStack() as stack:
            await every_route(doors_, tmp_path, stack)
            await nothing_of_another_site(doors_)
            await through_broken_glass(doors_)
            await at_every_edge(doors_)
            await by_name_and_by_host(doors_)
            await without_the_database(doors_, database)
    finally:
        database.stop()


async def every_route(doors_: Doors, folder: Path, stack: AsyncExitStack) -> None:
    """The walk over all routes of an edge and everybody who may come."""
    edge = Edge(load_network(folder / "network.toml"), Store(doors_.network.url), doors_.network.shards, NORTH)
    there = {(method, route.path) for methods, route in routes_of(build_edge(edge)) for method in methods}
    edge.store.close()
    if edge.access is not None:
        edge.access.accounts.close()
    assert there <= set(ROUTES)
    assert {("GET", "/v1/chairs"), ("POST", "/v1/observations"), ("GET", "/v1/audit"), ("GET", "/metrics")} <= there
    clients = {"nobody": await stack.enter_async_context(httpx.AsyncClient(base_url=doors_.one, timeout=PATIENCE_S))}
    clients["nobody"].headers["origin"] = doors_.one
    for role in ROLES:
        doors_.account(f"a-{role}", role)
        clients[role] = await stack.enter_async_context(doors_.person(f"a-{role}"))
    for of_network in NETWORK_ROLES:
        doors_.account(f"net-{of_network}", of_network, OPERATORS)
        clients[f"network's {of_network}"] = await stack.enter_async_context(doors_.person(f"net-{of_network}"))
    for name, sends, site in (
        ("monitor", "vitals", NORTH),
        ("prometheus", "metrics", OPERATORS),
        ("record system", "fhir", NORTH),
    ):
        token = doors_.accounts.tokens.add(name, [sends], site)
        clients[name] = await stack.enter_async_context(doors_.device(token))
    wrong: list[object] = []

    async def walk(who: str, client: httpx.AsyncClient) -> None:
        role = who.removeprefix("network's ")
        for method, path in sorted(there, key=lambda each: (each[1].endswith("sign-out"), each)):
            # The metrics are of all sites.
            let_through = role in EXPECTED[method, path] and not (path == "/metrics" and who in ROLES)
            status = await status_of(client, method, path)
            if not fits_the_table(role, let_through, path, status):
                wrong.append((who, method, path, status))

    await asyncio.gather(*(walk(who, client) for who, client in clients.items()))
    assert wrong == []


async def through_broken_glass(doors_: Doors) -> None:
    """A clinician of the north reads one patient of the south, at whichever edge, and the south's board has the alert."""
    patient = {"site": SOUTH, "patient": f"p-{SOUTH}"}
    async with (
        doors_.person("a-clinician") as here, doors_.person("a-clinician", edge=doors_.other) as there,
        doors_.person("ada", SOUTH) as hers,
    ):  # fmt: skip
        page = f"/v1/patients/p-{SOUTH}/record.fhir.json"
        assert (await there.get(page, params={"site": SOUTH})).status_code == 403
        answer = await here.post("/v1/break-glass", json=patient | {"reason": "she is here"})
        assert answer.status_code == 200, answer.text
        assert (await there.get(page, params={"site": SOUTH})).status_code == 200
        (opened,) = (await there.get("/v1/break-glass")).json()["open"]
        assert opened == answer.json() | {"reason": "she is here"}
        assert (await there.get("/v1/access/me")).json()["breaks_glass"]
        assert (await there.get("/v1/chairs", params={"site": SOUTH})).status_code == 403
        rules: set[str] = set()
        async with asyncio.timeout(PATIENCE_S):
            while "glass-broken" not in rules:
                await asyncio.sleep(0.05)
                rules = {each["rule"] for each in (await hers.get("/v1/alerts")).json()["alerts"]}


async def nothing_of_another_site(doors_: Doors) -> None:
    """What is of the south is not there for anybody of the north, by no route, parameter, id or record."""
    doors_.account("ada", "nurse")
    doors_.account("otto", "auditor")
    doors_.account("ada", "nurse", SOUTH)
    south_token = doors_.accounts.tokens.add("monitors", ["vitals", "session.started", "checkin"], SOUTH)
    async with (
        doors_.device(south_token) as south, doors_.person("ada") as ada, doors_.person("ada", SOUTH) as hers,
        doors_.person("net-operator") as operator, doors_.person("otto") as otto,
    ):  # fmt: skip
        lines = [line.model_dump(mode="json", exclude_none=True) for post in recent(1, [SOUTH]) for line in post]
        for line in lines:
            line.pop("site")
        answer = await south.post("/v1/observations", json=lines)
        assert answer.json() == {"accepted": 61, "set_aside": []}, "what names no site is of the token's"
        async with asyncio.timeout(PATIENCE_S):
            while not (found := (await hers.get("/v1/alerts")).json()["alerts"]):  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0.05)
        assert {each["site"] for each in found} == {SOUTH}
        alert = found[0]["alert"]
        assert {each["site"] for each in (await ada.get("/v1/alerts")).json()["alerts"]} <= {NORTH}
        for method, path in (("GET", f"/v1/alerts/{alert}/why"), ("POST", f"/v1/alerts/{alert}/acknowledge")):
            answer = await ada.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code == 404, path
        assert (await hers.post(f"/v1/alerts/{alert}/acknowledge", json={})).status_code == 202
        for path in ("/v1/chairs", "/v1/alerts", "/v1/live", "/v1/patients", "/v1/site", "/v1/history", "/v1/rules"):
            for asked in (f"site={SOUTH}", f"site={NORTH}&site={SOUTH}", "site=%7Eshard-0", "s%69te=south"):
                assert (await ada.get(f"{path}?{asked}")).status_code == 403, (path, asked)
        assert (await ada.get(f"/v1/patients/home-{SOUTH}")).status_code == 404
        assert (await hers.get("/v1/chairs")).json()["chairs"][0]["patient"] == f"p-{SOUTH}"
        for client in (ada, south):
            line = {"kind": "vitals", "at": lines[-1]["at"], "device": "m", "spo2": 97.0, "site": NORTH}
            line["site"] = SOUTH if client is ada else NORTH
            said = (await client.post("/v1/observations", json=line)).json()
            assert (said["accepted"], said["set_aside"][0]["field"]) == (0, "site")
        # Who runs the network sees any site, and treats nobody.
        assert (await operator.get("/v1/alerts", params={"site": SOUTH})).json()["alerts"] != []
        assert (await operator.post(f"/v1/alerts/{alert}/acknowledge", json={})).status_code == 403
        assert (await otto.get("/v1/audit", params={"site": SOUTH})).status_code == 403

        async def audit(who: str, site: str) -> list[str]:
            async with doors_.person("net-auditor") as auditor:
                answer = await auditor.get("/v1/audit", params={"site": site, "who": who, "limit": 500})
            return [each["kind"] for each in answer.json()["entries"]]

        async with asyncio.timeout(PATIENCE_S):
            while "access.refused" not in await audit("ada", NORTH):  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0.05)
        assert "access.refused" not in await audit("ada", SOUTH), "each site's own"
        assert {"access.signed-in", "alert.acknowledged"} <= set(await audit("ada", SOUTH))
    with pytest.raises(AccessRefused, match="belongs to one site"):
        doors_.accounts.link("eve", "nurse", OPERATORS)
    with pytest.raises(AccessRefused, match="belongs to one site"):
        doors_.accounts.tokens.add("all", ["vitals"], OPERATORS)


async def at_every_edge(doors_: Doors) -> None:
    """A session counts at every edge, and so does its end, within a second; a token too."""
    doors_.account("cleo", "nurse")
    token = doors_.accounts.tokens.add("gone soon", ["vitals"], NORTH)
    async with doors_.person("cleo") as cleo, doors_.device(token, doors_.other) as monitor:
        cookies = dict(cleo.cookies)
        async with httpx.AsyncClient(base_url=doors_.other, cookies=cookies, timeout=PATIENCE_S) as there:
            assert (await there.get("/v1/access/me")).json()["name"] == "cleo"
            assert (await monitor.post("/v1/observations", json=READING)).status_code == 200
            async with there.stream("GET", "/v1/live") as feed:
                lines = feed.aiter_lines()
                assert "event: snapshot" in [await anext(lines), await anext(lines)]
                toml = doors_.processes.folder / "network.toml"
                words = ("account", "disable", "cleo", "--network", toml, "--site", NORTH)
                assert invoked(*words).status == 0
                assert invoked("token", "revoke", "gone soon", "--network", toml).status == 0
                async for _ in lines:
                    pass  # until the edge ends it
            for client, path in ((cleo, doors_.one), (there, doors_.other)):
                async with asyncio.timeout(PATIENCE_S):
                    while (await client.get(f"{path}/v1/access/me")).status_code != 401:  # noqa: ASYNC110 - in a second
                        await asyncio.sleep(0.05)
            async with asyncio.timeout(PATIENCE_S):
                while (await monitor.post("/v1/observations", json=READING)).status_code != 401:  # noqa: ASYNC110 - so too
                    await asyncio.sleep(0.05)


async def by_name_and_by_host(doors_: Doors) -> None:
    """Whose somebody is, the page's address says, or they do: a password of one site's Ada is none at another's."""
    body = {"name": "ada", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=doors_.one, timeout=PATIENCE_S) as client:
        for host, site in (("south.localhost", SOUTH), ("north.localhost", NORTH), ("127.0.0.1", NORTH)):
            headers = {"host": host, "origin": f"http://{host}"}
            answer = await client.post("/v1/access/sign-in", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            assert (await client.get("/v1/site")).json()["site"] == site
        said = await client.post(
            "/v1/access/sign-in", json={**body, "name": "a-nurse", "site": SOUTH}, headers={"origin": doors_.one}
        )
        assert said.status_code == 401


async def without_the_database(doors_: Doors, database: LocalDatabase) -> None:
    """Who is known goes on, monitors and people; nobody new comes in, and comes in by itself when the database is back."""
    doors_.account("dora", "nurse")
    tokens = [doors_.accounts.tokens.add(name, ["vitals"], NORTH) for name in ("known", "new")]
    async with doors_.device(tokens[0]) as known, doors_.device(tokens[1]) as new, doors_.person("dora") as dora:
        assert (await known.post("/v1/observations", json=READING)).status_code == 200
        assert (await dora.get("/v1/access/me")).status_code == 200
        database.stop()
        for _ in range(2):
            assert (await known.post("/v1/observations", json=READING)).status_code == 200
            assert (await dora.get("/v1/access/me")).json()["name"] == "dora"
            await asyncio.sleep(1.1 * FRESH_LOOK_S)
        assert (await new.post("/v1/observations", json=READING)).status_code == 503
        body = {"name": "dora", "password": PASSWORD}
        assert (await dora.post("/v1/access/sign-in", json=body)).status_code == 503
        database.start()
        async with asyncio.timeout(PATIENCE_S):
            while (await new.post("/v1/observations", json=READING)).status_code != 200:  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.1)


def test_an_edge_that_others_reach_does_not_start_without_sign_in(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text('[kafka]\nbrokers = "127.0.0.1:1"\n')
    refused = invoked("edge", "--network", tmp_path / "network.toml", "--host", "0.0.0.0")
    assert refused.status == 1
    assert "sign_in = true" in refused.stderr
