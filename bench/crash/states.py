"""In which fields two states of a shard differ: for a proof that says what is wrong, not only that something is.

Never here: what any field means.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final

import msgpack

_SHOWN: Final = 60


def state_differences(one: bytes, other: bytes) -> list[str]:
    """The fields in which two snapshots (`Shard.snapshot`) differ, each as ``path: one's value | the other's``."""
    found = list(_differences(_unpacked(one), _unpacked(other), ""))
    if not found and one != other:
        return ["the bytes differ, and no field: a number's type, or a NaN"]
    return found


def _unpacked(state: bytes) -> Any:
    return msgpack.unpackb(zlib.decompress(state), strict_map_key=False)


def _differences(one: Any, other: Any, path: str) -> Iterator[str]:
    match one, other:
        case dict(), dict():
            if list(one) != list(other):
                yield _said(f"{path} keys", list(one), list(other))
            for key in one:
                if key in other:
                    yield from _differences(one[key], other[key], f"{path}.{key}" if path else str(key))
        case list(), list():
            if len(one) != len(other):
                yield _said(f"{path} length", len(one), len(other))
            for n, (a, b) in enumerate(zip(one, other, strict=False)):
                yield from _differences(a, b, f"{path}[{n}]")
        case bytes(), bytes() if one != other and len(one) == len(other):
            place = next(n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
            yield _said(f"{path} from byte {place}", one[place : place + 8].hex(), other[place : place + 8].hex())
        case _:
            # A NaN differs from itself, and is the same here.
            if type(one) is not type(other) or repr(one) != repr(other):
                yield _said(path, one, other)


def _said(path: str, one: object, other: object) -> str:
    return f"{path}: {repr(one)[:_SHOWN]} | {repr(other)[:_SHOWN]}"
