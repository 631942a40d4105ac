"""The stories: what happens in a treatment and everything that Chairside says of it, whole, as a clinician reads it.

`pytest tests/test_stories.py --update-stories` writes `tests/stories/*.txt` anew; what changed is reviewed as a diff, by
somebody who knows what a nurse would want to hear.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.support.calls  # noqa: F401  # it adds its plays to the others
from tests.support.plays import PLAYS, Stage, interrupted, played

FOLDER = Path(__file__).parent / "stories"


@pytest.fixture(scope="module")
def lived() -> dict[str, tuple[str, Stage]]:
    return {name: played(name) for name in PLAYS}


@pytest.mark.parametrize("name", PLAYS)
def test_chairside_says_what_the_story_says(
    name: str, lived: dict[str, tuple[str, Stage]], request: pytest.FixtureRequest
) -> None:
    told, _ = lived[name]
    path = FOLDER / f"{name}.txt"
    if request.config.getoption("--update-stories"):
        path.write_text(told, "utf-8")
    assert told == path.read_text("utf-8"), (
        "if the new story is the better one: pytest tests/test_stories.py --update-stories"
    )


@pytest.mark.parametrize("name", PLAYS)
def test_a_story_is_the_same_after_a_restart_in_the_middle_of_it(
    name: str, lived: dict[str, tuple[str, Stage]]
) -> None:
    told, stage = lived[name]
    assert interrupted(name, stage) == told


def test_every_story_is_still_played() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(PLAYS)
