"""What the board's browser tests share: one full clinic. Files that look at it are in the group "full clinic"."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clinics import CHAIRS, clinic_of, fill_the_wall
from tests.support.service import Started


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A clinic with twenty chairs, eighteen of them taken, and far more alerts than a wall holds; looked at, never changed."""
    with clinic_of(tmp_path_factory.mktemp("full"), CHAIRS) as process:
        fill_the_wall(process.address)
        yield process
