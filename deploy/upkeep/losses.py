"""What a start tells of frames that are lost or damaged and checkpoints that cannot be read, for the journal.

Never here: finding them (streams/journal/journal.py, streams/hosts/embedded.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.instants import EPOCH
from models.wire.observations import Fault, FrameSetAside
from streams.journal.frame import frame_of, pack_frame
from streams.journal.journal import Loss


def told_at_start(site: str, losses: Sequence[Loss], unreadable: Sequence[str]) -> Iterator[FrameSetAside | Fault]:
    """A record for each, which raises an alert."""
    for loss in losses:
        yield _unused(site, loss)
    for which in unreadable:
        yield Fault(at=EPOCH, site=site, what="A checkpoint is damaged, an earlier one served", raised=which)


def in_place_of(site: str, offset: int, reason: str) -> bytes:
    """The frame that stands for a damaged one: it says so."""
    return pack_frame(frame_of([_unused(site, Loss(offset, offset + 1, False, reason))]))


def _unused(site: str, loss: Loss) -> FrameSetAside:
    return FrameSetAside(
        at=EPOCH, site=site, offset=loss.first, until=loss.until, lost=loss.lost, reason=loss.reason[:400]
    )  # fmt: skip
