"""The bytes of an hour of a session's vitals by the minute: added to each minute, read for years.

One block of all channels and minutes that have a reading, the first bytes of all numbers, then the second ones: vitals differ in
few of them, so that they pack to a third. Cost: 60 µs to read, add to and pack an hour, of which packing at the lowest level is a
third; higher ones take twice as long for 5 % less.
Never here: transactions, which hours there are.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Final

import msgpack
import numpy as np
from numpy.typing import NDArray

from alerts.effects import MINUTE_READINGS, ChannelMinute
from models.arrays import Floats, Ints
from models.tables.channels import CHANNEL_NAMES

HOUR_FORMAT: Final = 2
BY_CHANNEL: Final = 1
"""The format before: each channel's minutes and columns by themselves, 1.2 kB instead of .8."""
_LEVEL: Final = 1
_MINUTES: Final = 60
_COLUMNS: Final = ("<f8", "<f8", "<f8", "<u4")

Hour = dict[str, dict[int, ChannelMinute]]
"""By channel and minute of the hour."""


class HourTable:
    """An hour under way: lowest, highest and sum, and the number of readings, by minute and channel; 0 readings: none."""

    def __init__(self, others: Iterable[str] = ()) -> None:
        #: The channels of this version first, in their order, then what another one had.
        self.names = [*CHANNEL_NAMES, *(name for name in others if name not in CHANNEL_NAMES)]
        shape = (_MINUTES, len(self.names))
        self.values: Floats = np.zeros((3, *shape))
        self.values[0], self.values[1] = np.inf, -np.inf
        self.readings: Ints = np.zeros(shape, np.int64)

    def add(self, minute: int, packed: bytes) -> None:
        """Add up a minute, or a part of one, with what there is of it; packed: of a `VitalsMinute`."""
        part, mine = np.frombuffer(packed, MINUTE_READINGS)[0], slice(len(CHANNEL_NAMES))
        lowest, highest, total = self.values[:, minute, mine]
        np.minimum(lowest, part["lowest"], out=lowest)
        np.maximum(highest, part["highest"], out=highest)
        total += part["total"]
        self.readings[minute, mine] += part["readings"]

    def packed(self) -> bytes:
        """The bytes; `unpacked` gives the table back."""
        at, columns = np.flatnonzero(self.readings.any(axis=1)), np.flatnonzero(self.readings.any(axis=0))
        readings = self.readings[np.ix_(at, columns)].T
        values = np.where(readings > 0, self.values[:, at[:, None], columns].transpose(0, 2, 1), 0)
        head = [HOUR_FORMAT, bytes(at.tolist()), [self.names[column] for column in columns]]
        return zlib.compress(msgpack.packb([*head, _shuffled(values, "<f8"), _shuffled(readings, "<u4")]), _LEVEL)

    @classmethod
    def unpacked(cls, packed: bytes) -> HourTable:
        """The table of bytes of this version or an earlier one; an empty one of no bytes.

        Raises:
            ValueError: a later version wrote it.
        """
        if not packed:
            return cls()
        version, *rest = msgpack.unpackb(zlib.decompress(packed))
        if version == BY_CHANNEL:
            return cls._by_channel(*rest)
        if version != HOUR_FORMAT:
            raise ValueError(
                f"an hour of vitals of format {version!r}; this version reads {BY_CHANNEL} and {HOUR_FORMAT}"
            )
        minutes, names, values, readings = rest
        table, at = cls(names), np.frombuffer(minutes, np.uint8)
        columns = [table.names.index(name) for name in names]
        shape = (len(columns), len(at))
        counted = _unshuffled(readings, "<u4").reshape(shape)
        for kept, read in zip(table.values, _unshuffled(values, "<f8").reshape(3, *shape), strict=True):
            kept[at[:, None], columns] = np.where(counted > 0, read, kept[at[:, None], columns].T).T
        table.readings[at[:, None], columns] = counted.T
        return table

    @classmethod
    def _by_channel(cls, channels: dict[str, list[bytes]]) -> HourTable:
        table = cls(channels)
        for name, (minutes, *columns) in channels.items():
            at, column = np.frombuffer(minutes, np.uint8), table.names.index(name)
            *values, readings = (_unshuffled(data, kind) for data, kind in zip(columns, _COLUMNS, strict=True))
            table.values[:, at, column] = values
            table.readings[at, column] = readings
        return table


def pack_hour(hour: Hour) -> bytes:
    """The bytes of an hour; `unpack_hour` gives it back."""
    table = HourTable(hour)
    for name, minutes in hour.items():
        column = table.names.index(name)
        for minute, (*values, readings) in minutes.items():
            table.values[:, minute, column] = values
            table.readings[minute, column] = readings
    return table.packed()


def unpack_hour(packed: bytes) -> Hour:
    """The hour of `pack_hour`, by this version or an earlier one; an empty one of no bytes.

    Raises:
        ValueError: a later version wrote it.
    """
    table, hour = HourTable.unpacked(packed), Hour()
    for column in np.flatnonzero(table.readings.any(axis=0)).tolist():
        at = np.flatnonzero(table.readings[:, column])
        rows = zip(*table.values[:, at, column].tolist(), table.readings[at, column].tolist(), strict=True)
        hour[table.names[column]] = {minute: ChannelMinute(*row) for minute, row in zip(at.tolist(), rows, strict=True)}
    return hour


def _shuffled(numbers: NDArray[Any], kind: str) -> bytes:
    whole = np.ascontiguousarray(numbers, kind)
    return whole.view(np.uint8).reshape(whole.size, whole.itemsize).T.tobytes()


def _unshuffled(data: bytes, kind: str) -> NDArray[Any]:
    width = np.dtype(kind).itemsize
    return np.frombuffer(data, np.uint8).reshape(width, len(data) // width).T.copy().reshape(-1).view(kind)
