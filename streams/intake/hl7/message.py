"""HL7 v2 messages of monitors and record systems, read: a message's fields in, records for a frame and what is set aside out.

- ORU^R01 (IHE PCD-01, and the dialects of it that gateways send): one vitals sample for each instant and device.
- ADT^A01, A04, A05, A08, A28, A31: who somebody is, as a registration. Names stay outside: only the identifier is taken.
- ADT^A40: two aliases are one person: that of PID-3 stays, that of MRG-1 goes.
- ORU^R40 (PCD-04): the monitor's own alarms. "No breath" raises an alert here, the others are put on record.

A message is translated into observations as any sender would write them, and those go through the one validation (json.py): an
HL7 sender can say nothing that another cannot. What cannot be used is set aside with its segment; the rest of it counts.
Never here: bytes (fields.py), sockets, the journal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from models.instants import iso
from models.tables.channels import ChannelName
from models.tables.nomenclature import PRIORITY_OF_ALARM, Coded, NotKnown, channel_of, unit_of
from models.tables.units import CONVERSIONS, plain_unit
from models.wire.bounds import Number
from streams.intake.admission import Admission
from streams.intake.hl7.fields import BadMessage, Fields
from streams.intake.hl7.times import HomeZone, hl7_instant, zone_in
from streams.intake.json import Reading, read_packable
from streams.journal.frame import Sample

STANDS_FOR_NO_READING: Final = frozenset((-100.0, 32767.0, 8388607.0))
"""What monitors put where there is no reading: two the largest numbers of their own formats."""
REGISTERS: Final = frozenset(("A01", "A04", "A05", "A08", "A28", "A31"))
MERGES: Final = "A40"
STANDS_FOR_NOBODY: Final = re.compile(r"(un(known|identified)|no ?name|none|null)?[\W_]*(patient)?", re.IGNORECASE)
"""What stands for an identifier where a device has no patient."""
_NUMBER: Final[TypeAdapter[float]] = TypeAdapter(Number)
"""A value that the wire refuses must not cost the others of its instant."""
NO_BREATH: Final = re.compile(r"apn(o)?ea|no.?breath", re.IGNORECASE)


class _Message:
    """A message on its way: `lines`, the observations as documents, and `aside`, each (place, reason, segment)."""

    def __init__(self, fields: Fields, zone: HomeZone) -> None:
        self.fields = fields
        self.zone = zone_in(fields.text("MSH", 7)) or zone
        self.lines: list[dict[str, Any]] = []
        self.aside: list[tuple[str, str, str]] = []

    def set_aside(self, name: str, number: int, place: int, reason: str) -> None:
        """Set a segment aside for what stands in a field of it."""
        self.aside.append((f"{name}|{number + 1}|{place}", reason, self.fields.line(name, number)))

    def instant(self, *places: tuple[str, int, int]) -> int | None:
        """The instant of the first of these (segment, number, field) that is not empty; None, and set aside, if it is none."""
        name, number, place = next(
            (each for each in places if self.fields.text(each[0], each[2], number=each[1])), places[-1]
        )
        try:
            return hl7_instant(self.fields.text(name, place, number=number), self.zone)
        except ValueError as wrong:
            self.set_aside(name, number, place, str(wrong))
            return None

    @property
    def patient(self) -> str | None:
        """The first identifier of PID-3; None: the message is about nobody."""
        said = self.fields.text("PID", 3)
        return None if STANDS_FOR_NOBODY.fullmatch(said) else said

    @property
    def sender(self) -> str:
        """For a monitor that does not say which it is: where it hangs (PV1-3), else who sends."""
        place = "/".join(filter(None, (self.fields.text("PV1", 3, part) for part in (1, 2, 3))))
        return place or self.fields.text("MSH", 3, 2) or self.fields.text("MSH", 3)


def read_message(fields: Fields, admission: Admission, zone: HomeZone) -> Reading[Sample]:
    """What a message says, as records for a frame. A set-aside line's `field` is its place: segment, number, field.

    Args:
        zone: of times without an offset, where the message's own time has none either.

    Raises:
        BadMessage: it is of a kind that is not taken.
    """
    message = _Message(fields, zone)
    match fields.text("MSH", 9), fields.text("MSH", 9, 2):
        case "ORU", "R40":
            _read_alarm(message)
        case "ORU", _:
            _read_values(message)
        case "ADT", event if event in REGISTERS:
            _read_registration(message)
        case "ADT", event if event == MERGES:
            _read_merges(message)
        case kind, event:
            taken = ", ".join(sorted((*REGISTERS, MERGES)))
            raise BadMessage("AR", f"{kind}^{event} is not taken here: ORU^R01, ORU^R40 and ADT of {taken} are")
    reading = read_packable([json.dumps(line).encode() for line in message.lines], admission)
    for where, reason, line in message.aside:
        reading.set_aside(0, where, reason, line)
    return reading


def _read_values(message: _Message) -> None:
    """A sample for each instant and device of the message's values."""
    fields = message.fields
    samples: dict[tuple[int, str], dict[str, Any]] = {}
    request, device = 0, ""
    for name, number in fields.order:
        if name == "OBR":
            request = number
        if name != "OBX":
            continue
        own = fields.text("OBX", 18, number=number)
        if not fields.text("OBX", 2, number=number) and not fields.text("OBX", 5, number=number):
            device = own or device  # a device, or a part of one: what follows is measured by it
            continue
        measured = _measured(message, number)
        if measured is None:
            continue
        channel, value = measured
        at_us = message.instant(("OBX", number, 14), ("OBR", request, 7), ("MSH", 0, 7))
        if at_us is None:
            continue
        by = own or device or message.sender
        line = samples.setdefault(
            (at_us, by), {"kind": "vitals", "at": iso(at_us), "device": by or None, "patient": message.patient}
        )
        if channel in line or channel in line.get("status", {}):
            message.set_aside("OBX", number, 3, f"{channel} is there twice for one instant: the first one counts")
        elif value is None:
            line.setdefault("status", {})[channel] = "off"
        else:
            line[channel] = value
    message.lines += samples.values()


