"""The edge's part that is pure: bytes in, records and set-aside lines out. Whatever the bytes, nothing raises out of here.

One object, an array or NDJSON. Each observation stands alone: a bad one is set aside with its field and reason, and the
others are taken; of one with a bad field that it can do without, that field alone (`mended.py`). What is set aside travels in
the frame too, so that it is durable and counted like everything else.
`read_lines` gives records as the model has them; `read`, which senders' bodies go through, gives vitals as samples for a frame.
Cost: about 1.5 µs a plain vitals line, 6 µs another observation. Never here: state, the journal, a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import msgspec
from pydantic import ValidationError

from models.instants import EPOCH
from models.wire.observations import OBSERVATION, Event, SetAside, UnreadField, Vitals, correction_of
from streams.intake.admission import Admission
from streams.intake.broken_array import elements_of
from streams.intake.mended import NotMended, kind_meant, mended
from streams.intake.visible import NothingSeen, visible
from streams.intake.vitals_line import samples_of
from streams.journal.frame import Sample, sample_of

SHOWN: Final = 2000
"""Characters of a bad line that are kept: enough to see what it was, too few to fill a disk."""

MARK: Final = b"\xef\xbb\xbf"
"""The byte order mark that Windows puts before a file's first line; it says nothing of the line."""

NOBODY: Final = "names no device, patient or session"


R = TypeVar("R")


@dataclass(slots=True)
class Reading(Generic[R]):
    """A body, read. `records` in order, with the set-aside lines in their places; `bad` pairs each with its line number.

    `admission`: what may come in; None: whatever a journal may hold.
    `parts`: the fields that were set aside alone, each with the line that it was in; their lines are among the accepted.
    """

    admission: Admission | None = None
    records: list[R | Event | SetAside] = field(default_factory=list)
    bad: list[tuple[int, SetAside]] = field(default_factory=list)
    parts: list[tuple[int, UnreadField]] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return len(self.records) - len(self.bad)

    def set_aside(self, line_number: int, where: str, reason: str, line: str) -> None:
        seen = _seen_in(line)
        at = EPOCH if seen.keys().isdisjoint({"about", "form"}) else _time_in(line)
        if self.admission is not None and (site := self.admission.filed_under(seen.get("site"))):
            seen["site"] = site
        said = {"at": at, "field": where, "reason": reason, "line": line[:SHOWN], **seen}
        aside = SetAside.model_validate(said)
        self.records.append(aside)
        self.bad.append((line_number, aside))


