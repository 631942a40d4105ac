"""`python -m bench.planted`: plant one fault at a time in a copy of the tree, and see which test notices.

A fault is caught if a test near it fails. One that survives is a missing test, unless it is said to change nothing: then it must
survive. `--write` puts the table into docs/planted-faults.md. Takes some six seconds a fault, one at a time. Never here: the
tree that it is started from is only read.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from py_compile import PycInvalidationMode
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final, Literal

from bench.figures import write_into
from bench.planted.fault import Fault, Suite
from bench.planted.table import SUITES

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "planted-faults.md"
TREE: Final = ("models", "streams", "alerts", "deploy", "bench", "tests", "docs", "pyproject.toml")
"""What near tests read. The built board and its modules stay behind."""
LEFT: Final = shutil.ignore_patterns("node_modules", "dist", "__pycache__", "images")
BOARD: Final = "alerts/board"
TIMEOUT_S: Final = 300
PATIENCE: Final = 10
"""A fault that makes the tests run for longer than this, and for so many times what they take without it, has been noticed.
Chosen by us: thirty times what they take on a quiet machine; on a busy one nothing that is only slow is taken for noticed."""

Outcome = Literal["caught", "survived", "equivalent", "noticed though equivalent"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a fault, by which test, and how long that took."""

    fault: Fault
    outcome: Outcome
    by: str
    took_s: float


def copied(to: Path) -> None:
    """A copy of the tree, compiled such that a changed source is always seen."""
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=LEFT)
        else:
            shutil.copy(ROOT / name, to / name)
    compileall.compile_dir(to, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)


def with_pages(tree: Path) -> None:
    """Put what the board is built with into a copy of the tree: as links, and a folder of its own for what the tools write."""
    modules = tree / BOARD / "node_modules"
    modules.mkdir()
    for each in (ROOT / BOARD / "node_modules").iterdir():
        if each.name not in {".vite", ".vite-temp", ".vitest"}:
            (modules / each.name).symlink_to(each)
    built(tree)


def built(tree: Path) -> str | None:
    """Build the board of a copy of the tree; None, or that it cannot be built."""
    return None if _in_board(tree, "vite", "build").returncode == 0 else "the board is not built"


