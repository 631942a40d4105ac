"""The forecaster's cache of one patient: the facts that were read from their entries, and the filter's particles, as bytes.

It saves time and changes no forecast. The facts spare parsing every entry again; they are valid for exactly the number of
entries that they were read from, which the ward counts too, so with one more entry all are read anew (the journal only ever
adds). The particles are checked against the course itself (`models/relapse/stored.py`). The digest over the whole refuses what
belongs to another patient or was damaged. Deleting the whole cache costs one slow night.
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
"""A cache that another version wrote starts otherwise and is refused: the entries are read again."""
_HASH: Final = 16
_LEVEL: Final = 1
"""Of compression: facts repeat themselves, and the fastest level makes a fifth of them."""


class CacheRefused(ValueError):
    """A cache that is another patient's, another version's, or damaged: read the entries instead."""


@dataclass(frozen=True, slots=True)
class CachedPatient:
    """One patient's cache.

    entries: how many entries it was read from. facts: of those that matter to a course, in order of arrival.
    other_received: when the entries without a fact were received. particles: the filter's state
    (`models/relapse/stored.py`); None: there is none. packed_facts: facts and `other_received` as bytes, where they were
    unpacked from there, so that what did not change is not packed again.
    """

    entries: int
    facts: tuple[Fact, ...]
    other_received: tuple[datetime, ...]
    particles: bytes | None
    packed_facts: bytes | None = None


def pack_cache(site: str, patient: str, patient_cache: CachedPatient) -> bytes:
    """The bytes of a patient's cache, with the patient's name and a digest over all; `unpack_cache` reads them."""
    packed_facts = patient_cache.packed_facts
    if packed_facts is None:
        facts = [_plain(fact) for fact in patient_cache.facts]
        others = [each.isoformat() for each in patient_cache.other_received]
        packed_facts = zlib.compress(msgpack.packb([facts, others]), _LEVEL)
    body: bytes = msgpack.packb([site, patient, patient_cache.entries, packed_facts, patient_cache.particles])
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
        raise CacheRefused("the cache was written by another version, or is damaged")
    of_site, of_patient, entries, packed_facts, state = msgpack.unpackb(body)
    if (of_site, of_patient) != (site, patient):
        raise CacheRefused("the cache is another patient's")
    facts, others = msgpack.unpackb(zlib.decompress(packed_facts))
    received = tuple(datetime.fromisoformat(each) for each in others)
    return CachedPatient(entries, tuple(_fact(each) for each in facts), received, state, packed_facts)


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
