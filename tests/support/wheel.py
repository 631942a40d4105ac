"""The wheel as a clinic installs it: built from this tree, put into an environment in which nothing of the tree is.

Dependencies come from the lock and, where they are there, from uv's cache: `make setup` has fetched them, so no registry is
asked. The ward's compiled loop is taken along, since compiling it anew takes ten seconds of a core and is tried elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
UV: Final = ROOT / ".uv" / "bin" / "uv"
PATIENCE_S: Final = 300


@dataclass(frozen=True, slots=True)
class InstalledWheel:
    """`wheel`: the file. `bin`: the folder of the environment's commands. `home`: an empty folder to work in."""

    wheel: Path
    bin: Path
    home: Path

    def environment(self) -> dict[str, str]:
        """This process's, without what would lead to the tree or to another environment."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "UV_"))
        }
        return kept | {"PATH": f"{self.bin}:{os.environ['PATH']}", "COLUMNS": "160"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `chairside` with these words to its end, in the empty folder."""
        return subprocess.run(
            [self.bin / "chairside", *words], cwd=self.home, env=self.environment(), capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip


def built_wheel(folder: Path) -> Path:
    """Build the wheel into a folder."""
    if not (ROOT / "alerts/board/dist/index.html").exists():
        pytest.skip("the board is not built: make board")
    said(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


def said(*words: str, cwd: Path = ROOT, more: dict[str, str] | None = None) -> str:
    """What a command printed; one that fails fails the test with what it said."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **(more or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> InstalledWheel:
    """The wheel, installed."""
    if not UV.exists():
        pytest.skip("there is no uv: make setup")
    folder = tmp_path_factory.mktemp("wheel")
    wheel, environment, home = built_wheel(folder / "dist"), folder / "environment", folder / "home"
    home.mkdir()
    said(str(UV), "venv", "--quiet", "--python", sys.executable, str(environment))
    put_into(environment, wheel)
    return InstalledWheel(wheel, environment / "bin", home)


def _take_along_what_is_compiled(environment: Path) -> None:
    """numba finds it if the source has the same time and size; the lines are the same, since the wheel was built of them."""
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    for compiled in (ROOT / "streams").rglob("__pycache__/*.nb[ci]"):
        beside = packages / compiled.parent.relative_to(ROOT)
        beside.mkdir(exist_ok=True)
        shutil.copy2(compiled, beside)
        for source in compiled.parent.parent.glob("*.py"):
            stamp = source.stat()
            os.utime(packages / source.relative_to(ROOT), ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def put_into(environment: Path, wheel: Path) -> None:
    """Install what the lock names, and the wheel, into an environment that is there."""
    aimed = {
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "VIRTUAL_ENV": str(environment),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    locked: Sequence[str] = ("sync", "--quiet", "--frozen", "--no-dev", "--all-extras", "--no-install-project")
    try:
        said(str(UV), *locked, "--offline", more=aimed)
    except AssertionError:
        said(str(UV), *locked, more=aimed)
    said(str(UV), "pip", "install", "--quiet", "--offline", "--no-deps", str(wheel), more=aimed)
    said(str(UV), "pip", "check", "--quiet", more=aimed)
    _take_along_what_is_compiled(environment)