def _measured(message: _Message, number: int) -> tuple[ChannelName, float | None] | None:
    """The channel of an OBX and its value in the channel's unit, None where the device has no reading.

    None for both: it is of nothing that is watched, or has been set aside.
    """
    fields = message.fields

    def refused(place: int, reason: str) -> None:
        message.set_aside("OBX", number, place, reason)

    try:
        channel = channel_of(_coded(fields, number, 3))
    except NotKnown as unknown:
        refused(3, str(unknown))
        return None
    if channel is None:
        return None
    text = fields.text("OBX", 5, number=number)
    if not text or fields.text("OBX", 11, number=number).upper() == "X":
        return channel, None
    try:
        value = _NUMBER.validate_python(float(text))
        if value in STANDS_FOR_NO_READING:
            return channel, None
        unit = unit_of(_coded(fields, number, 6))
        scale = CONVERSIONS[channel][plain_unit(unit)]
    except NotKnown as unknown:
        refused(6, f"{channel}: {unknown}")
    except ValueError:
        refused(5, f"{channel}: {text[:40]} is no number")
    except KeyError:
        refused(6, f"{channel} in {unit[:40]}: the unit is not known for it")
    else:
        return channel, scale.of(value)
    return None


def _coded(fields: Fields, number: int, place: int) -> Iterator[Coded]:
    """A coded element of an OBX, and its alternate."""
    for first in (1, 4):
        yield Coded(*(fields.text("OBX", place, first + part, number) for part in range(3)))


def _read_registration(message: _Message) -> None:
    """Who somebody is. What is not said stays as it was known."""
    fields = message.fields
    if message.patient is None:
        message.set_aside("PID", 0, 3, "no identifier: nobody can be registered")
        return
    at_us = message.instant(("EVN", 0, 2), ("MSH", 0, 7))
    if at_us is None:
        return
    line: dict[str, Any] = {"kind": "patient.registered", "at": iso(at_us), "patient": message.patient}
    born, sex = fields.text("PID", 7)[:4], fields.text("PID", 8)
    if re.fullmatch("[0-9]{4}", born):
        line["birth_year"] = int(born)
    if sex:
        line["sex"] = sex
    diagnoses = (
        fields.text("DG1", 3, 2, number) or fields.text("DG1", 4, number=number) or fields.text("DG1", 3, number=number)
        for number in range(fields.count("DG1"))
    )
    if conditions := [each for each in diagnoses if each]:
        line["conditions"] = conditions
    message.lines.append(line)


