"""What is kept of a patient between two forecasts: the facts that were read of them, and the filter's state.

A short cut and never an input. The facts spare reading and checking every entry again; they hold for exactly so many entries
as were read, which the ward counts too, so one entry more and all of them are read anew (the journal only ever adds). The
filter's state is checked against the course itself (`models/relapse/stored.py`). The hash over the whole refuses what belongs to
somebody else or was damaged. Deleting everything that is kept costs one slow night.
Cost: 50 kB a patient, nearly all of it the filter's; 0.1 ms to read. Never here: the store, a forecast.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import msgpack

from models.relapse.facts import Fact

CACHE_FORMAT: Final = b"CSK1"
"""Kept by another version: of no use, and read from the entries again."""
_HASH: Final = 16
_LEVEL: Final = 1
"""Of compression: facts repeat themselves, and the fastest level makes a fifth of them."""


class CacheRefused(ValueError):
    """What is kept is another patient's, another version's, or damaged: read the entries."""


@dataclass(frozen=True, slots=True)
class CachedPatient:
    """Of `entries` entries: the facts, when those that say nothing were received, and the filter's state if there is one.

    `told`: facts and others as they were kept, so that what did not change is not packed again.
    """

    entries: int
    facts: tuple[Fact, ...]
    others: tuple[datetime, ...]
    state: bytes | None
    told: bytes | None = None


def pack_cache(site: str, patient: str, kept: CachedPatient) -> bytes:
    """What is kept, as bytes."""
    told = kept.told
    if told is None:
        facts = [_plain(fact) for fact in kept.facts]
        others = [each.isoformat() for each in kept.others]
        told = zlib.compress(msgpack.packb([facts, others]), _LEVEL)
    body: bytes = msgpack.packb([site, patient, kept.entries, told, kept.state])
    return CACHE_FORMAT + _digest(body) + body


def unpack_cache(site: str, patient: str, packed: bytes) -> CachedPatient:
    """Read back what was kept of this patient.

    Raises:
        NotKept: it is not to be trusted.
    """
    body = packed[len(CACHE_FORMAT) + _HASH :]
    if packed[: len(CACHE_FORMAT)] != CACHE_FORMAT or packed[len(CACHE_FORMAT) : len(CACHE_FORMAT) + _HASH] != _digest(
        body
    ):
        raise CacheRefused("what is kept was made by another version, or is damaged")
    of_site, of_patient, entries, told, state = msgpack.unpackb(body)
    if (of_site, of_patient) != (site, patient):
        raise CacheRefused("what is kept is another patient's")
    facts, others = msgpack.unpackb(zlib.decompress(told))
    received = tuple(datetime.fromisoformat(each) for each in others)
    return CachedPatient(entries, tuple(_fact(each) for each in facts), received, state, told)


def _plain(fact: Fact) -> list[Any]:
    """A fact's fields as msgpack has them: instants as ISO 8601."""
    return [each.isoformat() if isinstance(each, datetime) else each for each in fact]


def _fact(fields: list[Any]) -> Fact:
    fields[1], fields[2] = datetime.fromisoformat(fields[1]), datetime.fromisoformat(fields[2])
    if fields[-1] is not None:
        fields[-1] = tuple(fields[-1])
    return Fact(*fields)


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_HASH).digest()