def _in_board(tree: Path, *words: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [str(Path("node_modules") / ".bin" / words[0]), *words[1:]]
    return subprocess.run(
        command, cwd=tree / BOARD, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=timeout_s, check=False
    )  # fmt: skip


def noticed_by(
    tree: Path, suite: Suite, timeout_s: float | None = None, near: Sequence[str] | None = None
) -> str | None:
    """The first of these tests, or of a suite's, that fails in this tree; None: all pass. "no end" if they take longer.

    Raises:
        RuntimeError: pytest could not run the tests for another reason than the tree.
    """
    near = suite.all_near if near is None else near
    of_pages = [name for name in near if ".test.ts" in name]
    try:
        for name in of_pages:
            file, _, words = name.partition("::")
            asked = ["run", str(Path(file).relative_to(BOARD)), *(["-t", f"^{re.escape(words)}$"] if words else [])]
            done = _in_board(tree, "vitest", *asked, timeout_s=timeout_s)
            if done.returncode != 0 or "passed" not in done.stdout:
                return name
    except subprocess.TimeoutExpired:
        return "no end"
    rest = [name for name in near if name not in of_pages]
    return _noticed_by_pytest(tree, suite, rest, timeout_s) if rest else None


def _noticed_by_pytest(tree: Path, suite: Suite, near: Sequence[str], timeout_s: float | None) -> str | None:
    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--no-header",
        "--tb=no",
        "--hypothesis-profile=planted",
    ]
    # The same source at the same second and of the same length is another source here: nothing compiled is written.
    surroundings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    if suite.pages:
        surroundings["CHAIRSIDE_TEST_PATIENCE_S"] = "60"  # a browser test that notices has waited for all of it
    if suite.plain:
        surroundings["NUMBA_DISABLE_JIT"] = "1"
    command = [sys.executable, "-m", "pytest", *options, *near]
    try:
        done = subprocess.run(
            command, cwd=tree, env=surroundings, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode == 0:
        return None
    if done.returncode not in {1, 2, 4}:
        raise RuntimeError(done.stdout + done.stderr)
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return found[1] if found else "no test can be read"


def plant(tree: Path, fault: Fault, suite: Suite, timeout_s: float = TIMEOUT_S) -> Result:
    """Plant one fault in a copy of the tree, run the near tests, and take it out again."""
    path = tree / fault.file
    sound = path.read_text()
    path.write_text(fault.planted(sound))
    began_s = perf_counter()
    try:
        broken = built(tree) if suite.pages and not _by_units(fault.near) else None
        by = broken or noticed_by(tree, suite, timeout_s, fault.near or suite.near)
    finally:
        path.write_text(sound)
    outcome: Outcome
    if fault.equivalent:
        outcome = "equivalent" if by is None else "noticed though equivalent"
    else:
        outcome = "survived" if by is None else "caught"
    return Result(fault, outcome, by or "", perf_counter() - began_s)


def _by_units(near: Sequence[str]) -> bool:
    """Whether all of these tests read the board's sources, and none what is built of them."""
    return all(".test.ts" in name for name in near)


def table(suite: Suite, results: Sequence[Result]) -> str:
    """One suite's faults as a Markdown table."""
    lines = [
        f"### {suite.title}",
        "",
        "| fault | file | what it does | outcome | by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in results:
        fault = result.fault
        path, _, test = result.by.partition("::")
        by = f"`{Path(path).name}` {test.replace('_', ' ').removeprefix('test ')}" if path else fault.equivalent
        lines.append(f"| {fault.name} | {fault.file.rpartition('/')[2]} | {fault.why} | {result.outcome} | {by} |")
    return "\n".join(lines)


def summary(results: Sequence[Result]) -> str:
    """How many of those that change behaviour were caught."""
    counted = {
        outcome: sum(result.outcome == outcome for result in results)
        for outcome in ("caught", "survived", "equivalent")
    }
    changing = counted["caught"] + counted["survived"]
    share = counted["caught"] / max(changing, 1)
    return (
        f"{len(results)} faults planted: {counted['caught']} of the {changing} that change behaviour were caught "
        f"({share:.0%}), {counted['equivalent']} change nothing."
    )


def main() -> int:
    """Plant, run, print; 1 if a fault survived that should not, or one was noticed that should change nothing."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.planted", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="faults whose name begins so; may be repeated"
    )
    parser.add_argument("--write", action="store_true", help=f"plant all, and put the table into {PAGE.name}")
    options = parser.parse_args()
    wanted = ("",) if options.write or not options.only else tuple(options.only)
    tables: list[str] = []
    found: list[Result] = []
    with TemporaryDirectory(prefix="planted-") as folder:
        tree = Path(folder)
        copied(tree)
        for suite in SUITES:
            faults = [fault for fault in suite.faults if fault.name.startswith(wanted)]
            if not faults:
                continue
            began_s = perf_counter()
            if suite.pages:
                with_pages(tree)
            asked = [name for fault in faults for name in fault.near or suite.near]
            if (broken := noticed_by(tree, suite, near=list(dict.fromkeys(asked)))) is not None:
                print(f"{suite.title}: {broken} fails without any fault", file=sys.stderr)
                return 2
            timeout_s = max(TIMEOUT_S, PATIENCE * (perf_counter() - began_s))
            results = []
            for fault in faults:
                results.append(plant(tree, fault, suite, timeout_s))
                result = results[-1]
                print(
                    f"{fault.name:5} {result.outcome:10} {result.took_s:5.1f} s  {result.by}",
                    file=sys.stderr,
                    flush=True,
                )
            tables.append(table(suite, results))
            found += results
    when = f"{datetime.now().astimezone():%Y-%m-%d} · Python {platform.python_version()} · `python -m bench.planted --write`"
    text = "\n\n".join([when, summary(found), *tables])
    print(text)
    if options.write:
        write_into(PAGE, text)
    return int(any(result.outcome not in {"caught", "equivalent"} for result in found))


if __name__ == "__main__":
    raise SystemExit(main())
