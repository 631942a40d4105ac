"""A post in disorder: each sender's own samples decide, however many senders there are, and it costs one sort."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from types import FrameType
from typing import Any

import pytest

from models.instants import SECOND
from streams.intake.order import CLOCK_STEPS, LATE_SHARE
from streams.intake.post import arranged
from streams.journal.frame import Sample

START_US = 1_770_000_000 * SECOND


def sample(device: int, at_us: int) -> Sample:
    return Sample(at_us, ("main", None, None, f"d{device}", None), b"", None, None, None, None)


def goes_back(records: Sequence[Any]) -> bool:
    """The same in words: over all senders, more steps back than clocks and a few late lines make, or than there are steps on."""
    own: dict[str | None, list[int]] = defaultdict(list)
    for record in records:
        own[record.origin[3]].append(record.at_us)
    steps = [after - before for times in own.values() for before, after in pairwise(times)]
    back, moves = sum(step < 0 for step in steps), sum(step != 0 for step in steps)
    return not (back <= max(CLOCK_STEPS, LATE_SHARE * len(steps)) and 2 * back <= moves)


@pytest.mark.parametrize("seed", range(40))
def test_a_post_is_arranged_where_its_senders_own_samples_go_back_and_only_there(seed: int) -> None:
    rng = Random(seed)
    at = [START_US + n * SECOND for n in range(60)]
    devices = [rng.randrange(1 + seed % 6) for _ in at]
    if seed % 4 == 1:
        at.reverse()
    elif seed % 4 == 2:
        rng.shuffle(at)
    elif seed % 4 == 3:
        for _ in range(rng.randrange(12)):
            at[rng.randrange(60)] -= rng.randrange(40) * SECOND
    post = [sample(device, at_us) for device, at_us in zip(devices, at, strict=True)]
    found = arranged(post)
    if goes_back(post):
        assert sorted(found, key=repr) == sorted(post, key=repr)
        assert not goes_back(found)
    else:
        assert found is post


def test_a_post_of_a_gateway_costs_no_more_for_each_device_behind_it() -> None:
    def costs(devices: int) -> int:
        post = [sample(n % devices, START_US + (n // devices) * SECOND - (n % 7 == 0) * SECOND) for n in range(2000)]
        calls = 0

        def count(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            arranged(post)
        finally:
            sys.setprofile(None)
        return calls

    assert 4 * costs(1000) < 5 * costs(2), "calls, not seconds: the same on every machine"
