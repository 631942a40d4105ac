"""The ward holds only samples that are near a limit. That is a short cut, and it must be an exact one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alerts.effects import encode
from streams.clinic.clinic import simulate
from streams.intake.json import read_lines
from streams.journal.frame import FrameBuilder
from streams.shard import Shard


def _effects(seed: int, *, short: bool) -> list[str]:
    shard = Shard(0, "observed")
    if not short:
        shard.ward.limits.sets.calm_low[:] = np.inf
    lines = [json.dumps(line).encode() for line in simulate(sessions=6, seed=seed, hours=2, adverse=20).observations()]
    said = []
    for offset, start in enumerate(range(0, len(lines), 400)):
        builder = FrameBuilder()
        for record in read_lines(lines[start : start + 400]).records:
            builder.add(record)
        said += [encode(effect) for effect in shard.step(offset, 0, builder.seal()).effects]
    return said


@pytest.mark.parametrize("seed", [3, 8])
def test_holding_only_what_is_near_a_limit_concludes_the_same_as_holding_everything(seed: int) -> None:
    short, whole = _effects(seed, short=True), _effects(seed, short=False)

    assert short == whole
    assert any('"desaturation"' in line or '"hypertension"' in line for line in short)
