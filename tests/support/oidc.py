"""A real OpenID Connect provider of another make, a front that can spoil its tokens, and somebody who signs in there."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.service import PATIENCE_S, ROOT

SECRET: Final = "a secret of thirty-two characters"
_BOARD: Final = ROOT / "alerts" / "board" / "package.json"
_NODE: Final = ROOT / ".venv" / "bin" / "node"

Spoiling = Callable[[dict[str, Any], RSAKey], str]
"""An ID token's claims and the provider's key in, the token that arrives out."""


@dataclass
class Issuer:
    """The provider. `people`: whom it knows, by what they type there. `spoil`: what becomes of each ID token on its way."""

    address: str
    folder: Path
    key: RSAKey
    behind: str
    spoil: Spoiling | None = None
    exchanges: list[bytes] = field(default_factory=list)
    """What was sent to its token endpoint."""
    process: subprocess.Popen[str] | None = None

    def people(self, **known: dict[str, Any]) -> None:
        (self.folder / "people.json").write_text(json.dumps(known))

    def start(self, back: str) -> None:
        """Start it for a service that people come back to at `back`."""
        port = int(self.behind.rsplit(":", 1)[1])
        given = {
            "port": port, "issuer": self.address, "back": back, "secret": SECRET, "board": str(_BOARD),
            "people": str(self.folder / "people.json"), "key": self.key.as_dict(private=True, use="sig", alg="RS256"),
        }  # fmt: skip
        script = ROOT / "tests" / "support" / "oidc_provider.mjs"
        with (self.folder / "provider.log").open("w") as log:
            self.process = subprocess.Popen(
                [_NODE, script, json.dumps(given)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "listening", (self.folder / "provider.log").read_text()

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)  # the wheel's node is a process that starts another
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@contextmanager
def issuer(folder: Path) -> Iterator[Issuer]:
    """A provider that is not started, behind a front that passes on all that is asked of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        behind = f"http://127.0.0.1:{free.getsockname()[1]}"
    (folder / "client-secret").write_text(f"{SECRET}\n")

    through = httpx.HTTPTransport(verify=False)
    """No client, which would keep the cookies of whoever came first."""

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
            try:
                answer = through.handle_request(
                    httpx.Request(
                        self.command, behind + self.path, content=body, headers=headers,
                        extensions={"timeout": httpx.Timeout(PATIENCE_S).as_dict()},
                    )
                )  # fmt: skip
                answer.read()
            except httpx.HTTPError:
                self.send_error(502)
                return
            content = answer.content
            if self.path == "/token":
                made.exchanges.append(body)
                if made.spoil is not None and answer.status_code == 200:
                    document = answer.json()
                    claims = jwt.decode(document["id_token"], made.key).claims
                    content = json.dumps({**document, "id_token": made.spoil(dict(claims), made.key)}).encode()
            self.send_response(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection", "content-encoding"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    made = Issuer(f"http://127.0.0.1:{server.server_port}", folder, RSAKey.generate_key(2048, {"kid": "k1"}), behind)
    made.people()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        server.shutdown()
        thread.join()
        server.server_close()
        through.close()


async def signed_in_there(browser: httpx.AsyncClient, location: str, login: str) -> str:
    """Go through the provider's pages as somebody does; the page of ours to which it sends them back."""
    for _ in range(12):
        if "/v1/access/oidc/back" in location:
            return str(httpx.URL(location).raw_path, "ascii")
        page = await browser.get(location)
        if page.status_code == 200:
            form = re.search(r'action="([^"]+)"', page.text)
            assert form is not None, page.text[:500]
            prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
            assert prompt is not None, page.text[:500]
            page = await browser.post(form[1], data={"prompt": prompt[1], "login": login, "password": "any"})
        assert page.status_code in {302, 303}, page.text[:500]
        location = str(page.request.url.join(page.headers["location"]))
    raise AssertionError("the provider never sent anybody back")
