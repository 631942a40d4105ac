"""What the board's browser tests share: one full clinic, and which tests run in one process because they share a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.clinics import CHAIRS, clinic_of, fill_the_wall
from tests.support.service import Started

_HERE: Final = Path(__file__).parent
_OF_THE_FULL_CLINIC: Final = ("test_every_page", "test_wall")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share a service and a browser: in two processes they would start them twice."""
    for item in items:
        if item.path.parent == _HERE:
            shared = "full clinic" if item.path.stem in _OF_THE_FULL_CLINIC else item.path.stem
            item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A clinic with twenty chairs, eighteen of them taken, and far more alerts than a wall holds; looked at, never changed."""
    with clinic_of(tmp_path_factory.mktemp("full"), CHAIRS) as process:
        fill_the_wall(process.address)
        yield process
