"""The API's description held against a running service by Schemathesis: each operation asked as described, and as not.

Two services are started: one in which nobody need sign in, and one that is asked by somebody who is not signed in, by each
role and by a device's token. No answer may be a 5xx or of an undocumented status, media type or form. The live feed is left
out, because it does not end, and signing out, because whoever asks would be nobody from there on.
`python -m bench.api [--examples N] [--phases P] [--seed S] [--as WHO ...]`
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from bench.speed.posting import COMMAND, SERVE, running
from models.staff import ROLES

CHECKS: Final = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip
ENDLESS: Final = "/v1/live"
SIGN_OUT: Final = "/v1/access/sign-out"
OPEN: Final = "open"
NOBODY: Final = "nobody"
DEVICE: Final = "device"
ASKING: Final = (OPEN, NOBODY, *ROLES, DEVICE)
PASSWORD: Final = "a chair by the window"
SHORT: Final = ("examples", "fuzzing")
LONG: Final = ("examples", "coverage", "fuzzing")
PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """What became of one run: whether the description held, and what Schemathesis says."""

    who: str
    held: bool
    said: str


def hold(asking: Iterable[str], examples: int, phases: Sequence[str], seed: int = 1) -> list[Held]:
    """Hold the description for each who asks; `examples` an operation and phase, the same for the same seed."""
    found = []
    asked = list(asking)
    with tempfile.TemporaryDirectory() as folder:
        for signed, whose in (
            (False, [OPEN] if OPEN in asked else []),
            (True, [each for each in asked if each != OPEN]),
        ):
            if not whose:
                continue
            data = Path(folder) / f"data-{signed}"
            data.mkdir()
            options: list[str] = []
            if signed:
                config = data.with_suffix(".toml")
                config.write_text('[site]\nname = "main"\n[access]\nsign_in = true\n[pages]\ndestinations = []\n')
                options = ["--config", str(config)]
            with running([*SERVE, "--data", str(data), *options], Path(folder), pinned=False) as server:
                address = f"http://127.0.0.1:{server.port}"
                for who in whose:
                    headers = headers_of(who, data, address)
                    if who in (OPEN, whose[0]):
                        fill(address, headers if not signed else headers_of("clinician", data, address))
                    document = described(address, headers if who == OPEN else headers_of("operator", data, address))
                    found.append(ask(who, document, address, headers, examples, phases, seed))
    return found


def headers_of(who: str, data: Path, address: str) -> dict[str, str]:
    """What a request of theirs carries: made by the command line and the pages that people use."""
    if who in (OPEN, NOBODY):
        return {}
    if who == DEVICE:
        made = _chairside("token", "add", "a-device", "--sends", "vitals,monitor.alarm,metrics", "--data", str(data))
        return {"Authorization": f"Bearer {made}"}
    link = _chairside("account", "add", who, "--role", who, "--data", str(data)).partition("#")[2]
    with httpx.Client(base_url=address, headers={"origin": address}, timeout=PATIENCE_S) as client:
        client.post("/v1/access/welcome", json={"link": link, "password": PASSWORD}).raise_for_status()
        return {"Cookie": f"chairside={client.cookies['chairside']}", "Origin": address}


def fill(address: str, headers: dict[str, str]) -> None:
    """A session with an alert, so that there is something to answer with."""
    began = datetime.now(UTC) - timedelta(minutes=5)
    who = {"patient": "P-1", "session": "s-1"}
    lines: list[dict[str, Any]] = [
        {"kind": "patient.registered", "at": began.isoformat(), "patient": "P-1", "weight_kg": 70},
        {"kind": "session.started", "at": began.isoformat(), **who, "chair": "3", "drug": "ketamine"},
        {"kind": "dose", "at": began.isoformat(), **who, "drug": "ketamine", "amount": 35, "unit": "mg", "route": "iv"},
        *(
            {"kind": "vitals", "at": (began + timedelta(seconds=n)).isoformat(), **who, "spo2": 84, "pulse": 70}
            for n in range(120)
        ),
    ]
    text = "\n".join(map(json.dumps, lines))
    answer = httpx.post(
        f"{address}/v1/observations", content=text, headers=headers | {"content-type": "application/x-ndjson"},
        timeout=PATIENCE_S,
    )  # fmt: skip
    answer.raise_for_status()


def described(address: str, headers: dict[str, str]) -> dict[str, Any]:
    """The description as the service gives it."""
    answer = httpx.get(f"{address}/openapi.json", headers=headers, timeout=PATIENCE_S)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def ask(
    who: str, document: dict[str, Any], address: str, headers: dict[str, str], examples: int, phases: Sequence[str], seed: int
) -> Held:  # fmt: skip
    """Have Schemathesis ask."""
    with tempfile.TemporaryDirectory() as folder:
        described_in = Path(folder) / "openapi.json"
        described_in.write_text(json.dumps(document))
        words = [
            sys.executable, "-m", "schemathesis.cli", "run", str(described_in), "--url", address, "--checks", ",".join(CHECKS),
            "--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(seed), "--generation-deterministic", "--no-shrink", "--continue-on-failure", "--warnings", "off", "--no-color",
            "--suppress-health-check", "all", "--request-timeout", str(PATIENCE_S), "--exclude-path", ENDLESS,
            "--exclude-path", SIGN_OUT,
        ]  # fmt: skip
        for name, value in headers.items():
            words += ["--header", f"{name}: {value}"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return Held(who, done.returncode == 0, done.stdout + done.stderr)


def _chairside(*words: str) -> str:
    done = subprocess.run([sys.executable, *COMMAND, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    """Hold it for everybody, print what does not hold, and end with 1 if anything does not."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description="The API's description, held against it.")
    parser.add_argument("--examples", type=int, default=200, help="requests an operation, phase and who asks")
    parser.add_argument("--phases", default=",".join(LONG))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as", dest="asking", nargs="+", choices=ASKING, default=list(ASKING))
    options = parser.parse_args()
    found = hold(options.asking, options.examples, options.phases.split(","), options.seed)
    for each in found:
        last = each.said.strip().splitlines()[-1:] if each.held else [each.said]
        print(f"{each.who}: {'holds' if each.held else 'DOES NOT HOLD'}", *last, sep="\n", flush=True)
    raise SystemExit(not all(each.held for each in found))


if __name__ == "__main__":
    main()
