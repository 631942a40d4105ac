"""How an export is written, as TOML: which columns are the time, the person and the channels, how its times and gaps are written.

The common ones are here (`formats/`); `chairside inspect` writes one of any other table, for somebody to correct.
Never here: rows (`converted.py`), guesses (`inspection.py`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.calendar import zone_of
from models.tables.channels import ChannelName
from models.tables.units import CONVERSIONS
from models.wire.bounds import MANY

FORMATS_HERE: Final = Path(__file__).parent / "formats"
COUNTED: Final[Mapping[str, float]] = {"epoch-s": 1.0, "epoch-ms": 1e-3, "epoch-us": 1e-6}
"""Formats that count from 1970-01-01T00:00:00Z → one of them in seconds."""
ISO: Final = "iso"
WITH_OFFSET: Final = ("%z", "%:z")
_Column = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimePart(_Part):
    """The time. columns: joined by a space. formats: as strptime has them, or iso, epoch-s, epoch-ms, epoch-us; the first that
    fits counts. zone: of times that say none; absent: whoever replays says it.
    """

    columns: Annotated[tuple[_Column, ...], Field(min_length=1, max_length=3)]
    formats: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)] = (ISO,)
    zone: str | None = None

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str | None) -> str | None:
        if zone is not None and zone_of(zone) is None:
            raise ValueError(f"unknown time zone {zone!r}; for example Europe/Berlin")
        return zone

    @property
    def is_local(self) -> bool:
        """Whether a time may be without its offset."""
        return any(
            each not in {ISO, *COUNTED} and not any(mark in each for mark in WITH_OFFSET) for each in self.formats
        )


class ScaledChannel(_Part):
    """A channel in another unit than its own."""

    channel: ChannelName
    unit: str

    @model_validator(mode="after")
    def _convertible(self) -> Self:
        if self.unit.lower() not in CONVERSIONS[self.channel]:
            raise ValueError(f"{self.unit} is no unit of {self.channel}: {', '.join(CONVERSIONS[self.channel])}")
        return self


class LongPart(_Part):
    """Of a table with a line a value: the columns of its name, its value, and whose it is; and which names are channels."""

    name: _Column
    value: _Column
    whose: _Column | None = None
    names: Annotated[dict[str, ChannelName], Field(min_length=1, max_length=MANY)]


class ExportMapping(_Part):
    """One export. header: whether its columns have names; without, they are called 1, 2, … skip: lines above the header."""

    about: str = ""
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    header: bool = True
    skip: Annotated[int, Field(ge=0, le=1000)] = 0
    gaps: Annotated[tuple[str, ...], Field(max_length=MANY)] = ()
    time: TimePart
    patient: _Column | None = None
    channels: Annotated[dict[_Column, ChannelName | ScaledChannel], Field(max_length=MANY)] = Field(
        default_factory=dict
    )
    long: LongPart | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if bool(self.channels) == (self.long is not None):
            raise ValueError("give [channels], or [long] for a table with a line a value")
        return self

    def needs(self) -> list[str]:
        """The columns without which it is not this export."""
        return [*self.time.columns, *([self.long.name, self.long.value] if self.long else [])]


class BadMapping(ValueError):
    """A mapping that cannot be used; the text names file, field and reason."""


def mapping_of(path: Path) -> ExportMapping:
    """The mapping of a file.

    Raises:
        BadMapping: it cannot be read or makes no sense.
    """
    try:
        return ExportMapping.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as wrong:
        raise BadMapping(f"{path}: {wrong.strerror}") from wrong
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise BadMapping(f"{path}: not TOML: {wrong}") from wrong
    except ValidationError as wrong:
        errors = wrong.errors(include_url=False, include_context=False)
        # Of a channel that may be a name or a name with a unit, what is wrong with the one that was meant.
        error = next((each for each in errors if each["type"] == "value_error"), errors[0])
        where = ".".join(str(part) for part in error["loc"] if not re.search(r"[\[(]|^ScaledChannel$", str(part)))
        raise BadMapping(f"{path}: {where}: {error['msg'].removeprefix('Value error, ')}") from wrong


@lru_cache(maxsize=1)
def known_formats() -> Mapping[str, ExportMapping]:
    """The exports that are known here, by name."""
    return {path.stem: mapping_of(path) for path in sorted(FORMATS_HERE.glob("*.toml"))}


def format_named(name: str) -> ExportMapping:
    """The mapping of a known export, or of a file that ends in .toml.

    Raises:
        BadMapping: there is none of that name, or it cannot be used.
    """
    if name.endswith(".toml"):
        return mapping_of(Path(name))
    if name not in known_formats():
        raise BadMapping(
            f"no format {name}: there are {', '.join(known_formats())}, or a mapping's file that ends in .toml"
        )
    return known_formats()[name]
