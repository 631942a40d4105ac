"""Registered people: the union of each person's `patient.registered` records, under all aliases of theirs.

A field that a later registration leaves out stays as it was; one that it has is replaced, an empty list of conditions included.
When two aliases are merged, of each field what was said last stands, and of lists all that either has.
Never here: names of persons (only aliases come in), what any of it means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from models.aliases import ALL_OF
from models.wire.observations import PatientRegistered


@dataclass(frozen=True, slots=True)
class Person:
    """A registered person; None or empty: never registered."""

    weight_kg: float | None = None
    birth_year: int | None = None
    sex: str | None = None
    timezone: str | None = None
    conditions: tuple[str, ...] = ()
    medications: tuple[str, ...] = ()


UNKNOWN_PERSON = Person()
ONE_OF: Final = tuple(name for name in Person.__dataclass_fields__ if name not in ALL_OF)
_SAID: Final = "said"
"""Where `packed` has the numbers; an older version passes it over."""


class People:
    """The registered people of a shard, by site and alias."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Person] = {}
        #: (site, alias) → field → the number of the registration that said it last, counted over all; what an older version
        #: kept has none.
        self._said: dict[tuple[str, str], dict[str, int]] = {}
        self._count = 0

    def register(self, record: PatientRegistered) -> Person:
        """Fold in a registration; the person with it."""
        said = {name: value for name in Person.__dataclass_fields__ if (value := getattr(record, name)) is not None}
        person = replace(self.of(record.site, record.patient), **said)
        self._known[record.site, record.patient] = person
        self._count += 1
        self._said.setdefault((record.site, record.patient), {}).update(dict.fromkeys(said, self._count))
        return person

    def knows(self, site: str, patient: str) -> bool:
        """Whether anything is registered of an alias."""
        return (site, patient) in self._known

    def merge(self, site: str, into: str, gone: str) -> Person:
        """Join what is registered of an alias that goes to the one that stays; the person."""
        one, other = self.of(site, into), self._known.pop((site, gone), None)
        theirs = self._said.pop((site, gone), {})
        if other is None:
            return one
        said = self._said.setdefault((site, into), {})
        changed: dict[str, Any] = {
            name: value for name in ONE_OF if (value := getattr(other, name)) is not None
            and (getattr(one, name) is None or theirs.get(name, 0) > said.get(name, 0))
        }  # fmt: skip
        for name in ALL_OF:
            changed[name] = tuple(dict.fromkeys((*getattr(one, name), *getattr(other, name))))
        self._said[site, into] = {name: max(said.get(name, 0), theirs.get(name, 0)) for name in said | theirs}
        self._known[site, into] = person = replace(one, **changed)
        return person

    def of(self, site: str, patient: str) -> Person:
        """The person of an alias; an empty one if they were never registered."""
        return self._known.get((site, patient), UNKNOWN_PERSON)

    def packed(self) -> list[Any]:
        """As msgpack-able values."""
        return [
            [
                *key,
                {name: value for name in Person.__dataclass_fields__ if (value := getattr(person, name))}
                | ({_SAID: sorted(said.items())} if (said := self._said.get(key)) else {}),
            ]
            for key, person in sorted(self._known.items())
        ]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> People:
        people = cls()
        for site, patient, fields in packed:
            known = {name: value for name, value in fields.items() if name in Person.__dataclass_fields__}
            if _SAID in fields:
                people._said[site, patient] = said = dict(fields[_SAID])
                people._count = max(people._count, *said.values())
            for name in ALL_OF:
                known[name] = tuple(known.get(name, ()))
            people._known[site, patient] = Person(**known)
        return people
