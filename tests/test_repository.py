"""The repository keeps its shape: four packages, one direction, one lock, a command for everything."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"models", "streams", "alerts", "deploy"}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())

PURE = (
    "models.*", "streams.journal.frame", "streams.shard", "streams.ward.*", "alerts.desk.*", "alerts.effects",
    "streams.forecasts.cache", "streams.forecasts.jobs", "streams.forecasts.pages", "streams.hosts.replay",
    "streams.intake.json",
)  # fmt: skip
"""State and input in, new state and effects out: whole folders, and the files between them."""


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return listed.stdout.splitlines()


def modules() -> set[str]:
    files = (path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {
        ".".join(file.with_suffix("").parts).removesuffix(".__init__")
        for file in files
        if "node_modules" not in file.parts
    }


ONE_NAME_IN_MANY_MODULES = {
    "log": "each module that logs has its own logger, as the logging module asks",
    "main": "`deploy.cli.main` loads the commands only when it runs, so that importing it costs nothing",
}
"""Public names that several modules may have, each with the reason."""


def public_names(file: Path) -> set[str]:
    """The names that a module defines at its top level and that do not start with an underscore."""
    found: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case _:
                pass
    return {name for name in found if not name.startswith("_")}


def test_a_public_name_means_one_thing_in_the_four_packages() -> None:
    defined: dict[str, list[str]] = {}
    for package in sorted(PACKAGES):
        for file in sorted((ROOT / package).rglob("*.py")):
            if not {"node_modules", "migrations"} & set(file.parts):
                for name in public_names(file):
                    defined.setdefault(name, []).append(str(file.relative_to(ROOT)))
    clashes = {name: files for name, files in defined.items() if len(files) > 1}
    assert {name: files for name, files in clashes.items() if name not in ONE_NAME_IN_MANY_MODULES} == {}
    assert set(ONE_NAME_IN_MANY_MODULES) <= set(clashes), "what no longer clashes needs no exception"


def test_what_a_checker_is_told_to_pass_over_has_its_reason_beside_it() -> None:
    told = re.compile(r"#\s*(?:noqa(?::[\w, ]+?)?|type:\s*ignore(?:\[[\w, -]+\])?)(?=\s*(?:#|-|$)|\s+[a-z])(?P<why>.*)")
    bare = [
        f"{file}:{number}"
        for file in tracked_files()
        if file.endswith(".py") and (ROOT / file).exists()
        for number, line in enumerate((ROOT / file).read_text().splitlines(), 1)
        if (found := told.search(line)) and not re.search(r"[a-zA-Z]{2,}", found["why"])
    ]
    assert bare == []


def test_no_dependency_ships_a_module_that_is_called_like_one_of_ours() -> None:
    clashes = {
        f"{distribution.metadata['Name']}: {file}"
        for distribution in distributions()
        if distribution.metadata["Name"] != "chairside"
        for file in distribution.files or ()
        if file.parts[0].removesuffix(".py") in PACKAGES
    }
    assert clashes == set()


def test_the_distribution_is_four_packages_and_one_command() -> None:
    wheel = SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["packages"]) == PACKAGES
    assert SETTINGS["project"]["scripts"] == {"chairside": "deploy.cli:main"}


def test_the_top_level_holds_the_four_packages_and_what_a_repository_needs() -> None:
    folders = {Path(file).parts[0] for file in tracked_files() if "/" in file}
    files = {file for file in tracked_files() if "/" not in file}
    assert folders <= PACKAGES | {".ci", "bench", "clients", "docs", "tests"}
    assert files <= {
        ".dockerignore", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "docker-compose.yml",
        "pyproject.toml", "uv.lock",
    }  # fmt: skip


def test_every_pure_module_is_under_the_purity_contract() -> None:
    contract = next(
        c for c in SETTINGS["tool"]["importlinter"]["contracts"] if c["name"].startswith("The pure modules")
    )
    covered = contract["source_modules"]
    pure = {module for module in modules() if any(fnmatch(module, pattern) for pattern in PURE)}
    missing = {
        module for module in pure if not any(module == source or module.startswith(f"{source}.") for source in covered)
    }
    assert missing == set(), "add these to source_modules of the purity contract in pyproject.toml"


def test_a_clock_in_a_pure_module_breaks_the_contract(tmp_path: Path) -> None:
    """The contract is worth something only if it fails: plant a violation in a copy and see."""
    for package in sorted(PACKAGES):
        for module in (ROOT / package).rglob("*.py"):
            if "node_modules" not in module.parts:
                copy = tmp_path / module.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(module.read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (tmp_path / "models" / "planted.py").write_text("import time\nimport pathlib\nimport alerts.effects\n")

    linter = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", linter], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert told.returncode == 1, told.stdout + told.stderr
    assert "models.planted -> time" in told.stdout
    assert "models.planted -> pathlib" in told.stdout
    assert "models.planted -> alerts.effects" in told.stdout


@pytest.mark.parametrize(
    ("lock", "address"),
    [("uv.lock", r"\w+://([^/\"]*)"), ("alerts/board/package-lock.json", r'"resolved": "\w+:(?://)?([^/"]*)')],
)
def test_a_lock_names_public_registries_only(lock: str, address: str) -> None:
    if not (ROOT / lock).exists():
        pytest.skip(f"{lock} is not there")
    hosts = set(re.findall(address, (ROOT / lock).read_text()))
    assert hosts <= {"pypi.org", "files.pythonhosted.org", "registry.npmjs.org"}


def test_every_source_that_is_named_by_a_number_is_written_down() -> None:
    named = {
        found
        for file in tracked_files()
        if file.endswith(".py") and Path(file).parts[0] in PACKAGES and (ROOT / file).is_file()
        for found in re.findall(r"\[S\d+\]", (ROOT / file).read_text())
    }
    assert named == set(re.findall(r"^\| (\[S\d+\])", (ROOT / "docs/sources.md").read_text(), re.MULTILINE))


def test_no_merge_was_left_half_done() -> None:
    marker = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
    texts = {
        name: (ROOT / name).read_bytes().decode(errors="replace") for name in tracked_files() if (ROOT / name).is_file()
    }
    assert [name for name, text in texts.items() if marker.search(text)] == []


def test_no_file_names_somebodys_home() -> None:
    home = re.compile(r"(?<![\w.*])/(?:home|root|Users)/\w+")
    told = {
        f"{file}:{number}"
        for file in tracked_files()
        if (ROOT / file).is_file() and (ROOT / file).suffix not in {".png", ".gz", ".svg"}
        for number, line in enumerate((ROOT / file).read_text(errors="replace").splitlines(), 1)
        if home.search(line)
    }
    assert told == set()


def test_make_alone_tells_every_target() -> None:
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.MULTILINE))
    listed = set(re.findall(r"^  make ([a-z-]+)", told, re.MULTILINE))
    assert {"demo", "test", "check", "format", "lint", "types", "contracts", "schema", "board", "bench"} <= listed
    assert targets - listed == {"board-check"}, "a target without a `## description` is not found by anybody"


def test_what_a_test_run_calls_is_what_the_readme_promises() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme
    run = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^make (\w+)", run, re.MULTILINE) == ["check"], "every test once: `check` includes `test`"
    (check,) = re.findall(r"^check: .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    called = [name for line in re.findall(r"\$\(MAKE\)(.*)", check) for name in line.split() if name[0] not in "-$"]
    assert called == ["types", "board-check", "lint", "contracts", "audit", "test"]


def test_the_wheel_holds_the_board_and_none_of_its_sources(tmp_path: Path) -> None:
    if not (ROOT / "alerts/board/dist/index.html").exists():
        pytest.skip("the board is not built: make board")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    assert "alerts/board/dist/index.html" in names
    board = [name for name in names if name.startswith("alerts/board/")]
    assert [name for name in board if not name.startswith("alerts/board/dist/")] == []
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES


def test_the_board_is_installed_from_a_lock() -> None:
    package = ROOT / "alerts/board/package.json"
    if not package.exists():
        pytest.skip("there is no board yet")
    assert {"build", "check"} <= set(json.loads(package.read_text())["scripts"]), "make calls npm run build and check"
    assert "alerts/board/package-lock.json" in tracked_files() or (ROOT / "alerts/board/package-lock.json").exists()


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "SECURITY.md", "docs/README.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Links to files of ours. Pictures are made from the running board and checked in with it."""
    folder = (ROOT / page).parent
    links = re.findall(r"(?<!!)\[[^\]]*\]\((?!https?://)([^)#]+)\)", (ROOT / page).read_text())
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_readme_starts_with_what_this_is_not() -> None:
    first = (ROOT / "README.md").read_text().split("\n\n")[1]
    assert "not a medical device" in first
    assert "monitors" in first
