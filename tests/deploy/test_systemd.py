"""The shipped systemd unit: systemd itself can read it, finds little to object to, and it starts what there is to start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import Final

import pytest

from tests.support.service import ROOT, invoked

UNIT: Final = ROOT / "deploy" / "systemd" / "chairside.service"
EXPOSED_AT_MOST: Final = 20
"""Of 100, by `systemd-analyze security`. It counts 15; what is left is the network, and memory that is written and then run."""


def lines(key: str) -> list[str]:
    """Every value of a key, in order: configparser would keep the last one only."""
    return [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{key}=")]


def test_the_command_is_one_that_chairside_knows() -> None:
    (words,) = [line.split() for line in lines("ExecStart")]
    assert words[0] == "/opt/chairside/bin/chairside"
    told = invoked(words[1], "--help").stdout
    assert [option for option in words[2:] if option.startswith("--") and option not in told] == []
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--data") + 1] == f"/var/lib/{lines('StateDirectory')[0]}"
    assert f"NUMBA_CACHE_DIR=/var/cache/{lines('CacheDirectory')[0]}" in lines("Environment")


def test_it_may_do_nothing_that_it_does_not_do() -> None:
    """Read as a file, so that it is checked where there is no systemd."""
    parser = RawConfigParser(strict=False, comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read_string(UNIT.read_text())
    service = dict(parser["Service"])
    closed = {
        "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "PrivateUsers", "ProtectHome", "ProtectClock", "ProtectHostname",
        "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups", "RestrictNamespaces",
        "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality",
    }  # fmt: skip
    assert {name for name in closed if service.get(name) != "yes"} == set()
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["UMask"] == "0077"
    assert service["StateDirectoryMode"] == "0700"
    assert service["User"] not in {"root", "0"}
    assert service["Restart"] == "always"


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("there is no systemd here")
    return found


def test_systemd_can_read_it_and_finds_little_to_object_to(analyze: str, tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(
        UNIT.read_text().replace("/opt/chairside/bin/chairside", f"{Path(sys.executable).with_name('chairside')}")
    )
    said = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, check=False)
    # It also reads what the unit hangs on, which may be the machine's own trouble.
    assert [line for line in said.stderr.splitlines() if UNIT.name in line] == []
    words = [analyze, "security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", "--no-pager", str(copy)]
    judged = subprocess.run(words, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-2000:] + judged.stderr
