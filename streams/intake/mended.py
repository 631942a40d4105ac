"""A line that the contract refuses for a field or two, read all the same: the bad field alone is set aside, with its reason.

- What says plainly what it means is read: a number as a name, an amount with its unit, a coded entry's words, yes and no.
- A field that is a gap ("n/a", "--", NaN) says nothing, as if it were absent.
- Any other field that its kind can do without is set aside alone (`unread` of the record). The ward tells what is missing.
- A line without what its kind needs (its time, whose it is, a session's name, a dose's drug, a form's answers) is refused whole.

So a line is either a record, counted as accepted, or set aside whole; never both. A reading of a monitor is a number or nothing:
one that is neither costs its channel, which then has the status `artefact`, and not the others of its line.
Cost: 50 µs a line, on lines that the contract refuses only. Never here: what is told (`streams/ward/rules/unread.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any, Final, get_args

from pydantic import ValidationError

from models.tables.channels import CHANNEL_NAMES
from models.tables.drugs import ROUTES_CALLED, Route
from models.tables.form_items import NO, YES, slug
from models.tables.limits import UNITS
from models.tables.problem_lists import named_entries
from models.tables.quantities import AS, UNITS_OF, amount_of, year_of
from models.wire.observations import (
    OBSERVATION,
    ChannelStatus,
    CheckIn,
    DeviceAssigned,
    Dose,
    DoseStopped,
    Event,
    Intervention,
    MonitorAlarm,
    PatientRegistered,
    Record,
    SessionEnded,
    SessionStarted,
    UnreadField,
    Vitals,
)
from streams.intake.gaps import is_gap

Said = dict[str, Any]

_MODELS: Final[tuple[type[Record], ...]] = (
    Vitals, PatientRegistered, DeviceAssigned, SessionStarted, Dose, DoseStopped, MonitorAlarm, CheckIn, Intervention, SessionEnded,
)  # fmt: skip
"""What senders send. Commands, forecasts and configuration are the service's own: what is wrong with one is refused."""
MENDED: Final[Mapping[str, type[Record]]] = {model.model_fields["kind"].default: model for model in _MODELS}
_LETTERS: Final = {re.sub("[^a-z]", "", kind): kind for kind in MENDED}
_KEPT: Final = {"site", "items"}
"""Fields that are never set aside alone, beside those that a kind requires: where a line goes, and what somebody answered."""
_WHOSE: Final = {"patient", "device", "session"}
"""Nor are these of readings: without one they may be another person's."""
_ROUNDS: Final = 4
"""How often a line is tried again: a round mends or sets aside every field at fault, and what was behind one may show then."""
_SHOWN: Final = 200


class NotMended(ValueError):
    """A line that cannot do without what is wrong with it: the errors of that, the first of them to be told."""

    def __init__(self, errors: Sequence[Any]) -> None:
        super().__init__(errors)
        self.errors = errors


def mended(line: bytes, errors: Sequence[Any], parse_int: Callable[[str], Any] = int) -> Vitals | Event:
    """The record of a line that the contract has refused for these errors, with what of it was set aside.

    Raises:
        NotMended: the line is set aside whole.
    """
    try:
        said = json.loads(line, parse_int=parse_int)
    except (ValueError, RecursionError) as wrong:
        raise NotMended(errors) from wrong
    kind = kind_meant(said.get("kind")) if isinstance(said, dict) else None
    if kind is None:
        raise NotMended(errors)
    said = {**said, "kind": kind}
    said.pop("unread", None)
    said.pop("sent_as", None)
    required = {"kind", *(name for name, field in MENDED[kind].model_fields.items() if field.is_required())}
    kept = required | _KEPT | (_WHOSE if kind == "vitals" else set())
    unread: dict[tuple[str, ...], UnreadField] = {}
    for _ in range(_ROUNDS):
        try:
            record = OBSERVATION.validate_json(json.dumps(said))
        except ValidationError as refused:
            errors = refused.errors(include_url=False, include_context=False)
            if fatal := _mend_fields(said, errors, required, kept, unread):
                raise NotMended(fatal) from refused
        except (ValueError, RecursionError) as wrong:
            raise NotMended(errors) from wrong
        else:
            if unread and isinstance(record, Vitals) and not _shows_anything(record, unread):
                raise NotMended(errors)
            fields = tuple(one for _, one in sorted(unread.items()))
            return record.model_copy(update={"unread": fields}) if fields else record
    raise NotMended(errors)


def kind_meant(kind: object) -> str | None:
    """The kind of observation that a text means: its letters are the same, whatever stands between them."""
    return _LETTERS.get(re.sub("[^a-z]", "", kind.lower())) if isinstance(kind, str) else None


def _mend_fields(
    said: Said, errors: Sequence[Any], required: set[str], kept: set[str], unread: dict[tuple[str, ...], UnreadField]
) -> list[Any]:  # fmt: skip
    """Read, leave out or set aside each field that is at fault; the errors of those that the line cannot do without."""
    fatal: list[Any] = []
    done: set[tuple[str, ...]] = set()
    lost: set[tuple[str, ...]] = set()
    for error in errors:
        place = _place(said, [str(part) for part in error["loc"][1:]])
        if not place:
            fatal.append(error)
            continue
        if any(place[: len(one)] == one for one in done):
            fatal += [error] if place in lost else []
            continue
        done.add(place)
        value = _get(said, place)
        if _says_nothing(place, value) and place[0] not in required:
            _take(said, place)
            continue
        found = _read(place, value)
        if found is not None and (found != value or type(found) is not type(value)):
            _put(said, place, found)
        elif place[0] in kept:
            fatal.append(error)
            lost.add(place)
        else:
            _take(said, place)
            unread[place] = UnreadField(field=".".join(place), reason=error["msg"][:_SHOWN], value=_shown(value))
            channel = place[-1]
            if channel in CHANNEL_NAMES and place[0] in {channel, "status"} and said.get(channel) is None:
                said["status"] = {**_get_mapping(said, "status"), channel: "artefact"}
    return fatal


