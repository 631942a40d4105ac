"""The capnographs' table: what it assumes of a make, and that the wire knows each by its name."""

from __future__ import annotations

from typing import get_args

from models.tables.capnographs import CAPNOGRAPH_OF, CAPNOGRAPHS, CAUTIOUS
from models.wire.observations import CapnographName


def test_every_make_has_a_name_that_the_wire_takes() -> None:
    assert get_args(CapnographName) == tuple(CAPNOGRAPH_OF)


def test_no_make_is_more_cautious_than_the_one_of_which_nothing_is_known() -> None:
    for make in CAPNOGRAPHS:
        assert make.still_s >= CAUTIOUS.still_s, make.name
        assert make.rate_back_s >= CAUTIOUS.rate_back_s, make.name
        assert make.held_s >= CAUTIOUS.held_s, make.name


def test_every_make_has_its_source() -> None:
    assert all(make.source for make in CAPNOGRAPHS)
