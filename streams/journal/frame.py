"""The frame: the unit of the log. Vitals as columns, every other observation beside them, in order of arrival.

`FrameBuilder` collects records into a `Frame`, `pack_frame` gives its bytes, `decode` the `Frame` of such bytes: arrays that the
ward reads without a loop. A frame carries no time of its own (the journal stamps it) and its boundaries carry no
information: any split of the same observations means the same.

Format 2: a msgpack list whose numeric parts are raw little-endian buffers (decision 0001). Channels and statuses are named
once a frame, never numbered, so that a row put anywhere into `models/tables/channels.py` changes the meaning of no frame;
a name that the table does not have is left out and counted. A channel's readings are float32 where that is exact and
float64 where it is not, so a reading comes out as it went in.
Format 1 numbered both by their places in the tables of its day, which are kept here for good (`CHANNELS_1`, `STATUSES_1`).
Cost: 0.6 µs a sample to pack, 6 µs and 0.03 µs a sample to decode. Never here: validation, clocks, deduplication.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from math import nan
from operator import attrgetter
from struct import Struct
from typing import Any, Final, NamedTuple, get_args

import msgpack
import msgspec
import numpy as np
from numpy.typing import NDArray

from models.instants import to_us
from models.tables.channels import CHANNEL_COLUMN, CHANNEL_NAMES, CHANNELS, STATUSES, ChannelName
from models.wire.observations import Event, Internal, Record, Vitals, correction_of, journaled

FORMAT: Final = 2
FULL: Final = 1000
"""Samples at which a builder should be sealed: by here a frame costs little beside its samples (bench/speed/ward.py)."""

CHANNELS_1: Final = ("hr", "pulse", "rr", "spo2", "sbp", "dbp", "map", "etco2", "temp", "tcco2")
"""What the channel numbers of format 1 mean. Never to be changed: journals hold them."""
STATUSES_1: Final = ("ok", "probe-off", "artefact", "cuff-failed", "off")
"""What the status numbers of format 1 mean. Never to be changed either."""

_I8, _U4, _U8, _F4, _F8 = (np.dtype(kind) for kind in ("<i8", "<u4", "<u8", "<f4", "<f8"))

_encode = msgspec.msgpack.Encoder().encode

_STATUS_CODE: Final = {word: code for code, word in enumerate(STATUSES)}

_READ = Vitals.model_fields.keys() - Record.model_fields.keys() - {"kind", "device", "status", "by"}
"""The fields of a line that must be channels: of any other a frame would lose what was sent."""
if not set(get_args(ChannelName)) == set(CHANNEL_NAMES) == _READ:
    raise TypeError(
        f"models/tables/channels.py has the channels {CHANNEL_NAMES}, its `ChannelName` has {get_args(ChannelName)}, and "
        f"`Vitals` of models/wire/observations.py lacks {sorted(set(CHANNEL_NAMES) - _READ)} and has "
        f"{sorted(_READ - set(CHANNEL_NAMES))} besides: a channel is a row and a name there and a field here"
    )


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


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One vitals sample, ready for a frame: what `sample_of` makes of a record and `streams/intake/samples.py` of a line.

    A msgspec struct because one is made of every sample that comes in: a dataclass takes five times as long to make.

    at_us: the sender's instant. origin: the fields of `Origin`. values: float64s packed in the order of the channels'
    table, NaN where there is no reading. status: channel → what the device says of it. id: the sender's idempotency key.
    by: who entered it, if a person did. received_us: when a recording says that it became known, if it does.
    """

    at_us: int
    origin: tuple[str, str | None, str | None, str | None, str | None]
    values: bytes
    status: dict[ChannelName, str] | None
    id: str | None
    by: str | None
    received_us: int | None

    @property
    def site(self) -> str:
        return self.origin[0]


SAMPLE_VALUES: Final = Struct(f"{len(CHANNELS)}d")
"""A sample's `values`."""

Packable = Sample | Vitals | Event | Internal
"""What a frame takes."""

_origin = attrgetter(*Origin._fields)
_readings = attrgetter(*CHANNEL_NAMES)


def sample_of(record: Vitals) -> Sample:
    """A validated vitals record as a sample."""
    values = SAMPLE_VALUES.pack(*(nan if value is None else value for value in _readings(record)))
    received_us = None if record.received_at is None else to_us(record.received_at)
    return Sample(to_us(record.at), _origin(record), values, record.status, record.id, record.by, received_us)  # type: ignore[arg-type]  # a status is one of those that the record allows