def _get_mapping(said: Said, field: str) -> Mapping[str, Any]:
    inner = said.get(field)
    return inner if isinstance(inner, dict) else {}


def _shows_anything(record: Vitals, unread: Mapping[tuple[str, ...], UnreadField]) -> bool:
    """Whether a line says more than that a reading of it is none."""
    said = {name for name in CHANNEL_NAMES if getattr(record, name) is not None} | set(record.status or ())
    return bool(said - {place[0] for place in unread})


# ---- where -----------------------------------------------------------------------------------------------------------

_DEPTH: Final = {"limits": 4, "status": 2}
"""How deep a part of a field can be set aside alone: one limit, by rule, priority and channel; one channel's status."""


def _place(said: Said, parts: list[str]) -> tuple[str, ...]:
    """The part of a line that is at fault, as deep as it can be set aside alone."""
    place: list[str] = []
    inner: Any = said
    for part in parts[: _DEPTH.get(parts[0], 1) if parts else 0]:
        if not isinstance(inner, dict) or part not in inner:
            break
        place.append(part)
        inner = inner[part]
    return tuple(place)


def _get(said: Said, place: tuple[str, ...]) -> Any:
    inner: Any = said
    for part in place:
        inner = inner[part]
    return inner


def _put(said: Said, place: tuple[str, ...], value: object) -> None:
    _get(said, place[:-1])[place[-1]] = value


def _take(said: Said, place: tuple[str, ...]) -> None:
    del _get(said, place[:-1])[place[-1]]


def _shown(value: object) -> str:
    try:
        return (value if isinstance(value, str) else json.dumps(value))[:_SHOWN]
    except (ValueError, RecursionError):
        return ""


_FINE: Final = {"ok", "good", "valid", "normal", "on"}
"""How a device says that there is nothing to say of a channel."""


def _says_nothing(place: tuple[str, ...], value: object) -> bool:
    if isinstance(value, str):
        return is_gap(value) or (place[0] == "status" and slug(value) in _FINE)
    return value is None or (isinstance(value, float) and isnan(value))


# ---- what is plain ---------------------------------------------------------------------------------------------------

_NAMES: Final = {
    "patient", "id", "session", "source", "replaces", "chair", "device", "drug", "by", "respondent", "sex", "timezone", "what", "site",
}  # fmt: skip
_TEXTS: Final = {"reason": 4000, "detail": 4000}
_BOOLS: Final = {"discharged", "active"}
_LISTS: Final = {"conditions", "medications"}


def _read(place: tuple[str, ...], value: Any) -> object | None:
    """What a field plainly means; None: nobody knows."""
    field = place[0]
    if field in _NAMES:
        return _name(value)
    if field in _TEXTS:
        return _text(value)[: _TEXTS[field]]
    if field in _BOOLS:
        return _yes_or_no(value)
    if field in _LISTS:
        return named_entries(value)
    if field == "route" and isinstance(value, str):
        plain = slug(value)
        return plain if plain in get_args(Route) else ROUTES_CALLED.get(plain)
    if field == "birth_year":
        return year_of(_text(value)) if isinstance(value, str) else _whole(value)
    if field in AS or field in UNITS_OF:
        return amount_of(field, _with_unit(value))
    if field == "status" and len(place) == 2:
        return _status(value)
    if field == "limits" and len(place) == 4:
        return _limit(place[3], value)
    if field == "alarm" and isinstance(value, str) and slug(value) in {"no-breath", "apnoea", "apnea"}:
        return "no-breath"
    return None


def _name(value: Any) -> str | None:
    """A name that came as a whole number, with space around it, or as an entry with words."""
    if isinstance(value, Mapping):
        words = named_entries([value])
        value = words[0] if isinstance(words, list) and words and not words[0].startswith("{") else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip(" \t\r\n") if isinstance(value, str) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _shown(value)


def _yes_or_no(value: Any) -> bool | None:
    plain = slug(value) if isinstance(value, str) else None
    if plain in YES or (plain or value) in ("1", 1):
        return True
    return False if plain in NO or (plain or value) in ("0", 0) else None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _with_unit(value: Any) -> str:
    """A quantity as text: ``{"value": 70, "unit": "kg"}`` too."""
    if isinstance(value, Mapping) and isinstance(value.get("value"), int | float | str):
        return f"{value['value']} {value.get('unit') or value.get('code') or ''}"
    return value if isinstance(value, str) else ""


def _status(value: Any) -> str | None:
    plain = slug(value) if isinstance(value, str) else ""
    if plain in get_args(ChannelStatus):
        return plain
    return None


def _limit(channel: str, value: Any) -> object | None:
    """One limit's change, its numbers as numbers where they came as text, with the channel's unit or without."""
    if not isinstance(value, Mapping):
        return None
    unit = UNITS.get(channel, "").lower()
    return {
        name: _number(said, "s" if name.endswith("_s") else unit)
        if isinstance(said, str) and name != "reason"
        else said
        for name, said in value.items()
    }


_PLAIN: Final = re.compile(r"\s*(-?\d{1,4}(?:\.\d{1,3})?)\s*(.*?)\s*")


def _number(text: str, unit: str) -> object:
    found = _PLAIN.fullmatch(text)
    return float(found[1]) if found is not None and found[2].lower() in ("", unit) else text
