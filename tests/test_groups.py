"""Tests that share what is dear (servers, a file's service) run in one process: the tools that divide them see the groups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SIX = """
import os, pytest
pytestmark = pytest.mark.xdist_group("one")

@pytest.mark.parametrize("n", range(6))
def test_it(n):
    with open("ran-by", "a") as said:
        said.write(f"{os.getpid()}\\n")
"""


def test_a_group_runs_in_one_process_of_two(tmp_path: Path) -> None:
    (tmp_path / "test_six.py").write_text(SIX)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:schemathesis",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-p",
        "no:cacheprovider",
        "test_six.py",
    ]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=tmp_path, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    ran_by = (tmp_path / "ran-by").read_text().split()
    assert len(ran_by) == 6
    assert len(set(ran_by)) == 1
