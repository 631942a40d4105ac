"""History: what the journal holds of a site's recent vitals, as points per session and channel.

The journal is the history: nothing is written twice. Reading it back costs some 20 µs a frame, so one pass serves every
session of the site and is kept for a few seconds, because a board that opens asks for all its chairs at once.
Never here: what is trusted; a plot shows what the device said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from models.instants import MINUTE
from models.tables.channels import CHANNEL_NAMES
from models.wire.live import SERIES_MINUTES, Series
from streams.journal.frame import Origin, decode
from streams.journal.journal import JournalReader

MAX_POINTS: Final = 600
"""Points a channel at most: more than a sparkline has pixels."""
PASS_VALID_US: Final = 5_000_000
"""Microseconds for which a pass is kept."""


class VitalsHistory:
    """Recent vitals of the sessions that are open now.

    Args:
        row_of: whose row an origin's samples belong to, and the instant up to which they are about somebody before.
        stamped: whether the journal's stamps are near the senders' time, as they are but on the observed clock.
    """

    def __init__(
        self, journal: JournalReader, row_of: Callable[[Origin], tuple[int, int] | None], *, stamped: bool = True
    ) -> None:
        self._journal = journal
        self._stamped = stamped
        self._row_of = row_of
        self._pass: dict[int, tuple[int, dict[int, Series]]] = {}

    def series(self, row: int, minutes: int, now_us: int) -> Series:
        """The last `minutes` of one session's channels, thinned to `MAX_POINTS`."""
        minutes = max(1, min(minutes, SERIES_MINUTES))
        made_us, found = self._pass.get(minutes, (-PASS_VALID_US, {}))
        if not 0 <= now_us - made_us < PASS_VALID_US:
            found = self._read(minutes, now_us)
            self._pass = {minutes: (now_us, found)}
        return found.get(row, {})

    def _read(self, minutes: int, now_us: int) -> dict[int, Series]:
        since_us = now_us - minutes * MINUTE
        # On the observed clock the journal's stamps say nothing of the senders' time: look through all of it.
        offset = self._journal.offset_since(since_us) if self._stamped else 0
        columns: dict[tuple[int, int], list[tuple[int, float]]] = {}
        while entries := self._journal.read(offset, 2000):
            offset = entries[-1].offset + 1
            for entry in entries:
                frame = decode(entry.payload)
                if not len(frame.at_us):
                    continue
                owners = np.array([self._row_of(origin) or (-1, 0) for origin in frame.origins])
                row_of_sample, after_us = owners[frame.origin].T
                row_of_sample = np.where(frame.at_us > np.maximum(after_us, since_us), row_of_sample, -1)
                samples, channels = np.nonzero(~np.isnan(frame.values) & (row_of_sample >= 0)[:, None])
                at_ms = frame.at_us[samples] // 1000
                for row, channel, at, value in zip(
                    row_of_sample[samples].tolist(), channels.tolist(), at_ms.tolist(),
                    frame.values[samples, channels].tolist(), strict=True,
                ):  # fmt: skip
                    columns.setdefault((row, channel), []).append((at, value))
        found: dict[int, Series] = {}
        for (row, channel), points in columns.items():
            points.sort()
            found.setdefault(row, {})[CHANNEL_NAMES[channel]] = points[:: max(1, -(-len(points) // MAX_POINTS))]
        return found