def read(body: bytes, content_type: str | None = None, admission: Admission | None = None) -> Reading[Sample]:
    """Read a body: ``application/x-ndjson`` (or several lines without a content type), else one object or an array."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    stripped = body.strip().removeprefix(MARK)
    if "ndjson" in kind or "jsonl" in kind or (kind != "application/json" and not stripped.startswith(b"[")):
        return read_packable(stripped.split(b"\n"), admission)
    if not stripped.startswith(b"["):
        return read_packable([stripped], admission)
    return _read_array(stripped, admission)


def _read_array(body: bytes, admission: Admission | None) -> Reading[Sample]:
    """Each item of an array, as a line of its own."""
    try:
        items = [bytes(item) for item in _ITEMS.decode(body)]
    except (ValueError, RecursionError):
        # Python takes more for JSON than msgspec does, NaN for example; and what is broken costs the elements that it is in.
        items = elements_of(body, _whole)
    samples = samples_of(items)
    lines = [item if sample is not None else _line_of(item) for item, sample in zip(items, samples, strict=True)]
    return _reading_of(lines, samples, admission)


_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _line_of(item: bytes) -> bytes:
    """An element as a line of its own; one that cannot be read stays as it is, to be set aside with its reason."""
    try:
        return json.dumps(json.loads(item.decode(), parse_int=_whole)).encode()
    except (ValueError, RecursionError):
        return item


def read_packable(lines: Sequence[bytes], admission: Admission | None = None) -> Reading[Sample]:
    """Read one observation a line, vitals as samples. Empty lines are nothing."""
    return _reading_of(lines, samples_of(lines), admission)


def _reading_of(
    lines: Sequence[bytes], samples: Sequence[Sample | None], admission: Admission | None
) -> Reading[Sample]:
    """Lines with the samples that some of them are; the others are read by the model."""
    reading = Reading[Sample](admission)
    take = reading.records.append
    admitted: str | None = None
    """The site of the last sample that may come in as it is: nearly all of a body are of one."""
    for number, (line, sample) in enumerate(zip(lines, samples, strict=True), 1):
        if sample is not None:
            if admission is None or sample.origin[0] == admitted:
                take(sample)
                continue
            record: Sample | Event = sample
        elif (other := _read_line(reading, number, line)) is not None:
            record = (
                other if not isinstance(other, Vitals) else correction_of(other) if other.replaces else sample_of(other)
            )
        else:
            continue
        if admission is not None:
            refused = admission.refusal(record)
            if refused is not None:
                reading.parts = [part for part in reading.parts if part[0] != number]
                reading.set_aside(number, *refused, _text(line))
                continue
            placed = admission.placed(record)
            if placed is sample:
                admitted = sample.site
            record = placed
        take(record)
    return reading


_SAYS: Final = {
    name: re.compile(rf'"{name}"\s*:\s*("(?:[^"\\]|\\.){{1,200}}"|\d{{1,20}}(?=\s*[,}}]))')
    for name in ("kind", "instrument", "patient", "site")
}


def _seen_in(line: str) -> dict[str, str]:
    """What can be seen in a line that cannot be read: of what kind it is, which form, whose and of which site.

    Read off its text, because the line may not even be JSON.
    """
    kind, form, patient, site = (_said(pattern, line) for pattern in _SAYS.values())
    about = kind_meant(kind)
    if form is None and about == "checkin":
        form = ""
    seen = {"about": about if about != "vitals" else None, "form": form, "patient": patient, "site": site or None}
    return {name: said for name, said in seen.items() if said is not None}


_AT: Final = re.compile(r'"at"\s*:\s*"?(\d{4})-?(\d\d)-?(\d\d)(?:[T ]?(\d\d):?(\d\d))?')


def _time_in(line: str) -> datetime:
    """When a line that cannot be read was meant, to the minute and as if in UTC; `EPOCH`: that cannot be seen.

    It judges nothing: it is when an alert about the line is dated, where no other line has a time.
    """
    found = _AT.search(line)
    try:
        at = EPOCH if found is None else datetime(*(int(part or 0) for part in found.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]  # six numbers, as the pattern has six groups
    except ValueError:
        return EPOCH
    return at if 1970 < at.year < 2200 else EPOCH


def _said(pattern: re.Pattern[str], line: str) -> str | None:
    found = pattern.search(line)
    try:
        said = None if found is None else str(json.loads(found[1]))
    except ValueError:
        return None
    # What JSON can escape, no later reader may be able to write.
    return said if said is None or said.isprintable() else None


def read_lines(lines: Iterable[bytes]) -> Reading[Vitals]:
    """Read one observation a line. Empty lines are nothing."""
    reading = Reading[Vitals]()
    for number, line in enumerate(lines, 1):
        record = _read_line(reading, number, line)
        if record is not None:
            reading.records.append(record)
    return reading


def _read_line(reading: Reading[Any], number: int, line: bytes) -> Vitals | Event | None:
    """The record of a line; None if there is none: an empty line is nothing, a bad one has been set aside."""
    if not line or line.isspace():
        return None
    plain = line.removeprefix(MARK)
    try:
        record = OBSERVATION.validate_json(plain)
    except ValidationError as wrong:
        try:
            record = mended(plain, wrong.errors(include_url=False, include_context=False), _whole)
        except NotMended as refused:
            reading.set_aside(number, *why(refused.errors), _text(line))
            return None
    except (ValueError, RecursionError) as wrong:
        reading.set_aside(number, "", _short(str(wrong)), _text(line))
        return None
    else:
        if record.unread is not None or record.sent_as is not None:
            # A sender does not say what could not be read, nor what another alias was.
            record = record.model_copy(update={"unread": None, "sent_as": None})
    try:
        record = visible(record)
    except NothingSeen as unseen:
        reading.set_aside(number, unseen.field, "Value holds nothing that can be seen", _text(line))
        return None
    if record.kind == "vitals" and not (record.device or record.patient or record.session):
        reading.set_aside(number, "device", NOBODY, _text(line))
        return None
    reading.parts += [(number, one) for one in record.unread or ()]
    return record


def _whole(digits: str) -> int | float:
    """An integer that Python will not even print is out of every range: infinity is set aside like it, alone."""
    return int(digits) if len(digits) < 400 else float("inf")


def why(errors: Sequence[Any], skip: int = 1) -> tuple[str, str]:
    """The first error's field, and the first reasons. The `skip` outermost places are the union's, not the sender's."""
    said = []
    for error in errors[:3]:
        where = ".".join(str(part) for part in error["loc"][skip:])
        said.append((where, _short(error["msg"])))
    where, reason = said[0]
    if errors[0]["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return "kind", "unknown kind" if errors[0]["type"] == "union_tag_invalid" else "kind is missing"
    others = "".join(f"; {other}: {why}" for other, why in said[1:])
    return where, reason + others


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"


def _text(line: bytes) -> str:
    return line[: SHOWN * 4].decode("utf-8", "replace")
