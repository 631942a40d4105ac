"""Reads what the safety file is made of from a tree: its tables, the tests that there are, dependencies and their versions.

Never here: what any of it means (`safety_file.py`).
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from deploy.supply.safety_file import SafetyFile


def read_safety_file(root: Path) -> SafetyFile:
    """The safety file of the tree at `root`."""
    folder = root / "docs" / "safety"
    return SafetyFile(
        _toml(folder / "hazards.toml"), _toml(folder / "threats.toml"), _toml(folder / "failures.toml"),
        _toml(folder / "soup.toml"), known_tests(root), direct_versions(root),
    )  # fmt: skip


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def known_tests(root: Path) -> dict[str, list[str]]:
    """Name of a test without `test_` → the files that define it, as paths from the root."""
    found: dict[str, list[str]] = {}
    for file in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.setdefault(node.name.removeprefix("test_"), []).append(file.relative_to(root).as_posix())
    return found


def direct_versions(root: Path) -> dict[str, str]:
    """What a running service uses by our own choice → its locked version; of several, all."""
    project = _toml(root / "pyproject.toml")["project"]
    wanted = [*project["dependencies"], *(each for more in project["optional-dependencies"].values() for each in more)]
    names = {re.split(r"[\[<>=!~; ]", each, maxsplit=1)[0] for each in wanted}
    versions: dict[str, list[str]] = {}
    for package in _toml(root / "uv.lock")["package"]:
        if package["name"] in names:
            versions.setdefault(package["name"], []).append(package["version"])
    npm = json.loads((root / "alerts" / "board" / "package-lock.json").read_text("utf-8"))["packages"]
    for name in npm[""].get("dependencies", ()):
        versions[name] = [npm[f"node_modules/{name}"]["version"]]
    return {name: ", ".join(each) for name, each in versions.items()}
