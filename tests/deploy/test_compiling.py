"""The ward is compiled before anything is taken, kept for the next start, and never in the way of those who need it not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.ward.compiled import ENTRIES
from streams.ward.samples import prepare

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: str, **environment: str) -> str:
    """A process of its own, and what it says on stderr."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_a_start_says_that_it_compiles_and_the_next_one_finds_what_was_kept(tmp_path: Path) -> None:
    def compiling() -> str:
        return start("-m", "deploy.compiling", NUMBA_CACHE_DIR=str(tmp_path))

    words = [sys.executable, "-m", "deploy.compiling"]
    with subprocess.Popen(
        words, cwd=ROOT, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        assert first.stderr.readline() == "Compiling the ward, once for this version: some seconds.\n"
        first.kill()  # a machine that lost its power while it compiled

    # What set-up has kept beside the code stands in for a compilation, which takes a quarter of a minute.
    prepare()
    (entry,) = ENTRIES
    (folder,) = tmp_path.iterdir()
    for kept in Path(entry.folder or "").glob(f"*{entry.name}-*.nb[ci]"):
        shutil.copy2(kept, folder)
    assert compiling() == ""

    (code,) = folder.glob("*.nbc")
    code.write_bytes(code.read_bytes()[:1000])
    assert compiling().startswith("Compiling the ward anew: what was kept of it cannot be read (")
    assert compiling() == ""


@pytest.mark.slow
def test_a_start_without_any_folder_to_keep_it_in_watches_all_the_same_and_says_what_helps() -> None:
    said = start("-m", "deploy.compiling", NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator")
    assert said == "Compiling the ward, at every start: there is no folder to keep it in. Set NUMBA_CACHE_DIR to one.\n"


def test_what_an_image_ships_is_found_beside_the_code_without_writing_there() -> None:
    prepare()
    (entry,) = ENTRIES
    beside = ROOT / "streams" / "ward" / "__pycache__"
    assert entry.folder == str(beside), "the tests of this repository keep it beside the code"

    def kept() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in beside.glob("*.nb[ci]")}

    before = kept()
    asks = "from deploy.compiling import compile_ward; from streams.ward.loop import fold_in; compile_ward(print); assert fold_in.stats.cache_hits"
    start("-c", asks, NUMBA_CACHE_LOCATOR_CLASSES="deploy.shipped.ShippedLocator")
    assert kept() == before


@pytest.mark.parametrize("module", ["deploy.cli.app", "streams.forecasts.worker", "streams.forecasts.jobs"])
def test_whoever_watches_nobody_does_not_wait_for_the_compiler(module: str) -> None:
    start("-c", f"import sys, {module}; assert 'numba' not in sys.modules")