def _read_merges(message: _Message) -> None:
    """Each pair of aliases that are one person: a PID, and the MRG behind it (HL7 2.x allows several pairs)."""
    fields = message.fields
    at_us = message.instant(("EVN", 0, 2), ("MSH", 0, 7))
    if at_us is None:
        return
    stays: int | None = None
    for name, number in fields.order:
        if name == "PID":
            if stays is not None:
                message.set_aside("PID", stays, 3, "no MRG follows: nobody is merged into them")
            stays = number
        if name != "MRG":
            continue
        patient = None if stays is None else fields.text("PID", 3, number=stays)
        merged = fields.text("MRG", 1, number=number)
        if patient is None or STANDS_FOR_NOBODY.fullmatch(patient):
            message.set_aside("MRG", number, 1, "no identifier in the PID before it: nobody to merge into")
        elif STANDS_FOR_NOBODY.fullmatch(merged):
            message.set_aside("MRG", number, 1, "no identifier: nobody to merge")
        else:
            message.lines.append({"kind": "patient.merged", "at": iso(at_us), "patient": patient, "merged": merged})
        stays = None
    if stays is not None:
        message.set_aside("PID", stays, 3, "no MRG follows: nobody is merged into them")
    if not message.lines and not message.aside:
        message.set_aside("MRG", 0, 1, "no PID with an MRG behind it: nobody to merge")


def _read_alarm(message: _Message) -> None:
    """An alarm of the monitor's own begins, goes on or is over."""
    fields, numbers = message.fields, range(message.fields.count("OBX"))
    names = [f"{fields.text('OBX', 3, 2, n)} {fields.text('OBX', 5, number=n)}".strip() for n in numbers[:2]]
    phases = [
        fields.text("OBX", 5, number=n).lower() for n in numbers
        if "MDC_ATTR_EVENT_PHASE" in {fields.text("OBX", 3, part, n) for part in (1, 2)}
    ]  # fmt: skip
    if not any(names):
        message.set_aside("OBX", 0, 3, "the monitor's own alarm has no name")
        return
    at_us = message.instant(("OBX", 0, 14), ("OBR", 0, 7), ("MSH", 0, 7))
    if at_us is None:
        return
    active = phases[:1] != ["end"]
    line: dict[str, Any] = {
        "kind": "monitor.alarm", "at": iso(at_us), "alarm": "no-breath", "active": active,
        "device": fields.text("OBX", 18) or message.sender or None, "patient": message.patient,
    }  # fmt: skip
    if not any(map(NO_BREATH.search, names)):
        line |= {"alarm": "other", "label": _label_of(message, names), "priority": _priority_of(message)}
        if alert := fields.text("OBR", 29, 2) or fields.text("OBR", 3):
            # Monitors say again and again that it goes on: that is one alarm, and the ward drops the repeats.
            line["id"] = "/".join((alert, fields.text("OBR", 7), "on" if active else "over"))[:200]
    message.lines.append(line)


def _label_of(message: _Message, names: Sequence[str]) -> str:
    """What the monitor calls an alarm: its words, else the name of its code."""
    fields = message.fields
    return (fields.text("OBX", 5) or fields.text("OBX", 3, 2) or fields.text("OBX", 3) or names[-1])[:200]


def _priority_of(message: _Message) -> str | None:
    """The alarm's priority: among the flags of its first segment, else in a segment of its own; None: neither says one."""
    fields = message.fields
    said = [
        fields.text("OBX", 5, number=n) for n in range(fields.count("OBX"))
        if "MDC_ATTR_ALARM_PRIORITY" in {fields.text("OBX", 3, part, n) for part in (1, 2)}
    ]  # fmt: skip
    return next(
        (PRIORITY_OF_ALARM[each] for each in (*fields.all_of("OBX", 8), *said) if each in PRIORITY_OF_ALARM), None
    )
