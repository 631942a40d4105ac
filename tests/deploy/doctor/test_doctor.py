"""`chairside doctor` on a real installation behind TLS: all is well, then one thing after the other is spoilt and found."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE
from deploy.running import RUNNING_FILE, running_note
from tests.support.service import Done, chairside, invoked, started

HOST = "localhost"


class Phones(BaseHTTPRequestHandler):
    """Takes every page, and stands in for the proxy: it answers as the service behind it would."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _answer  # noqa: N815  the names are http.server's

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def answering(certificate: trustme.LeafCert) -> Iterator[int]:
    """An HTTPS server; its port."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Phones)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield httpd.server_address[1]
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def told(done: Done) -> dict[str, tuple[str, str]]:
    """Check → verdict and what was found."""
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["ok"] is (done.status == 0)
    return {each["check"]: (each["verdict"], each["found"]) for each in document["findings"]}


def test_a_running_installation_is_looked_at_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    config, data = tmp_path / "site.toml", tmp_path / "data"
    with answering(authority.issue_cert(HOST)) as port:
        key = tmp_path / "key"
        key.write_text("a secret")
        text = (
            f'[access]\nsign_in = true\n[pages]\nlink = "https://{HOST}:{port}"\n'
            f'destinations = ["webhooks://{HOST}:{port}/hook?key_file={key}"]\n'
        )
        config.write_text(text)
        config.chmod(0o640)
        asked = ("doctor", "--config", config, "--data", data, "--json")
        with started(data, "--config", config) as service:
            assert service.address == running_note(data)["address"]
            accounts = Accounts(data / ACCOUNTS_FILE, lambda: 1)
            accounts.choose_password(accounts.link(None, "operator"), "olga", "four words in a row")
            accounts.close()

            # In a process of its own: what sends pages reads whom it trusts once, as it is loaded.
            tried = chairside(*asked, "--try-pages")
            well = told(Done(tried.returncode, tried.stdout.decode(), tried.stderr.decode()))
            assert {each: found for each, found in well.items() if found[0] == "bad"} == {}
            assert well["running"][0] == well["sign-in"][0] == well["files"][0] == well["operator"][0] == "good"
            assert well[f"destination webhooks://{HOST}"] == ("good", "took a test page now")
            # Ours and the other's second need not begin together, and the two cores may be slow.
            assert well["clock"] == ("good", f"as {HOST}:{port} has it, to 5 s")
            assert well[f"certificate {HOST}:{port}"][0] == "good"
            assert well["address"] == ("good", f"https://{HOST}:{port}/healthz leads here")

            hook = f"destination webhooks://{HOST}"
            assert told(invoked(*asked))[hook] == ("look", "has never been tried")
            assert chairside("page-test", "--config", config, "--data", data).returncode == 0
            assert told(invoked(*asked))[hook] == ("good", "took its last test page 0 min ago")

            assert well["backup"] == ("look", "none is known of")
            assert invoked("backup", tmp_path / "backups", "--data", data).status == 0
            for more in ((), ("--backups", tmp_path / "backups")):
                assert told(invoked(*asked, *more))["backup"] == ("good", "the last one was made 0 min ago")
            assert told(invoked(*asked, "--backups", tmp_path))["backup"][0] == "look"

            (data / "chairside.sqlite").chmod(0o644)
            data.chmod(0o755)
            (data / RUNNING_FILE).write_text(json.dumps(running_note(data) | {"version": "0.0.9"}))
            config.write_text(text + '[limits.desaturation.medium.spo2]\nenabled = false\nreason = "a trial"\n')
            spoilt = told(invoked(*asked))
            assert spoilt["files"][0] == "bad"
            assert spoilt["version"][0] == "look"
            assert "a trial" in spoilt["limits"][1]

            config.write_text(text.replace("[pages]", "[page]"))
            refused = told(invoked(*asked))
            assert refused["configuration"][0] == "bad"
            assert refused["address"][0] == "good", "what was good last still says where to look"
            config.write_text(text)
            monkeypatch.delenv("SSL_CERT_FILE")
            assert "not trusted" in told(invoked(*asked))[f"certificate {HOST}:{port}"][1]
            service.stop()
        stopped = told(invoked(*asked))
        assert stopped["running"][0] == "bad"
        assert "no service runs" in stopped["running"][1]


def test_in_words_each_finding_has_its_line_and_what_to_do(tmp_path: Path) -> None:
    done = invoked("doctor", "--data", tmp_path / "none", "--url", "http://127.0.0.1:9")
    assert done.status == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"BAD   running: there is no folder {tmp_path / 'none'}"
    assert lines[1].strip().startswith("→ give the --data of `chairside serve`")


def test_what_a_service_makes_is_for_its_user_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with started(tmp_path / "data") as service:
            assert service.address
            open_ = [each.name for each in (tmp_path / "data").rglob("*") if each.stat().st_mode & 0o077]
            service.stop()
    finally:
        os.umask(before)
    assert open_ == []
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
