"""Commands and snippets of a page: its fenced blocks in order, and a run of them as somebody would who copies each one.

A block in `sh` or `python` is run; one in `json` or `text` after it is what it must have printed, where `…` stands for anything.
One that is not run has its reason in a comment on the line before: `<!-- not run: why -->`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

BLOCK: Final = re.compile(
    r"(?:<!-- not run: (?P<why>[^>]+?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
RUN: Final = ("sh", "python")
PRINTED: Final = ("json", "text")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block: its language, its text, the line that it begins on, and why it is not run, if it is not."""

    kind: str
    text: str
    line: int
    not_run: str


def snippets(page: Path) -> list[Snippet]:
    """Every fenced block of a page."""
    text = page.read_text("utf-8")
    return [
        Snippet(found["kind"], found["text"], text.count("\n", 0, found.start()) + 1, found["why"] or "")
        for found in BLOCK.finditer(text)
    ]


def as_written(printed: str, expected: str, kind: str) -> bool:
    """Whether a block has printed what the page says; `…` stands for anything."""
    if kind == "json":
        return _same(json.loads(printed), json.loads(expected))
    pattern = "(?s)" + ".*".join(map(re.escape, expected.strip().split("…")))
    return re.fullmatch(pattern, printed.strip()) is not None


def _same(found: Any, expected: Any) -> bool:
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(_same(found[name], expected[name]) for name in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    return bool(found == expected)


class Shell:
    """A person's shell, in which one block is run after the other: variables stay. A command that fails ends it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, dict(environment)
        self._before = ""

    def run(self, kind: str, text: str) -> subprocess.CompletedProcess[str]:
        """Run one block; variables of those before it are set anew by what they were."""
        if kind == "python":
            words = [sys.executable, "-c", text]
        else:
            kept = self._folder / ".variables"
            words = [
                "bash",
                "-c",
                f"set -euo pipefail; {self._before}\n{text}\ndeclare -p now backup token 2>/dev/null > {kept} || true",
            ]
        done = subprocess.run(
            words, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )
        kept = self._folder / ".variables"
        if kept.exists():
            self._before = kept.read_text()
        return done
