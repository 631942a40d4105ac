"""Structured arrays as scalar code sees them: ``table[row].field`` reads and writes a field of a row, compiled or not.

Compiled code does so by itself; `RecordView` does it for plain Python, some ten times faster than numpy's own record arrays.
Never here: which fields.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

Row_co = TypeVar("Row_co", covariant=True)


class RecordArray(Protocol[Row_co]):
    """A structured array: a record per row."""

    def __getitem__(self, row: int, /) -> Row_co: ...
    def __len__(self) -> int: ...


class RecordGrid(Protocol[Row_co]):
    """A structured array of two dimensions."""

    shape: tuple[int, int]

    def __getitem__(self, place: tuple[int, int], /) -> Row_co: ...


class RecordView:
    """A structured array for plain Python; of one or two dimensions."""

    def __init__(self, table: NDArray[Any]) -> None:
        self._fields = {name: table[name] for name in table.dtype.names or ()}
        self.shape = table.shape

    def __getitem__(self, place: int | tuple[int, int]) -> Any:
        return _Record(self._fields, place)

    def __len__(self) -> int:
        return int(self.shape[0])


class _Record:
    __slots__ = ("_fields", "_place")

    def __init__(self, fields: dict[str, NDArray[Any]], place: int | tuple[int, int]) -> None:
        object.__setattr__(self, "_fields", fields)
        object.__setattr__(self, "_place", place)

    def __getattr__(self, name: str) -> Any:
        return self._fields[name][self._place]

    def __setattr__(self, name: str, value: object) -> None:
        self._fields[name][self._place] = value