class Frame(msgspec.Struct, frozen=True):
    """A frame as arrays. n samples, C channels in the order of `models.tables.channels.CHANNELS`. A struct as `Sample` is.

    origins: distinct origins. origin: (n,) index into them. at_us: (n,) the sender's instants.
    values: (n, C) in the channels' units, NaN where there is no reading. status: (n, C) index into `STATUSES`.
    keys: (n,) hash of the sender's idempotency key, 0 where there is none.
    authors: sample → who entered it, where a person did, and the sender's own id of the entry if it has one.
    events: (position, record), position = number of samples before it.
    unknown: how many readings and statuses were left out because the channels' table does not have what they name.
    decoded: `decode` has made its arrays, which are whole and of the types above; those of others may be parts of larger ones.
    """

    origins: tuple[Origin, ...]
    origin: NDArray[np.int64]
    at_us: NDArray[np.int64]
    values: NDArray[np.float64]
    status: NDArray[np.uint8]
    keys: NDArray[np.uint64] | None
    authors: dict[int, tuple[str, str | None]]
    events: tuple[tuple[int, Event | Internal], ...]
    unknown: int = 0
    decoded: bool = False

    def __len__(self) -> int:
        return len(self.at_us) + len(self.events)


def key_hash(text: str) -> int:
    """A 64-bit hash of an idempotency key, the same on every machine; never 0, which means "no key"."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


class FrameBuilder:
    """Collects records in order of arrival; `frame` or `seal` give what was collected, and it starts anew."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._events: list[tuple[int, Event | Internal]] = []

    def __len__(self) -> int:
        return len(self._samples) + len(self._events)

    def add(self, record: Packable) -> None:
        """Take one record; the order of calls is the order of arrival."""
        if isinstance(record, Sample):
            self._samples.append(record)
        elif isinstance(record, Vitals) and record.replaces is None:
            self._samples.append(sample_of(record))
        elif isinstance(record, Vitals):
            self._events.append((len(self._samples), correction_of(record)))
        else:
            self._events.append((len(self._samples), record))

    def extend(self, records: Iterable[Packable]) -> None:
        """Take several records."""
        take = self._samples.append
        for record in records:
            if isinstance(record, Sample):
                take(record)
            else:
                self.add(record)

    def frame(self) -> Frame:
        """What was collected, as arrays. The builder is empty afterwards."""
        samples, events = self._samples, tuple(self._events)
        self._samples, self._events = [], []
        count = len(samples)
        places: dict[tuple[str | None, ...], int] = {}
        origin = [places.setdefault(sample.origin, len(places)) for sample in samples]
        readings = bytearray().join([sample.values for sample in samples])
        status = np.zeros((count, len(CHANNELS)), np.uint8)
        for row, said in [(row, sample.status) for row, sample in enumerate(samples) if sample.status]:
            for name, word in said.items():
                status[row, CHANNEL_COLUMN[name]] = _STATUS_CODE[word]
        ids = [sample.id for sample in samples]
        hashes = [0 if sent_id is None else key_hash(sent_id) for sent_id in ids] if ids.count(None) < count else None
        return Frame(
            origins=tuple([Origin._make(each) for each in places]),
            origin=np.array(origin, np.int64),
            at_us=np.array([sample.at_us for sample in samples], np.int64),
            values=np.frombuffer(readings, np.float64).reshape(count, len(CHANNELS)),
            status=status,
            keys=None if hashes is None else np.array(hashes, np.uint64),
            authors={row: (sample.by, sample.id) for row, sample in enumerate(samples) if sample.by is not None},
            events=events,
        )

    def seal(self) -> bytes:
        """The bytes of what was collected. The builder is empty afterwards. An empty frame is a tick."""
        return pack_frame(self.frame())


def frame_of(records: Iterable[Packable]) -> Frame:
    """Records as one frame."""
    builder = FrameBuilder()
    builder.extend(records)
    return builder.frame()


def frames_of(records: Iterable[Packable]) -> Iterator[Frame]:
    """Records as frames of `FULL`, the last one perhaps smaller."""
    coming = iter(records)
    while len(frame := frame_of(islice(coming, FULL))):
        yield frame


def pack_frame(frame: Frame) -> bytes:
    """The bytes of a frame; `decode` gives it back."""
    values = frame.values
    read = ~np.isnan(values)
    with np.errstate(over="ignore"):
        short = values.astype(_F4)
    used, exact = read.any(axis=0), ((short == values) | ~read).all(axis=0)
    shorts, longs = np.flatnonzero(used & exact), np.flatnonzero(used & ~exact)
    return _encode(
        (
            FORMAT,
            [_encode(origin) for origin in frame.origins],
            frame.origin.astype(_U4).tobytes(),
            frame.at_us.astype(_I8).tobytes(),
            [CHANNEL_NAMES[column] for column in shorts],
            short[:, shorts].tobytes(),
            [CHANNEL_NAMES[column] for column in longs],
            values[:, longs].astype(_F8).tobytes(),
            list(_statuses(frame.status)),
            b"" if frame.keys is None else frame.keys.astype(_U8).tobytes(),
            [(row, by, sent_id) for row, (by, sent_id) in frame.authors.items()],
            [(position, record.model_dump_json(exclude_none=True).encode()) for position, record in frame.events],
        )
    )


def _statuses(status: NDArray[np.uint8]) -> Iterator[tuple[str, str, bytes]]:
    """Channel, status, and the samples that have it."""
    if not status.any():
        return
    for column in np.flatnonzero(status.any(axis=0)):
        for code in np.unique(status[:, column]):
            if code:
                which = np.flatnonzero(status[:, column] == code)
                yield CHANNEL_NAMES[column], STATUSES[code], which.astype(_U4).tobytes()


