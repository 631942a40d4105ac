"""Retention: the journal's frames are kept for as long as the site says, and no longer than a start needs them.

A frame is deleted once it is older than that and lies below the last checkpoint but one; what it led to stays for ever: alerts,
audit, forecasts, and a session's vitals by the minute. Its room in the file is used again. In small steps, because the journal
waits for each.
Cost: some 30 ms a step of 5,000 frames. Never here: when it is done.
"""

from __future__ import annotations

import time
from typing import Final

from alerts.store.store import Store
from models.instants import DAY
from streams.journal.journal import SqliteJournal
from streams.shard import SHARD_FORMAT

FORGET_EVERY_S: Final = 600.0
"""How often it is looked for. Chosen by us: so each look finds some ten minutes of frames, a step that nobody notices."""
PAUSE_S: Final = 0.2
"""Between two steps, so that whoever waits to append goes first."""


def delete_old_frames(
    journal: SqliteJournal, store: Store, shard: int, now_us: int, raw_days: int, pause_s: float = PAUSE_S
) -> int:
    """Delete the frames that are kept no longer; how many. Takes as long as it takes: for a thread."""
    needed, gone = store.second_checkpoint(shard, SHARD_FORMAT), 0
    while step := journal.prune(now_us - raw_days * DAY, needed):
        gone += step
        time.sleep(pause_s)
    if gone:
        store.prune_checkpoints(shard, journal.first_offset)
    return gone
