"""The wheel is all that a clinic needs: installed where nothing of the tree is, it teaches itself and shows the board."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.wheel import PATIENCE_S, ROOT, UV, InstalledWheel, installed, said

__all__ = ["installed"]
pytestmark = pytest.mark.xdist_group("wheel")


def test_the_installed_command_teaches_itself(installed: InstalledWheel) -> None:
    done = installed.run("--help")
    assert done.returncode == 0, done.stderr
    assert "Not a medical device" in done.stdout
    assert "chairside demo" in done.stdout


def test_the_installed_demonstration_shows_the_board_and_its_chairs(installed: InstalledWheel) -> None:
    words = [str(installed.bin / "chairside"), "demo", "--port", "0", "--no-browser", "--speed", "60", "--minutes", "5"]
    process = subprocess.Popen(
        words,
        cwd=installed.home,
        env=installed.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        stream = process.stderr
        assert stream is not None
        before: list[str] = []
        for line in stream:
            before.append(line)
            if found := re.search(r"Board (http://\S+)/ ", line):
                break
        else:
            raise AssertionError("".join(before))
        with httpx.Client(base_url=found[1], timeout=30) as browser:
            page = browser.get("/").text
            scripts = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
            assert scripts
            assert {browser.get(script).status_code for script in scripts} == {200}
            assert {each["patient"][0] for each in browser.get("/v1/chairs").json()["chairs"]} == {"P"}
            assert browser.get("/healthz").json()["ok"] is True
        assert str(ROOT) not in "".join(before)
    finally:
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in rest


def test_what_is_installed_comes_from_the_wheel_and_not_from_the_tree(installed: InstalledWheel) -> None:
    where = said(str(installed.bin / "python"), "-c", "import deploy; print(deploy.__file__)", cwd=installed.home)
    assert Path(where.strip()).is_relative_to(installed.bin.parent)


@pytest.mark.prove
def test_pipx_and_uvx_install_it_from_nothing(tmp_path: Path) -> None:
    """With the registry: `uvx` in a cache of its own, pipx in a home of its own, and the ward compiled anew."""
    (wheel,) = (ROOT / "dist").glob("chairside-*.whl")
    home = {
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
    }
    demo = ("demo", "--no-browser", "--port", "0", "--minutes", "0.1")
    said(str(UV), "tool", "run", "--from", str(wheel), "chairside", *demo, cwd=tmp_path, more=home)
    said(str(UV), "tool", "run", "pipx", "install", str(wheel), cwd=tmp_path, more=home)
    said(str(tmp_path / "bin" / "chairside"), *demo, cwd=tmp_path, more=home)
