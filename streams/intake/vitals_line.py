"""The vitals line, 99 of 100 that come in, read four times as fast as pydantic reads it. The contract stays pydantic's.

`samples_of` gives a sample for every line that is a plain one, and None for any other: a line that is not about vitals, has
a field too many, is out of bounds, is written unusually. Then the model decides (models/wire/observations.py) and says what
is wrong. So nothing is refused here, and this file has to be right only about what it takes.
What it takes is read off the schema that pydantic made of `Vitals`: lengths, bounds, words and defaults are written there
alone, and a field whose constraint is of a kind not known here is left to pydantic.
Cost: 1.3 µs a line. Never here: a reason, another kind.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from math import nan
from operator import attrgetter
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import AwareDatetime, TypeAdapter

from models.instants import to_us
from models.tables.channels import CHANNEL_NAMES
from models.wire.bounds import OneLine, refuse_number
from models.wire.observations import Vitals
from streams.intake.visible import seen
from streams.journal.frame import SAMPLE_VALUES, Origin, Sample


def samples_of(lines: Sequence[bytes]) -> list[Sample | None]:
    """Each line's sample, or None where pydantic must decide."""
    samples: list[Sample | None] = []
    take = samples.append
    # In ASCII without a backslash, no JSON text can hold a control character but DEL. Looked for in all lines at once.
    together = b"".join(lines)
    clean = together.isascii() and b"\\" not in together and b"\x7f" not in together
    minutes, seconds = _MINUTES, _SECONDS
    for line in lines:
        try:
            said = _decode(line)
            # As `instant_of` has it, which is called for nearly every line.
            at_us = minutes[(text := said.at)[:17]] + seconds[text[17:]]
            if not _FIRST <= at_us < _END:
                raise ValueError("out of the model's range")
            received_us = None if said.received_at is None else instant_of(said.received_at)
            # A reading that is null, which nobody sends, is no float: pydantic's.
            values = _pack(*_readings(said))
        except (ValueError, struct.error):
            take(None)
            continue
        if (clean or _is_plain("".join(filter(None, _texts(said))))) and (
            (said.device or said.patient or said.session) and said.replaces is None
        ):
            take(Sample(at_us, _origin(said), values, said.status, said.id, said.by, received_us))
        else:
            take(None)
    return samples


def _is_plain(texts: str) -> bool:
    """Whether all of it is seen: otherwise pydantic refuses it, or `visible` takes something out."""
    return texts.isprintable() and seen(texts) == texts


# ---- instants


def instant_of(text: str) -> int:
    """The instant of a time as it is usually written, in the model's range.

    Raises:
        ValueError: it is none, or is written otherwise.
    """
    at_us = _MINUTES[text[:17]] + _SECONDS[text[17:]]
    if not _FIRST <= at_us < _END:
        raise ValueError("out of the model's range")
    return at_us


_AWARE: Final = TypeAdapter(AwareDatetime)


class _Parsed(dict[str, int]):
    """Part of a time → microseconds, parsed by pydantic when it is met for the first time: the same few come all the time.

    Args:
        shape: a regular expression of the texts that are taken; what it calls `fraction` is one of a second.
        moment: the text that makes a time of such a part.
    """

    def __init__(self, shape: str, moment: str) -> None:
        super().__init__()
        self._shape = re.compile(shape, re.ASCII)
        self._moment = moment

    def __missing__(self, text: str) -> int:
        """Parse it.

        Raises:
            ValueError: it is not of the shape, or is no time.
        """
        found = self._shape.fullmatch(text)
        if found is None:
            raise ValueError("not written as usual")
        fraction = found.groupdict().get("fraction")
        if fraction is None:
            parsed_us = to_us(_AWARE.validate_json(f'"{self._moment.format(text)}"'))
        else:
            parsed_us = self[text.replace(f".{fraction}", "")] + int(fraction.ljust(6, "0"))
            if len(fraction) > 3:
                return parsed_us  # microseconds hardly ever come again
        if len(self) >= 100_000:  # a few megabytes
            self.clear()
        self[text] = parsed_us
        return parsed_us


