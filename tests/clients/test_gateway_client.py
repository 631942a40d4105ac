"""The client for gateways: on disk when it says so, once each at the server, whatever happens in between."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import trustme

from clients.python.chairside_client import BufferFull, BufferInUse, Client
from tests.support.service import PATIENCE_S, ROOT, sample, start, started, waited

CLIENT = ROOT / "clients" / "python"


class Server(BaseHTTPRequestHandler):
    """Answers as the test has it; `plan` is what it does with the next posts, and then it takes all."""

    plan: ClassVar[list[str]] = []
    heard: ClassVar[list[list[dict[str, Any]]]] = []
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        lines = [json.loads(line) for line in self.rfile.read(int(self.headers["content-length"])).splitlines()]
        what = self.plan.pop(0) if self.plan else "take"
        if what in ("take", "take and hang up", "one aside"):
            self.heard.append(lines)
        if what in ("hang up", "take and hang up"):
            self.close_connection = True
            return
        status = {"503": 503, "401": 401, "413": 413}.get(what, 200)
        aside = [{"line": 1, "field": "spo2", "reason": "too high"}] if what == "one aside" else []
        body = json.dumps(
            {"accepted": len(lines) - len(aside), "set_aside": aside} if status == 200 else {"detail": what}
        ).encode()
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.plan, Server.heard = [], []
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.python.chairside_client.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("clients.python.chairside_client.LONGEST_WAIT_S", 0.05)


def vitals(second: int) -> dict[str, Any]:
    return sample(second, device="m3", patient="P-1", spo2=97)


def times() -> list[str]:
    return [line["at"] for lines in Server.heard for line in lines]


def test_what_was_put_in_goes_out_in_order_and_in_batches(server: str, tmp_path: Path) -> None:
    with Client(server, tmp_path / "b.sqlite", batch_lines=50) as client:
        client.put(*(vitals(second) for second in range(120)))
        assert client.flush()
        assert client.accepted == 120
    assert times() == [vitals(second)["at"] for second in range(120)]
    assert max(map(len, Server.heard)) <= 50


@pytest.mark.parametrize("trouble", [["503"] * 3, ["hang up"] * 3, ["413", "413"], ["503", "hang up", "413"]])
def test_trouble_loses_nothing_and_doubles_nothing(server: str, tmp_path: Path, trouble: list[str]) -> None:
    Server.plan = list(trouble)
    with Client(server, tmp_path / "b.sqlite") as client:
        client.put(*(vitals(second) for second in range(40)))
        assert client.flush()
        assert client.problem == ""
    assert times() == [vitals(second)["at"] for second in range(40)]


def test_an_answer_that_was_lost_makes_the_same_line_come_again(server: str, tmp_path: Path) -> None:
    Server.plan = ["take and hang up"]
    with Client(server, tmp_path / "b.sqlite") as client:
        client.put({"kind": "dose", "at": "2026-11-23T14:00:00Z", "patient": "P-1", "drug": "ketamine"})
        assert client.flush()
    (first,), (again,) = Server.heard
    assert first == again, "to the letter, which is how the server knows it"


def test_while_the_server_is_away_all_is_on_disk_and_a_restart_goes_on(server: str, tmp_path: Path) -> None:
    with Client("http://127.0.0.1:9", tmp_path / "b.sqlite") as away:
        away.put(*(vitals(second) for second in range(30)))
        waited(lambda: away.problem.startswith("no answer"), "the client to see that nobody answers")
        assert away.waiting == 30
    with Client(server, tmp_path / "b.sqlite") as client:
        assert client.flush()
    assert len(times()) == 30


def test_what_the_server_cannot_use_is_told_and_not_sent_for_ever(server: str, tmp_path: Path) -> None:
    Server.plan = ["one aside"]
    said: list[tuple[str, str, str]] = []
    with Client(server, tmp_path / "b.sqlite", on_set_aside=lambda *words: said.append(words)) as client:
        client.put(vitals(0), vitals(1))
        assert client.flush()
        assert (client.accepted, client.set_aside) == (1, 1)
    assert said[0][1:] == ("spo2", "too high")


def test_a_wrong_token_is_said_and_keeps_what_there_is(server: str, tmp_path: Path) -> None:
    Server.plan = ["401"] * 10_000
    with Client(server, tmp_path / "b.sqlite", token="x") as client:
        client.put(vitals(0))
        waited(lambda: "is the token right?" in client.problem, "the refusal")
        assert client.waiting == 1


def test_the_command_says_at_once_why_nothing_goes_out_and_when_it_does_again(server: str, tmp_path: Path) -> None:
    """A gateway's input has no end: what is said at its end is said to nobody."""
    Server.plan = ["401"]
    words = [sys.executable, str(CLIENT / "chairside_client.py"), server, "--buffer", str(tmp_path / "b.sqlite")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdin is not None
        assert gateway.stderr is not None
        try:
            gateway.stdin.write(json.dumps(vitals(0)) + "\n")
            gateway.stdin.flush()
            said = [gateway.stderr.readline().strip() for _ in range(2)]
            held = subprocess.run(words, input="", capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        finally:
            gateway.stdin.close()
        assert gateway.wait(PATIENCE_S) == 0
    assert said == [
        "nothing goes out: not allowed (401): 401: is the token right?",
        "it goes out again",
    ]
    assert held.returncode == 2
    assert held.stderr == (
        f"chairside-client: {tmp_path / 'b.sqlite'} is another process's: give each gateway a buffer of its own\n"
    )


def test_each_other_reason_is_told_once(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.python.chairside_client.FIRST_WAIT_S", 0.01)
    Server.plan, said = ["401", "401", "503", "503"], list[str]()
    with Client(server, tmp_path / "b.sqlite", on_problem=said.append) as client:
        client.put(vitals(0))
        assert client.flush()
        waited(lambda: len(said) == 3, "what was told")
    assert said == ["not allowed (401): 401: is the token right?", "answered 503: 503", ""]


def test_a_certificate_that_is_not_trusted_is_said_with_what_to_do(tmp_path: Path) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(served)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    running.socket = served.wrap_socket(running.socket, server_side=True)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        address = f"https://localhost:{running.server_address[1]}"
        with Client(address, tmp_path / "b.sqlite") as client:
            client.put(vitals(0))
            waited(lambda: "name its authority with `ca`" in client.problem, "the certificate's refusal")
            assert client.waiting == 1
    finally:
        running.shutdown()
        running.server_close()


def test_a_full_buffer_refuses_and_two_processes_do_not_share_one(server: str, tmp_path: Path) -> None:
    with Client("http://127.0.0.1:9", tmp_path / "b.sqlite", most_lines=10) as client:
        client.put(*(vitals(second) for second in range(10)))
        with pytest.raises(BufferFull, match="10 lines wait"):
            client.put(vitals(11))
        with pytest.raises(BufferInUse, match="another process"):
            Client(server, tmp_path / "b.sqlite")
    with pytest.raises(ValueError, match="write http"):
        Client("chairside.example.org", tmp_path / "c.sqlite")


def test_a_server_that_is_killed_and_comes_back_has_each_line_once(tmp_path: Path) -> None:
    """The real service: killed twice while a gateway sends to it."""
    with started(tmp_path / "data") as first:
        address, port = first.address, first.address.rpartition(":")[2]
        client = Client(address, tmp_path / "b.sqlite", batch_lines=20)
        doses = [
            {"kind": "intervention", "at": sample(second)["at"], "patient": "P-1", "what": f"n{second}"} for second in range(200)
        ]  # fmt: skip
        client.put(*doses[:100])
        first.kill()
    client.put(*doses[100:])
    second_run = start(tmp_path / "data", "--port", port)
    try:
        assert client.flush(PATIENCE_S)
        assert client.set_aside == 0
        found = httpx.get(
            f"{address}/v1/history", params={"patient": "P-1", "entries": 1000}, timeout=PATIENCE_S
        ).json()["entries"]
        named = [each["doc"]["what"] for each in found]
        assert sorted(named) == sorted(f"n{second}" for second in range(200))
    finally:
        client.close()
        second_run.stop()


def test_it_is_one_file_that_needs_nothing_and_runs_as_a_command(server: str, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    lines = "\n".join(json.dumps(vitals(second)) for second in range(5)) + "\nno json\n"
    words = [str(python), str(CLIENT / "chairside_client.py"), server, "--buffer", str(tmp_path / "c.sqlite")]
    told = subprocess.run(words, input=lines, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert told.returncode == 1
    assert "not sent" in told.stderr
    assert len(times()) == 5
    assert sys.version_info >= (3, 9)