def decode(payload: bytes) -> Frame:
    """The frame of `payload`.

    Raises:
        UnknownFrame: not a frame, or of a format that this version does not read.
    """
    try:
        version, *parts = msgpack.unpackb(payload, use_list=False, strict_map_key=False)
        if version == FORMAT:
            return _decode(*parts)
        if version == 1:
            return _decode_1(*parts)
        newer = isinstance(version, int) and version > FORMAT
        raise (NewerFrame if newer else UnknownFrame)(f"frame format {version!r}; this version reads 1 to {FORMAT}")
    except UnknownFrame:
        raise
    except (ValueError, TypeError, IndexError, msgpack.UnpackException) as wrong:
        raise UnknownFrame(f"not a frame: {wrong}") from wrong


def _decode(
    origins: Sequence[bytes], origin: bytes, at_us: bytes,
    short: tuple[str, ...], short_values: bytes, long: tuple[str, ...], long_values: bytes,
    statuses: Sequence[tuple[str, str, bytes]], keys: bytes, authors: Sequence[tuple[int, str, str | None]],
    events: Sequence[tuple[int, bytes]],
) -> Frame:  # fmt: skip
    at = np.frombuffer(bytearray(at_us), _I8)
    count = len(at)
    values = _NOTHING[:count].copy() if count <= FULL else np.full((count, len(CHANNELS)), nan)
    unknown = 0
    if short:
        unknown += _fill(values, short, np.frombuffer(short_values, _F4).reshape(count, len(short)))
    if long:
        unknown += _fill(values, long, np.frombuffer(long_values, _F8).reshape(count, len(long)))
    status = np.zeros((count, len(CHANNELS)), np.uint8)
    for name, word, rows in statuses:
        column, code = CHANNEL_COLUMN.get(name), _STATUS_CODE.get(word)
        which = np.frombuffer(rows, _U4)
        if column is None or code is None:
            unknown += len(which)
        else:
            status[which, column] = code
    return Frame(
        origins=tuple(map(_origin_of, origins)),
        origin=np.frombuffer(origin, _U4).astype(np.int64),
        at_us=at,
        values=values,
        status=status,
        keys=np.frombuffer(keys, _U8).astype(np.uint64) if keys else None,
        authors={row: (by, sent_id) for row, by, sent_id in authors},
        events=tuple([(position, journaled(text)) for position, text in events]),
        unknown=unknown,
        decoded=True,
    )


_NOTHING: Final = np.full((FULL, len(CHANNELS)), nan)


@lru_cache(maxsize=100_000)
def _origin_of(packed: bytes) -> Origin:
    """An origin of its bytes. The same few come again in every frame, so that most are made once."""
    return Origin(*msgpack.unpackb(packed, use_list=False))


@lru_cache(maxsize=1000)
def _places(names: tuple[str, ...]) -> tuple[NDArray[np.intp], slice | NDArray[np.intp], bool]:
    """Which of these columns the table knows, which of its columns they are, and whether it knows all."""
    known = [place for place, name in enumerate(names) if name in CHANNEL_COLUMN]
    columns = [CHANNEL_COLUMN[names[place]] for place in known]
    side_by_side = bool(columns) and columns == list(range(columns[0], columns[0] + len(columns)))
    where = slice(columns[0], columns[-1] + 1) if side_by_side else np.array(columns, np.intp)
    return np.array(known, np.intp), where, len(known) == len(names)


def _fill(values: NDArray[np.float64], names: tuple[str, ...], block: NDArray[Any]) -> int:
    """Put named columns into their places; how many readings have no place."""
    known, columns, all_known = _places(names)
    if all_known:
        values[:, columns] = block
        return 0
    values[:, columns] = block[:, known]
    return int(np.count_nonzero(~np.isnan(np.delete(block, known, axis=1))))


def _decode_1(
    count: int, origins: Sequence[Sequence[Any]], origin: bytes, at_us: bytes, columns: Sequence[tuple[int, bool, bytes]],
    statuses: Iterable[tuple[int, int, int]], keyed: Sequence[tuple[int, int]], authors: Iterable[tuple[Any, ...]],
    events: Sequence[tuple[int, bytes]],
) -> Frame:  # fmt: skip
    """A frame of format 1: its numbers become names, and from there it is a frame as any other."""
    names = tuple(CHANNELS_1[number] for number, _, _ in columns)
    values = [np.frombuffer(buffer, _F4 if short else _F8).astype(_F8) for _, short, buffer in columns]
    keys = np.zeros(count if keyed else 0, _U8)
    for row, key in keyed:
        keys[row] = key
    return _decode(
        [_encode(each) for each in origins], origin, at_us, (), b"", names, np.column_stack(values).tobytes() if values else b"",
        [(CHANNELS_1[number], STATUSES_1[code], np.array([row], _U4).tobytes()) for row, number, code in statuses],
        keys.tobytes(), [(row, by, sent[0] if sent else None) for row, by, *sent in authors], events,
    )  # fmt: skip
