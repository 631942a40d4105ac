"""The page for IT, copied block by block on a machine with nothing: TLS, sign-in, a page on a phone, a restored backup."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.support.machine import Machine
from tests.support.service import ROOT, waited
from tests.support.snippets import Shell, snippets
from tests.support.wheel import UV, built_wheel

PAGE = ROOT / "docs" / "install.md"
pytestmark = pytest.mark.xdist_group("wheel")


@contextmanager
def phone() -> Iterator[tuple[int, list[str]]]:
    """An ntfy server that takes every page: its port, and what it was sent."""
    sent: list[str] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
            self.send_response(200)
            self.send_header("Content-Length", "11")
            self.end_headers()
            self.wfile.write(b'{"id": "1"}')

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield httpd.server_address[1], sent
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[tuple[Machine, list[str]]]:
    missing = [
        name for name in ("nginx", "openssl", "curl") if shutil.which(name, path="/usr/sbin:/usr/bin:/bin") is None
    ]
    if missing or not UV.exists():
        pytest.skip(f"not here: {', '.join(missing) or 'uv'}. On Debian: apt-get install nginx-light openssl curl")
    with phone() as (port, sent):
        new = Machine.made(tmp_path / "machine", built_wheel(tmp_path / "dist"), port)
        try:
            yield new, sent
        finally:
            new.end()


def test_from_nothing_to_a_restored_backup_by_the_pages_own_commands(machine: tuple[Machine, list[str]]) -> None:
    new, sent = machine
    shell = Shell(new.root / "home", new.environment())
    printed: dict[str, str] = {}
    heading = ""
    headings = [(found.start(), found[1]) for found in re.finditer(r"^## (.*)$", PAGE.read_text(), re.MULTILINE)]
    lines = [PAGE.read_text().count("\n", 0, at) + 1 for at, _ in headings]
    for block in snippets(PAGE):
        if block.not_run:
            continue
        heading = [name for line, (_, name) in zip(lines, headings, strict=True) if line < block.line][-1]
        done = shell.run("sh", new.led(block.text))
        said = "".join(file.read_text() for file in new.root.glob("*.said"))
        assert done.returncode == 0, f"install.md:{block.line} ({heading}): {done.stdout}{done.stderr}{said[-2000:]}"
        printed[heading] = printed.get(heading, "") + done.stdout + done.stderr
        if "The first operator" in done.stdout:
            becomes_operator(new, done.stdout)
        if '"moaas"' in block.text:
            acknowledges(new, sent)

    assert "useradd --system" in (new.root / "asked").read_text()
    assert "TEST" in "".join(sent), "the phone was paged"
    assert "acknowledged it" in printed["7. Page a phone"], printed["7. Page a phone"]
    assert (new.root / "mnt/backups/before-the-restore").is_dir()
    nightly = (new.root / "etc/cron.d/chairside-backup").read_text().split(maxsplit=6)[6]
    again = shell.run(
        "sh", "sleep 1; " + nightly.replace("find ", "PATH=/usr/bin:/bin find ").replace("-mtime +30", "-mtime -30")
    )
    assert again.returncode == 0, again.stdout + again.stderr
    left = sorted(each.name for each in (new.root / "mnt/backups").iterdir())
    assert left == ["before-the-restore"], "what is too old is removed, and nothing else"
    assert "BAD" not in printed["8. Look at all of it"], printed["8. Look at all of it"]
    assert "cst_" in printed["6. Sign in"], "a device has its token"
    assert (new.root / "var/lib/chairside").stat().st_mode & 0o077 == 0
    assert any("restored to" in text for text in printed.values())


def acknowledges(new: Machine, sent: list[str]) -> None:
    """As a phone does whose owner presses the button of a page about somebody."""
    waited(lambda: any("Unresponsive" in each for each in sent), "the page on the phone")
    (page,) = (json.loads(each) for each in sent if "Unresponsive" in each)
    (link,) = (each["url"] for each in page["actions"] if each["label"] == "Acknowledge")
    trusted = ssl.create_default_context(cafile=new.root / "etc/chairside/board.pem")
    assert "Acknowledged" in httpx.post(link, verify=trusted, timeout=60).text


def becomes_operator(new: Machine, printed: str) -> None:
    """As a browser does that opens the link, through the proxy and its certificate."""
    _, https, _, _ = new.ports
    origin = f"https://localhost:{https}"
    (link,) = set(re.findall(rf"{origin}/welcome#(\S+)", printed))
    trusted = ssl.create_default_context(cafile=new.root / "etc/chairside/board.pem")
    with httpx.Client(base_url=origin, verify=trusted, headers={"origin": origin}, timeout=60) as browser:
        body = {"link": link, "name": "olga", "password": "four words in a row"}
        assert browser.post("/v1/access/welcome", json=body).json()["role"] == "operator"
        assert browser.get("/v1/chairs").status_code == 200, "signed in, over TLS"
