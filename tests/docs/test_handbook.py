"""The handbook: built without the internet, for four readers, with no page that leads nowhere and no block that nobody tries."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from deploy.handbook.links import inside_only
from deploy.handbook.rules_page import rendered_pictures, rendered_rules
from models.tables.limits import LIMITS
from models.tables.rules import RULES
from tests.support.service import ROOT
from tests.support.snippets import as_written, snippets

READERS = ("nurse", "clinician", "install", "integrate")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handbook")
    words = [
        sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file",
        str(ROOT / "deploy" / "handbook" / "mkdocs.yml"), "--site-dir", str(folder),
    ]  # fmt: skip
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_each_reader_has_a_page_that_the_start_leads_to(built: Path) -> None:
    start = (built / "index.html").read_text()
    for reader in READERS:
        assert (built / f"{reader}.html").is_file()
        assert f'href="{reader}.html"' in start


def test_nothing_is_fetched_from_elsewhere(built: Path) -> None:
    fetched = re.compile(
        r'<(?:script|img|iframe)[^>]*\ssrc="(https?:)?//[^"]*"|<link[^>]*rel="(?:stylesheet|preload|icon)"[^>]*href="https?://[^"]*"'
    )
    found = {page.name: hit[0] for page in built.rglob("*.html") if (hit := fetched.search(page.read_text()))}
    assert found == {}


def test_every_picture_is_there(built: Path) -> None:
    missing = [
        f"{page.name}: {source}"
        for page in built.rglob("*.html")
        for source in re.findall(r'<img[^>]*\ssrc="([^"]+)"', page.read_text())
        if not source.startswith("data:") and not (page.parent / source).is_file()
    ]
    assert missing == []


def test_the_page_of_rules_is_what_the_tables_say_and_names_every_rule() -> None:
    page = (ROOT / "docs" / "rules.md").read_text()
    assert page == rendered_rules(), "make schema"
    drawn = {file.name: file.read_text() for file in (ROOT / "docs" / "images" / "rules").glob("*.svg")}
    assert drawn == rendered_pictures(), "make schema"
    assert [name for name in RULES if f"`{name}`" not in page] == []
    assert [limit.name for limit in LIMITS if limit.source not in page] == []


@pytest.mark.parametrize("reader", READERS)
def test_every_block_of_a_readers_page_is_run_or_says_why_not(reader: str) -> None:
    blocks = snippets(ROOT / "docs" / f"{reader}.md")
    tried = {"install": {"sh", "toml"}, "integrate": {"sh", "python", "json", "text"}}.get(reader, set())
    assert [f"{reader}.md:{each.line}" for each in blocks if each.kind not in tried and not each.not_run] == []


def test_links_to_code_become_its_path() -> None:
    text = "[a row](../models/tables/limits.py) [`x.py`](../../deploy/x.py) [there](paging.md#when) [web](https://a.example/b) [it holds](../../tests/test_a.py)"
    assert inside_only(text, PurePosixPath()) == (
        "a row (`models/tables/limits.py`) `deploy/x.py` [there](paging.md#when) [web](https://a.example/b) it holds"
    )


def test_what_a_block_prints_is_compared_and_an_ellipsis_is_anything() -> None:
    assert as_written('{"a": 1, "at": "now"}', '{"a": 1, "at": "…"}', "json")
    assert not as_written('{"a": 2, "at": "now"}', '{"a": 1, "at": "…"}', "json")
    assert not as_written('{"a": 1, "b": 2}', '{"a": 1}', "json")
    assert as_written("taken in 3 s\n", "taken in … s", "text")
    assert not as_written("refused", "taken", "text")
