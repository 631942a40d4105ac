"""The shipped Caddyfile and nginx.conf, in the real Caddy and nginx, before a real service: what is promised there holds."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
import trustme

from deploy.settings import AccessPart, PagesPart, Settings
from tests.support.access import PASSWORD, access_of, account, locked
from tests.support.service import PATIENCE_S, ROOT, Inside, heard, until

NAME: Final = "board.clinic.example"
PROXIES: Final = ("caddy", "nginx")


def program(name: str) -> str:
    """Where a proxy's program is: Caddy comes with the developers' packages, nginx from the system."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(
            f"there is no {name} here: apt-get install {name}-light" if name == "nginx" else f"no {name}: make setup"
        )
    return found


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@dataclass(frozen=True, slots=True)
class Front:
    """A proxy before a service: `https` and `http` are its ports, `ca` whom a browser must trust."""

    inside: Inside
    https: int
    http: int
    ca: Path

    @property
    def origin(self) -> str:
        return f"https://{NAME}:{self.https}"

    def browser(self, name: str = NAME) -> httpx.AsyncClient:
        """A browser that finds the name at this machine, as a name server would say."""

        async def as_named(request: httpx.Request) -> None:
            request.extensions["sni_hostname"] = name
            request.headers["host"] = f"{name}:{self.https}"

        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.https}", verify=ssl.create_default_context(cafile=self.ca), timeout=30, headers={"origin": self.origin},
            event_hooks={"request": [as_named]},
        )  # fmt: skip


def caddy_words(folder: Path, service: str, https: int, http: int) -> list[str]:
    """The shipped file with this test's ports and certificate."""
    text = (ROOT / "deploy/proxy/Caddyfile").read_text().replace("chairside.invalid", NAME)
    text = text.replace("127.0.0.1:8000", service).replace(
        "# tls /etc/chairside/board.pem /etc/chairside/board.key", f"tls {folder}/board.pem {folder}/board.key"
    )
    own = f"{{\n\tadmin off\n\tpersist_config off\n\thttp_port {http}\n\thttps_port {https}\n\tskip_install_trust\n}}\n"
    (folder / "Caddyfile").write_text(own + text)
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def nginx_words(folder: Path, service: str, https: int, http: int) -> list[str]:
    """The shipped file within an `http` of this test's own, as the system's packages have it."""
    text = (ROOT / "deploy/proxy/nginx.conf").read_text().replace("chairside.invalid", NAME)
    text = text.replace("listen [::]:80;", "").replace("listen [::]:443 ssl http2;", "")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{http};").replace("listen 443 ", f"listen 127.0.0.1:{https} ")
    text = text.replace("127.0.0.1:8000", service).replace("/etc/chairside/", f"{folder}/")
    paths = "".join(
        f"{each}_temp_path {folder}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole = f"{user}daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n"
    (folder / "nginx.conf").write_text(whole)
    return [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


@asynccontextmanager
async def front(name: str, folder: Path) -> AsyncIterator[Front]:
    """A service with sign-in behind a proxy with TLS."""
    https, http = free_ports(2)
    program(name)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert(NAME, "other.example")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "board.pem", append=True)
    certificate.private_key_pem.write_to_path(folder / "board.key")
    settings = Settings(
        pages=PagesPart(destinations=(), link=f"https://{NAME}:{https}"), access=AccessPart(sign_in=True)
    )
    async with locked(folder / "data", settings) as inside:
        service = inside.address.removeprefix("http://")
        words = {"caddy": caddy_words, "nginx": nginx_words}[name](folder, service, https, http)
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with (folder / "said").open("w") as said:
            process = await asyncio.create_subprocess_exec(*words, stdout=said, stderr=said, env=os.environ | home)
        try:

            def listens() -> bool:
                assert process.returncode is None, (folder / "said").read_text()
                with closing(socket.socket()) as trying:
                    return trying.connect_ex(("127.0.0.1", https)) == 0

            await until(listens, f"{name} to listen")
            yield Front(inside, https, http, folder / "ca.pem")
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), PATIENCE_S)


@pytest.mark.parametrize("proxy", PROXIES)
async def test_what_the_shipped_proxies_promise(proxy: str, tmp_path: Path) -> None:
    async with front(proxy, tmp_path) as before:
        account(before.inside, "ada", "nurse")
        async with httpx.AsyncClient() as client:
            plain = await client.get(f"http://127.0.0.1:{before.http}/chair/3", headers={"host": NAME})
        assert plain.status_code in {301, 308}, "nobody is left without TLS"
        assert plain.headers["location"].startswith(f"https://{NAME}")
        async with before.browser() as ada:
            page = await ada.get("/")
            assert page.status_code == 200
            assert "max-age" in page.headers["strict-transport-security"], "the service knows that TLS is spoken"
            assert page.headers["content-security-policy"].count("default-src") == 1
            assert (await ada.get("/v1/chairs")).status_code == 401
            answer = await ada.post("/v1/access/sign-in", json={"name": "ada", "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            cookies = answer.headers.get_list("set-cookie")
            assert cookies
            assert any(each.startswith("__Host-") for each in cookies)
            assert [each for each in cookies if "secure" not in each.lower()] == []
            # A browser sends them over TLS alone, and to this name; the client here knows only an address.
            ada.headers["cookie"] = "; ".join(each.partition(";")[0] for each in cookies)
            assert (await ada.get("/v1/chairs")).status_code == 200
            foreign = await ada.post("/v1/patients", json={}, headers={"origin": "https://elsewhere.example"})
            assert foreign.status_code == 403, "a foreign page is still seen to be one"
            await the_feed_comes_as_it_is_said(ada)
            token = access_of(before.inside).accounts.tokens.add("monitors", ["vitals"])
            large = b"\n" * (7 * 2**20)
            sent = await ada.post(
                "/v1/observations", content=large, headers={"authorization": f"Bearer {token}", "content-type": "application/x-ndjson", "cookie": ""}
            )  # fmt: skip
            assert sent.status_code != 413, "what the service takes, the proxy passes"
        async with before.browser("other.example") as rebound:
            try:
                refused = await rebound.get("/v1/chairs")
            except httpx.HTTPError:
                refused = httpx.Response(421)
            assert refused.status_code in {421, 404} or not refused.content, "it answers to its own name alone"
        async with before.browser() as guesser:
            tries = [
                (await guesser.post(
                    "/v1/access/sign-in", json={"name": f"nobody{n}", "password": "x" * 15}, headers={"x-forwarded-for": f"192.0.2.{n}"}
                )).status_code
                for n in range(25)
            ]  # fmt: skip
            assert 429 in tries, "another address in a header is not another guesser"


async def the_feed_comes_as_it_is_said(ada: httpx.AsyncClient) -> None:
    """Three events of the live feed, the last within seconds: nothing gathers them on the way."""
    names: list[str] = []
    async with asyncio.timeout(15), ada.stream("GET", "/v1/live") as response:
        assert response.status_code == 200
        async for event in heard(response):
            names.append(event.name)
            if names.count("chairs") == 2:
                break
    assert names[0] == "snapshot"
