"""Registered people: the union of each person's `patient.registered` records.

A field that a later registration leaves out stays as it was; one that it has is replaced, an empty list of conditions included.
Never here: names of persons (only aliases come in), what any of it means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

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


class People:
    """The registered people of a shard, by site and alias."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Person] = {}

    def register(self, record: PatientRegistered) -> Person:
        """Fold in a registration; the person with it."""
        said = {name: value for name in Person.__dataclass_fields__ if (value := getattr(record, name)) is not None}
        person = replace(self.of(record.site, record.patient), **said)
        self._known[record.site, record.patient] = person
        return person

    def of(self, site: str, patient: str) -> Person:
        """The person of an alias; an empty one if they were never registered."""
        return self._known.get((site, patient), UNKNOWN_PERSON)

    def packed(self) -> list[Any]:
        """As msgpack-able values."""
        return [
            [*key, {name: value for name in Person.__dataclass_fields__ if (value := getattr(person, name))}]
            for key, person in sorted(self._known.items())
        ]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> People:
        people = cls()
        for site, patient, fields in packed:
            known = {name: value for name, value in fields.items() if name in Person.__dataclass_fields__}
            for name in ("conditions", "medications"):
                known[name] = tuple(known.get(name, ()))
            people._known[site, patient] = Person(**known)
        return people
