"""What the ward thought of each reading, second by second: the quality word that a board would have shown.

The same frames as a replay, save that the seconds asked for come in frames of one sample, and after each the board's own
document (`streams/ward/chairs.py`) is read. Splitting frames changes nothing that comes out; tests of the ward hold it to that.
Cost: some 0.3 ms a second looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.detection.recordings import RENAME
from models.wire.observations import Vitals
from streams.intake.files import read_file
from streams.journal.frame import FULL, FrameBuilder
from streams.shard import Shard


def qualities(path: Path, rows: NDArray[np.bool_], channels: Sequence[str]) -> Mapping[str, list[str]]:
    """The quality word of each channel at each row of a recording; empty where `rows` does not ask for it."""
    shard, builder = Shard(0, "observed"), FrameBuilder()
    words: dict[str, list[str]] = {channel: [""] * len(rows) for channel in channels}

    def step() -> None:
        if len(builder):
            shard.step(shard.next_offset, 0, builder.seal())

    lines = (line for line in read_file(path, RENAME) if isinstance(line, Vitals))
    for row, line in enumerate(lines):
        if row < len(rows) and rows[row]:
            step()
            builder.add(line)
            step()
            (chair,) = shard.chairs(line.site)["chairs"]
            for name, value in chair["values"].items():
                if name in words:
                    words[name][row] = value["quality"]
            continue
        builder.add(line)
        if len(builder) >= FULL:
            step()
    return words
