"""The bill of materials: valid CycloneDX, in the wheel, and exactly what the locks name and the wheel's environment has."""

from __future__ import annotations

import copy
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.supply.sbom import BOM_NAME, OURS, rendered_sbom
from tests.support.wheel import ROOT, UV, InstalledWheel, installed, said

__all__ = ["installed"]
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(rendered_sbom(ROOT))
    return document


def listed(bill: dict[str, Any], kind: str) -> set[tuple[str, str]]:
    return {(each["name"], each["version"]) for each in bill["components"] if each["purl"].startswith(f"pkg:{kind}/")}


def test_it_is_valid_cyclonedx(bill: dict[str, Any]) -> None:
    """The addresses of files are all made alike, and each takes the validator a twentieth of a second: a few are enough."""
    bill = copy.deepcopy(bill)
    for each in [each for each in bill["components"] if "externalReferences" in each][5:]:
        del each["externalReferences"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None


def test_it_lists_the_python_packages_that_uv_would_install(bill: dict[str, Any]) -> None:
    """uv's own reading of its lock, with every extra and no developer's tool."""
    exported = said(
        str(UV), "export", "--frozen", "--no-dev", "--all-extras", "--no-emit-project", "--no-hashes", "--no-annotate",
        "--no-header", "--quiet",
    )  # fmt: skip
    assert listed(bill, "pypi") == set(re.findall(r"^([\w.-]+)==([^\s;]+)", exported, re.MULTILINE))


def test_it_lists_the_npm_packages_that_npm_would_put_into_the_board(bill: dict[str, Any]) -> None:
    """npm's own reading of its lock."""
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    words = ("npm", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only", "--offline")
    theirs = json.loads(said(*words, cwd=ROOT / "alerts" / "board", more={"PATH": path}))
    assert {each["purl"] for each in bill["components"] if each["purl"].startswith("pkg:npm/")} == {
        each["purl"] for each in theirs["components"]
    }


def test_everything_listed_can_be_fetched_and_compared_by_its_hash(bill: dict[str, Any]) -> None:
    def hashes(each: dict[str, Any]) -> list[str]:
        files = each.get("externalReferences", [])
        return [one["content"] for part in (each, *files) for one in part.get("hashes", [])]

    assert [each["purl"] for each in bill["components"] if not hashes(each)] == []


def test_every_dependency_that_is_named_is_listed(bill: dict[str, Any]) -> None:
    refs = {each["bom-ref"] for each in bill["components"]} | {OURS}
    named = {ref for each in bill["dependencies"] for ref in (each["ref"], *each["dependsOn"])}
    assert named == refs, "each has its line, and nothing hangs in the air"
    needed = {ref for each in bill["dependencies"] for ref in each["dependsOn"]}
    assert needed == refs - {OURS}, "nothing is listed that nobody needs"


def test_the_wheel_has_it_and_its_environment_has_nothing_else(bill: dict[str, Any], installed: InstalledWheel) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(f".dist-info/sboms/{BOM_NAME}")]
        assert json.loads(archive.read(name)) == bill
    ask = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
    found = json.loads(said(str(installed.bin / "python"), "-c", ask, cwd=installed.home))
    there = {(re.sub(r"[-_.]+", "-", each).lower(), version) for each, version in found}
    assert there - {(OURS, version) for name, version in there if name == OURS} - listed(bill, "pypi") == set()


def test_a_wheel_without_the_board_is_refused(tmp_path: Path) -> None:
    from deploy.supply.wheel_hook import WheelHook

    hook = WheelHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel")  # type: ignore[arg-type]  # asks for no build
    with pytest.raises(FileNotFoundError, match=r"the board is not built.*make wheel"):
        hook.initialize("standard", {"sbom_files": []})
    hook.initialize("editable", {"sbom_files": []})
