"""What comes in, fuzzed for some examples of each way; `make prove-fuzz` goes on for ten minutes."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from bench.fuzz import WAYS_IN, WayIn, all_accounted, mllp_holds, round_of
from models.wire.hl7 import BEGIN, END
from streams.intake.json import read_packable

EXAMPLES = 40


@pytest.mark.parametrize("way", WAYS_IN, ids=[way.name for way in WAYS_IN])
def test_whatever_comes_in_is_accounted_for(way: WayIn) -> None:
    assert round_of(way, 1, EXAMPLES) >= EXAMPLES


def test_a_way_in_that_breaks_is_found() -> None:
    def breaks(content: bytes) -> None:
        assert b"\x1c" not in content

    with pytest.raises(AssertionError):
        round_of(WayIn("broken", st.binary(max_size=200), breaks), 1, 2000)


def test_a_line_that_is_lost_is_noticed() -> None:
    reading = read_packable([b'{"kind": "vitals"}', b"{}"])
    all_accounted(reading, 2)
    with pytest.raises(AssertionError):
        all_accounted(reading, 3)


def test_frames_between_noise_have_an_answer_each() -> None:
    mllp_holds(b"noise" + BEGIN + b"MSH|" + END + b"\x00" + BEGIN + b"" + END + BEGIN + b"cut")
