"""`make audit`: asks the databases of PyPI and npm whether anything that is locked has a known vulnerability.

The tools are pip-audit and npm; here their answers are read. One that nobody has judged (`accepted` in docs/safety/soup.toml)
fails. A database that cannot be asked, as behind many a registry's mirror, fails nothing, and is said in a line that cannot be
taken for "none found". Bad at: what nobody has reported. Never here: fetching or changing a dependency.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

AUDIT_WAIT_S: Final = 120
SLOW_ANSWERS: Final = ("--timeout", "10")


@dataclass(frozen=True, slots=True)
class Audited:
    """What to print, and whether anything is vulnerable that nobody has judged."""

    lines: tuple[str, ...]
    failed: bool


def judged(python: Mapping[str, Any] | None, npm: Mapping[str, Any] | None, accepted: Mapping[str, str]) -> Audited:
    """What the answers of pip-audit and npm come to; None: there was none. `accepted`: id of a vulnerability → why not ours."""
    lines: list[str] = []
    failed = False
    for name, answer, read in (("PyPI", python, _of_python), ("npm", npm, _of_npm)):
        found = None if answer is None else read(answer)
        if found is None:
            lines.append(f"{name}: NOT AUDITED, its database of vulnerabilities cannot be asked from here")
            continue
        vulnerable, unasked, asked = found
        missing = f"; {len(unasked)} could not be asked about: {', '.join(unasked)}" if unasked else ""
        lines.append(f"{name}: {asked} packages audited{missing}")
        for package, ids in vulnerable:
            reason = next((accepted[each] for each in ids if each in accepted), None)
            failed |= reason is None
            told = f"accepted: {reason}" if reason else "judge it in docs/safety/soup.toml, or upgrade it"
            lines.append(f"  {package}: {', '.join(ids)}: {told}")
    return Audited(tuple(lines), failed)


_Read = tuple[list[tuple[str, list[str]]], list[str], int]
"""What is vulnerable with its ids, what could not be asked about, and how many were."""


def _of_python(answer: Mapping[str, Any]) -> _Read | None:
    parts = answer.get("dependencies", [])
    unasked = [each["name"] for each in parts if "skip_reason" in each]
    if len(unasked) == len(parts):
        return None
    vulnerable = [
        (f"{each['name']} {each['version']}", sorted({name for one in each["vulns"] for name in (one["id"], *one.get("aliases", ()))}))
        for each in parts if each.get("vulns")
    ]  # fmt: skip
    return vulnerable, unasked, len(parts) - len(unasked)


def _of_npm(answer: Mapping[str, Any]) -> _Read | None:
    if "vulnerabilities" not in answer:
        return None
    vulnerable = [(name, sorted(_ids(each))) for name, each in sorted(answer["vulnerabilities"].items())]
    return vulnerable, [], answer["metadata"]["dependencies"]["prod"]


def _ids(entry: Mapping[str, Any]) -> Iterator[str]:
    for via in entry["via"]:
        yield via if isinstance(via, str) else str(via["url"]).rpartition("/")[2]


def _asked(words: list[str], folder: Path) -> dict[str, Any] | None:
    """The JSON that a tool printed; None: it printed none."""
    # npm stands beside this interpreter.
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(
            words, cwd=folder, env=os.environ | path, capture_output=True, text=True, timeout=AUDIT_WAIT_S, check=False
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def ask_databases(root: Path) -> Audited:
    """Ask about everything that the locks of the tree at `root` name for a running service."""
    uv = str(root / ".uv" / "bin" / "uv")
    locked = root / "build" / "locked.txt"
    locked.parent.mkdir(exist_ok=True)
    export = [
        uv,
        "export",
        "--frozen",
        "--no-dev",
        "--all-extras",
        "--no-emit-project",
        "--quiet",
        "--output-file",
        str(locked),
    ]
    subprocess.run(export, cwd=root, check=True, capture_output=True)
    tool = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--requirement", str(locked)]
    python = _asked([*tool, "--format", "json", "--progress-spinner", "off", *SLOW_ANSWERS], root)
    npm = _asked(["npm", "audit", "--omit", "dev", "--json"], root / "alerts" / "board")
    accepted = tomllib.loads((root / "docs" / "safety" / "soup.toml").read_text("utf-8"))["accepted"]
    return judged(python, npm, accepted)


if __name__ == "__main__":
    outcome = ask_databases(Path(__file__).parents[2])
    sys.stdout.write("\n".join(outcome.lines) + "\n")
    raise SystemExit(outcome.failed)
