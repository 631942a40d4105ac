"""Random draws without a generator: normals and uniforms that are a pure function of (patient, day, purpose).

A forecast must be the same whoever else is in the batch, whatever was forecast before and in whatever order the files were
read, so no generator with a state of its own may be shared. Here every draw is a hash of what it is for: a patient's key,
the day, the purpose, the position. Integers only until the last step (a table of 65,536 normal quantiles), so the draws
are the same bits on every machine. Good to four deviations; bad for anything that must not be guessed.
Cost: about 4 ns a normal.
"""

from __future__ import annotations

import hashlib
from functools import cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32s, Floats, Ints

Keys = NDArray[np.uint64]

_GOLDEN: Final = np.array(0x9E3779B97F4A7C15, np.uint64)
_MIX_1: Final = np.array(0xBF58476D1CE4E5B9, np.uint64)
_MIX_2: Final = np.array(0x94D049BB133111EB, np.uint64)
"""SplitMix64 (Steele, Lea & Flood 2014): a counter times the golden ratio, then two multiply-and-shift rounds."""

LEVELS: Final = 1 << 16


def patient_key(name: str) -> int:
    """A patient's key: 64 bits of a hash of the alias."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def bits(keys: Keys, day: Ints, purpose: int, count: int) -> Keys:
    """Hashed bits, shape (patients, count).

    Args:
        keys: the patients' keys. day: each one's day, of any calendar. purpose: another number, other draws.
    """
    start = _mixed(keys + _GOLDEN * (day.astype(np.uint64) * np.uint64(64) + np.uint64(purpose)))
    place = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
    return _mixed(start[:, None] + place[None, :])


def normals(keys: Keys, day: Ints, purpose: int, count: int) -> Float32s:
    """Standard normal draws, shape (patients, count)."""
    words = bits(keys, day, purpose, -(-count // 4)).astype("<u8")
    drawn: Float32s = _quantiles()[words.view("<u2")[:, :count]]
    return drawn


def uniforms(keys: Keys, day: Ints, purpose: int) -> Floats:
    """One uniform draw in (0, 1) a patient."""
    words = bits(keys, day, purpose, 1)[:, 0]
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52


def stratified(keys: Keys, purposes: int, count: int) -> Float32s:
    """Normal draws that fill their distribution evenly: a Latin hypercube, shape (purposes, patients, count).

    Each dimension has one draw in each of `count` equal strata, in an order of its own (McKay 1979).
    """
    never = np.full(len(keys), -1, np.int64)
    middle = ((np.arange(count) + 0.5) * (LEVELS / count)).astype(np.int64)
    levels = _quantiles()[middle]
    drawn = np.empty((purposes, len(keys), count), np.float32)
    for purpose in range(purposes):
        order = np.argsort(bits(keys, never, purpose, count), axis=1, kind="stable")
        drawn[purpose] = levels[order]
    return drawn


def _mixed(words: Keys) -> Keys:
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))


@cache
def _quantiles() -> Float32s:
    """The normal quantiles at the middles of 65,536 equal strata (Wichura 1988, AS 241)."""
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse((LEVELS / 2 + i + 0.5) / LEVELS) for i in range(LEVELS // 2)])
    table: Float32s = np.concatenate((-upper[::-1], upper)).astype(np.float32)
    table.setflags(write=False)
    return table
