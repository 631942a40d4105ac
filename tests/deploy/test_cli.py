"""The command line: every command teaches itself, and every mistake is one line that says what to do."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from deploy.configuration import LAST_GOOD
from tests.support.service import COMMAND, PATIENCE_S, ROOT, chairside, falling, invoked, ndjson, said_once, started

COMMANDS = ("replay", "simulate", "check-config", "serve", "demo", "why", "doctor")


def test_help_says_what_it_is_not_and_where_to_begin() -> None:
    said = " ".join(invoked("--help").stdout.split())
    assert "Not a medical device: bedside monitors stay primary." in said
    assert "Try chairside demo first" in said
    for command in COMMANDS:
        assert command in said


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_how_it_is_called(command: str) -> None:
    done = invoked(command, "--help")
    assert done.status == 0
    assert done.stdout.count(f"chairside {command} ") > 1, "beside the usage, an example"


def test_a_mistyped_command_is_answered_without_a_traceback() -> None:
    done = invoked("replai")
    assert done.status == 2
    assert "No such command" in done.stderr


# ---- mistakes --------------------------------------------------------------------------------------------------------


def test_replaying_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert (
        said_once(invoked("replay", tmp_path / "no.csv"))
        == f"chairside: {tmp_path / 'no.csv'}: No such file or directory"
    )


def test_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    lines = tmp_path / "a.ndjson"
    lines.write_bytes(ndjson(falling()))
    out = tmp_path / "missing" / "out.ndjson"
    for command in (("replay", lines, "--alerts", out), ("simulate", "--sessions", 1, "--hours", 0.1, "--truth", out)):
        assert said_once(invoked(*command)) == f"chairside: cannot write {out}: No such file or directory"


def test_a_name_with_brackets_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "[red]monday[/red].csv"
    assert said_once(invoked("replay", path)) == f"chairside: {path}: No such file or directory"


@pytest.mark.parametrize(
    "configured",
    [None, '[site]\nname = "north"\n', "[access]\nsign_in = false\n"],
    ids=["no file", "another file", "said so"],
)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_serving_beyond_this_machine_needs_sign_in(tmp_path: Path, configured: str | None, host: str) -> None:
    more: tuple[object, ...] = ()
    if configured is not None:
        (tmp_path / "site.toml").write_text(configured)
        more = ("--config", tmp_path / "site.toml")
    done = invoked("serve", "--host", host, "--data", tmp_path / "data", *more)
    assert done.status == 2
    said = said_once(done)
    assert said.startswith(
        f"chairside: --host {host} would show patients to whoever reaches this machine: give a --config"
    )
    assert "`sign_in = true` under [access]" in said
    assert not (tmp_path / "data").exists()


def test_the_first_start_makes_the_first_operator_and_the_command_line_everybody_else(tmp_path: Path) -> None:
    config, data = tmp_path / "site.toml", tmp_path / "data"
    config.write_text("[access]\nsign_in = true\n[pages]\ndestinations = []\n")
    with started(data, "--config", config) as process:
        assert process.address
        (first,) = [found[1] for line in process.said if (found := re.search(r"(http\S+/welcome#\S+)$", line))]
        assert first.startswith(f"{process.address}/welcome#")
        mine = {"origin": process.address}
        with httpx.Client(base_url=process.address, headers=mine, timeout=PATIENCE_S) as olga:
            body = {"link": first.partition("#")[2], "name": "olga", "password": "four words in a row"}
            assert olga.post("/v1/access/welcome", json=body).json()["role"] == "operator"
            assert olga.get("/metrics").status_code == 200

            ada = invoked("account", "add", "ada", "--role", "nurse", "--data", data)
            assert ada.stdout.startswith(f"{process.address}/welcome#"), "where it listens, as no `link` says otherwise"
            link = ada.stdout.strip()
            with httpx.Client(base_url=process.address, headers=mine, timeout=PATIENCE_S) as nurse:
                body = {"link": link.partition("#")[2], "password": "four other words here"}
                assert nurse.post("/v1/access/welcome", json=body).json()["name"] == "ada"
                assert nurse.get("/v1/patients").status_code == 200
                assert "nurse" in invoked("account", "list", "--data", data).stdout
                assert invoked("account", "disable", "ada", "--data", data).status == 0
                assert nurse.get("/v1/patients").status_code == 401

        token = invoked("token", "add", "prometheus", "--sends", "metrics", "--data", data).stdout.strip()
        bearer = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{process.address}/metrics", headers=bearer, timeout=PATIENCE_S).status_code == 200
        listed = invoked("token", "list", "--data", data).stdout
        assert "prometheus" in listed
        assert token not in listed
        assert invoked("token", "revoke", "prometheus", "--data", data).status == 0
        assert httpx.get(f"{process.address}/metrics", headers=bearer, timeout=PATIENCE_S).status_code == 401
        process.stop()
    with started(data, "--config", config) as again:
        assert not [line for line in again.said if "/welcome#" in line], "there is an operator"
        again.stop()


@pytest.mark.parametrize(
    ("kept", "more", "board"),
    [
        ('[pages]\nlink = "https://board.example.org/"', (), "https://board.example.org"),
        (
            '[pages]\nlink = "https://board.example.org"',
            ("--link", "https://here.example.org"),
            "https://here.example.org",
        ),
        ("[pages]\ndestinations = []", (), "http://localhost:8000"),
        ("cut sho", (), "http://localhost:8000"),
    ],
)
def test_a_persons_link_leads_to_where_the_service_says_that_it_is(
    tmp_path: Path, kept: str, more: tuple[str, ...], board: str
) -> None:
    (tmp_path / LAST_GOOD).write_text(kept)
    done = invoked("account", "add", "ada", "--role", "nurse", "--data", tmp_path, *more)
    assert done.stdout.startswith(f"{board}/welcome#")


def test_the_version_is_said() -> None:
    assert invoked("--version").stdout == f"chairside {version('chairside')}\n"


def test_what_cannot_be_done_with_accounts_is_one_line(tmp_path: Path) -> None:
    assert "there is no folder" in said_once(invoked("account", "list", "--data", tmp_path / "none"))
    assert "there is no role boss" in said_once(invoked("account", "add", "ada", "--role", "boss", "--data", tmp_path))
    assert "there is no account ada" in said_once(invoked("account", "disable", "ada", "--data", tmp_path))
    assert "may not send site.configured" in said_once(
        invoked("token", "add", "m", "--sends", "site.configured", "--data", tmp_path)
    )
    assert "there is no token m" in said_once(invoked("token", "revoke", "m", "--data", tmp_path))


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = chairside("serve", "--port", port, "--data", tmp_path / "data")
    said = done.stderr.decode().strip()
    assert done.returncode == 1
    assert said.splitlines() == [
        f"chairside: cannot listen on 127.0.0.1:{port} (Address already in use): try another --port"
    ]


def test_a_data_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = chairside("serve", "--port", 0, "--data", tmp_path / "file" / "data")
    assert done.returncode == 1
    assert done.stderr.decode().strip() == f"chairside: Not a directory: {tmp_path / 'file' / 'data'}"


def test_a_configuration_that_is_wrong_stops_serve_before_anything_is_made(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text("[limits.desaturation.medium]\nspo2 = { enter = 95 }\n")
    done = invoked("serve", "--config", config, "--data", tmp_path / "data")
    assert said_once(done) == (
        f"chairside: {config}: limits.desaturation.medium.spo2: leave 92 must be at or above enter 95, or the alert never ends"
    )
    assert not (tmp_path / "data").exists()


# ---- serving ---------------------------------------------------------------------------------------------------------


def test_serve_says_where_it_is_answers_and_stops_when_told(tmp_path: Path) -> None:
    with started(tmp_path / "data", "--clock", "observed") as process:
        health = httpx.get(f"{process.address}/healthz", timeout=PATIENCE_S)
        assert health.status_code == 200
        posted = httpx.post(f"{process.address}/v1/observations", content=ndjson(falling()), timeout=PATIENCE_S)
        assert posted.json()["accepted"] == 60
    assert process.process.returncode in (0, -15)
    assert any(line.startswith("PAGE MEDIUM") and "Low oxygen" in line for line in process.said)
    assert not any("Traceback" in line for line in process.said)


# ---- simulate --------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def run(name: str, seed: int) -> tuple[bytes, bytes]:
        out, truth = tmp_path / f"{name}.ndjson", tmp_path / f"{name}.truth"
        done = invoked("simulate", "--sessions", 2, "--hours", 0.6, "--seed", seed, "--out", out, "--truth", truth)
        assert done.status == 0, done.stderr
        return out.read_bytes(), truth.read_bytes()

    assert run("a", 1) == run("b", 1)
    assert run("c", 2) != run("a", 1)


def test_simulate_invents_sessions_of_one_family_and_names_those_there_are(tmp_path: Path) -> None:
    out, truth = tmp_path / "lines.ndjson", tmp_path / "truth.ndjson"
    done = invoked("simulate", "--sessions", 1, "--family", "eventful", "--out", out, "--truth", truth)
    assert done.status == 0, done.stderr
    assert any(json.loads(line)["expect"] == "raise" for line in truth.read_text().splitlines())
    refused = said_once(invoked("simulate", "--family", "terrible"))
    assert refused.startswith("chairside: no family 'terrible': there are uneventful, eventful, near-threshold")


def test_simulate_pipes_into_replay() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    invent = [*COMMAND, "simulate", "--sessions", "2", "--hours", "0.7"]
    with subprocess.Popen(invent, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as invented:
        replayed = subprocess.run(
            [*COMMAND, "replay", "/dev/stdin", "--summary"],
            stdin=invented.stdout, capture_output=True, cwd=ROOT, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        if invented.stdout is not None:
            invented.stdout.close()
    assert invented.returncode == 0
    assert replayed.returncode == 0, replayed.stderr.decode()
    assert b"hours watched" in replayed.stderr
    assert b"set aside" not in replayed.stderr
    for line in replayed.stdout.splitlines():
        json.loads(line)


def test_a_reader_that_has_seen_enough_ends_simulate_quietly() -> None:
    words = [*COMMAND, "simulate", "--sessions", "4", "--hours", "4"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as invented:
        assert invented.stdout is not None
        assert invented.stderr is not None
        assert json.loads(invented.stdout.readline())["kind"]
        invented.stdout.close()
        said = invented.stderr.read().decode()
        invented.wait(PATIENCE_S)
    assert said == ""


def test_help_is_quick_because_nothing_that_serves_is_imported() -> None:
    code = "import sys; import deploy.cli.app; print([m for m in ('fastapi', 'uvicorn', 'faust', 'aiokafka', 'paho', 'authlib', 'httpx2', 'alembic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.decode().strip() == "[]"


def test_a_start_does_not_wait_for_what_draws_printed_pages() -> None:
    code = "import sys; import deploy.http; print([m for m in ('fpdf', 'fontTools', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.decode().strip() == "[]"