_MINUTES: Final = _Parsed(r"\d{4}-\d\d-\d\dT\d\d:\d\d:", "{}00Z")
_SECONDS: Final = _Parsed(r"\d\d(\.(?P<fraction>\d{1,6}))?(Z|[+-]\d\d:\d\d)", "1970-01-01T00:00:{}")


# ---- what pydantic takes, said to msgspec

_Schema = Mapping[str, Any]
"""A part of a pydantic core schema."""


def _constraints(schema: _Schema) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in {"type", "metadata"}}


def _taken(schema: _Schema) -> Any:
    """A type for msgspec of which pydantic takes every value under this schema; None if that is not certain."""
    said = _constraints(schema)
    match schema["type"]:
        case "nullable" if set(said) == {"schema"}:
            inner = _taken(said["schema"])
            return None if inner is None else inner | None
        case "str" if set(said) <= {"min_length", "max_length"}:
            return Annotated[str, msgspec.Meta(**said)]
        case "chain" if set(said) == {"steps"} and said["steps"][1:] == _ONE_LINE:
            return _taken(said["steps"][0])  # and `samples_of`
        case "float" if set(said) <= {"allow_inf_nan", "ge", "gt", "le", "lt"}:
            # JSON as msgspec reads it has neither NaN nor infinity.
            return Annotated[float, msgspec.Meta(**{name: said[name] for name in said if name != "allow_inf_nan"})]
        case "literal" if set(said) == {"expected"}:
            return Literal[tuple(said["expected"])]
        case "dict" if set(said) == {"keys_schema", "values_schema"}:
            key, value = _taken(said["keys_schema"]), _taken(said["values_schema"])
            return None if key is None or value is None else dict[key, value]  # type: ignore[valid-type]  # a type that is made while it runs
        case "function-before" if said["function"]["function"] is refuse_number:
            # No number is written as a time is usually written.
            return _taken(said["schema"])
        case "datetime" if said == _MOMENT:
            return str  # and `_instant`
    return None


def _is_text(schema: _Schema) -> bool:
    return schema["type"] in {"str", "chain"} or ("schema" in schema and _is_text(schema["schema"]))


def _fields() -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    """The fields that are read here: name, type and, if a line may do without, default."""
    needed: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    optional: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, field in _MODEL.items():
        schema = field["schema"]
        if set(_constraints(field)) != {"schema"}:
            continue
        if schema["type"] != "default":
            taken = _taken(schema)
        elif set(_constraints(schema)) == {"schema", "default"}:
            taken = _taken(schema["schema"])
        else:
            continue
        if taken is None or (taken in {str, str | None} and name not in {"at", "received_at"}):
            continue
        if schema["type"] != "default" or name == "kind":
            # A line says its kind, though a record made in the program need not.
            needed.append((name, taken))
        else:
            optional.append((name, taken, nan if name in CHANNEL_NAMES else schema["default"]))
    return [*needed, *optional]


_SCHEMA: Final[_Schema] = Vitals.__pydantic_core_schema__
_MODEL: Final[Mapping[str, _Schema]] = _SCHEMA["schema"]["fields"] if _SCHEMA["type"] == "model" else {}
_MOMENT: Final = _constraints(_MODEL["at"]["schema"]["schema"]) if "at" in _MODEL else {}
if (
    set(_MOMENT) != {"strict", "tz_constraint", "microseconds_precision", "ge", "lt"}
    or _SCHEMA["config"]["strict"] is not True
):
    raise TypeError("Vitals is validated in a way that streams/intake/vitals_line.py does not know")
_FIRST, _END = to_us(_MOMENT["ge"]), to_us(_MOMENT["lt"])

_ONE_LINE: Final = TypeAdapter(Annotated[str, OneLine()]).core_schema["steps"][1:]

_Line = msgspec.defstruct("_Line", _fields(), forbid_unknown_fields=True, gc=False)
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(_Line).decode
_origin = attrgetter(*Origin._fields)
_texts = attrgetter(*(name for name in _Line.__struct_fields__ if _is_text(_MODEL[name])))
_readings = attrgetter(*CHANNEL_NAMES)
_pack = SAMPLE_VALUES.pack
