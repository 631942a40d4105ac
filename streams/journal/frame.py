"""The frame: the unit of the log. Vitals as columns, every other observation beside them, in order of arrival.

`FrameBuilder` packs validated records, `decode` gives back arrays that the ward reads without a loop. A frame carries no
time of its own (the journal stamps it) and its boundaries carry no information: any split of the same observations
means the same.

Format 1: a msgpack list whose numeric columns are raw little-endian buffers (decision 0001). A channel's column is
float32 where that is exact and float64 where it is not, so a reading comes out as it went in.
Cost: about 2 µs a vitals record to pack, 30 µs to decode a frame of 1,000. Never here: validation, clocks, deduplication.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

import msgpack
import numpy as np
from numpy.typing import NDArray

from models.instants import to_us
from models.tables.channels import CHANNEL_COLUMN, CHANNELS, STATUSES
from models.wire.observations import EVENT, Event, Internal, Vitals

FORMAT: Final = 1
FULL: Final = 1000
"""Samples at which a builder should be sealed: by here the ward's cost per sample has levelled off (bench/speed/ward.py)."""

_STATUS_CODE: Final = {word: code for code, word in enumerate(STATUSES)}


class UnknownFrame(ValueError):
    """The payload is not a frame of a format that this version reads."""


class NewerFrame(UnknownFrame):
    """The frame was written by a later version, which can read it: not the frame is at fault but this process."""


class Origin(NamedTuple):
    """Where a sample says it comes from; what is absent is None."""

    site: str
    session: str | None
    patient: str | None
    device: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, decoded. n samples, C channels in the order of `models.tables.channels.CHANNELS`.

    origins: distinct origins. origin: (n,) index into them. at_us: (n,) the sender's instants.
    values: (n, C) in the channels' units, NaN where there is no reading. status: (n, C) index into `STATUSES`.
    keys: (n,) hash of the sender's idempotency key, 0 where there is none.
    authors: sample → who entered it, where a person did, and the sender's own id of the entry if it has one.
    events: (position, record), position = number of samples before it.
    """

    origins: tuple[Origin, ...]
    origin: NDArray[np.int64]
    at_us: NDArray[np.int64]
    values: NDArray[np.float64]
    status: NDArray[np.uint8]
    keys: NDArray[np.uint64] | None
    authors: dict[int, tuple[str, str | None]]
    events: tuple[tuple[int, Event | Internal], ...]

    def __len__(self) -> int:
        return len(self.at_us) + len(self.events)


def key_hash(text: str) -> int:
    """A 64-bit hash of an idempotency key, the same on every machine; never 0, which means "no key"."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


class FrameBuilder:
    """Collects records in order of arrival; `seal` packs them and starts anew."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._origins: dict[Origin, int] = {}
        self._origin: list[int] = []
        self._at: list[int] = []
        self._rows: list[tuple[float | None, ...]] = []
        self._status: list[tuple[int, int, int]] = []
        self._keys: list[tuple[int, int]] = []
        self._authors: list[tuple[int, str] | tuple[int, str, str]] = []
        self._events: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._at) + len(self._events)

    def add(self, record: Vitals | Event | Internal) -> None:
        """Take one record; the order of calls is the order of arrival."""
        if not isinstance(record, Vitals):
            self._events.append((len(self._at), record.model_dump_json(exclude_none=True).encode()))
            return
        row = len(self._at)
        origin = Origin(record.site, record.session, record.patient, record.device, record.source)
        self._origin.append(self._origins.setdefault(origin, len(self._origins)))
        self._at.append(to_us(record.at))
        self._rows.append(
            (record.hr, record.pulse, record.rr, record.spo2, record.sbp, record.dbp, record.map, record.etco2,
             record.temp, record.tcco2)
        )  # fmt: skip
        if record.status:
            self._status.extend((row, CHANNEL_COLUMN[name], _STATUS_CODE[word]) for name, word in record.status.items())
        if record.id is not None:
            self._keys.append((row, key_hash(record.id)))
        if record.by is not None:
            self._authors.append((row, record.by) if record.id is None else (row, record.by, record.id))

    def seal(self) -> bytes:
        """The frame's bytes. The builder is empty afterwards. An empty frame is a tick."""
        values = np.array(self._rows, dtype=np.float64).reshape(len(self._rows), len(CHANNELS))
        columns = []
        for column in np.flatnonzero(~np.isnan(values).all(axis=0)).tolist():
            exact = values[:, column]
            with np.errstate(over="ignore"):
                short = exact.astype("<f4")
            fits = np.array_equal(short.astype(np.float64), exact, equal_nan=True)
            columns.append((column, fits, (short if fits else exact.astype("<f8")).tobytes()))
        payload: bytes = msgpack.packb(
            (
                FORMAT,
                len(self._at),
                tuple(self._origins),
                np.array(self._origin, dtype="<u4").tobytes(),
                np.array(self._at, dtype="<i8").tobytes(),
                columns,
                self._status,
                self._keys,
                self._authors,
                self._events,
            )
        )
        self._clear()
        return payload


def decode(payload: bytes) -> Frame:
    """The frame of `payload`.

    Raises:
        UnknownFrame: not a frame, or of a format that this version does not read.
    """
    try:
        version, *parts = msgpack.unpackb(payload, use_list=False, strict_map_key=False)
        if isinstance(version, int) and version > FORMAT:
            raise NewerFrame(f"frame format {version}; this version reads {FORMAT}")
        if version != FORMAT:
            raise UnknownFrame(f"frame format {version!r}; this version reads {FORMAT}")
        count, origins, origin, at_us, columns, statuses, keyed, authors, events = parts
        values = np.full((count, len(CHANNELS)), np.nan)
        for column, short, buffer in columns:
            values[:, column] = np.frombuffer(buffer, "<f4" if short else "<f8")
        status = np.zeros((count, len(CHANNELS)), np.uint8)
        for row, column, code in statuses:
            status[row, column] = code
        keys = None
        if keyed:
            keys = np.zeros(count, np.uint64)
            for row, key in keyed:
                keys[row] = key
        return Frame(
            origins=tuple(Origin(*fields) for fields in origins),
            origin=np.frombuffer(origin, "<u4").astype(np.int64),
            at_us=np.frombuffer(at_us, "<i8"),
            values=values,
            status=status,
            keys=keys,
            authors={row: (by, sent[0] if sent else None) for row, by, *sent in authors},
            events=tuple((position, EVENT.validate_json(text)) for position, text in events),
        )
    except UnknownFrame:
        raise
    except (ValueError, TypeError, IndexError, msgpack.UnpackException) as wrong:
        raise UnknownFrame(f"not a frame: {wrong}") from wrong
