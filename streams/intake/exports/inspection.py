"""What a file seems to hold: its first lines in; what would be used, what not and why, and a mapping that somebody can correct,
out.

A guess is said to be one. What two readings fit (a date that may be day or month first, a time without a zone) is named, because
nobody can see it later in the alerts that did or did not come.
Bad at: columns whose names say nothing. Cost: one reading of the file. Never here: what is written where.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from models.tables.channels import CHANNEL_NAMES, ChannelName
from models.wire.observations import SetAside, Vitals
from streams.intake.csv_header import LINES_ABOVE, NotATable, header_at, layout_of
from streams.intake.exports.converted import Times, convert, delimiter_of, open_export
from streams.intake.exports.mapping import ISO, ExportMapping, LongPart, ScaledChannel, TimePart, known_formats
from streams.intake.files import read_file
from streams.intake.whole_lines import UnreadableFile, whole_lines

Holds = Literal["observations", "hl7", "table", "export", "guess", "nothing"]
SAMPLE: Final = 200
"""Lines by which a format is known. Chosen by us."""
FITS: Final = 0.9
"""Share of a sample's times that a format must read. Chosen by us: the rest are notes and totals."""

OTHER_NAMES: Final[Mapping[str, ChannelName]] = {
    # German, Spanish and French clinics' own tables, and what oximeters write; only what can mean nothing else.
    "puls": "pulse", "pulsfrequenz": "pulse", "herzfrequenz": "hr", "hf": "hr", "atemfrequenz": "rr", "af": "rr", "sauerstoffsättigung": "spo2",
    "sättigung": "spo2", "systolisch": "sbp", "diastolisch": "dbp", "mitteldruck": "map", "temperatur": "temp", "pulso": "pulse",
    "frecuencia cardiaca": "hr", "frecuencia cardíaca": "hr", "frecuencia respiratoria": "rr", "saturación": "spo2", "saturacion": "spo2",
    "sistólica": "sbp", "sistolica": "sbp", "diastólica": "dbp", "diastolica": "dbp", "temperatura": "temp", "pouls": "pulse",
    "fréquence cardiaque": "hr", "fréquence respiratoire": "rr", "saturation": "spo2", "systolique": "sbp", "diastolique": "dbp",
    "température": "temp", "oxygen level": "spo2", "sao2": "spo2", "sp o2": "spo2", "nibp s": "sbp", "nibp d": "dbp", "sys": "sbp", "dia": "dbp",
}  # fmt: skip
_TIMES: Final = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%y %H:%M:%S", "%d.%m.%y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d-%m-%Y %H:%M:%S.%f", "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%H:%M:%S %d/%m/%Y", "%H:%M:%S %m/%d/%Y", "%H:%M:%S %d.%m.%Y",
    "%I:%M:%S%p %b %d, %Y", "%b %d, %Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%Y%m%d%H%M%S%z", "%Y%m%d%H%M%S", "%Y%m%d %H%M%S",
)  # fmt: skip
"""Formats that are tried, in this order; iso and counted times come before them."""
_TIME_NAMES: Final = re.compile(r"time|date|zeit|datum|uhr|fecha|hora|heure|stamp|^at$", re.IGNORECASE)
_WHOSE_NAMES: Final = re.compile(r"patient|subject|participant|proband|paciente", re.IGNORECASE)


@dataclass(slots=True)
class Inspection:
    """What was found. used: column → channel; unused: column → why; aside: reason → lines; ranges: channel → lowest, highest,
    count.
    """

    path: Path
    kind: Holds
    what: str
    format: str = ""
    mapping: ExportMapping | None = None
    used: dict[str, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lines: int = 0
    readings: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    ranges: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None


def inspect_file(path: Path, zone: str | None = None) -> Inspection:
    """What a file holds. zone: of times that say none; without one, local times are counted as UTC, and that is said.

    Raises:
        UnreadableFile: it cannot be opened, or holds no lines.
    """
    text = b"".join(islice(whole_lines(path, _quiet), 4)).decode("utf-8-sig", "replace")
    lines = text.splitlines()[:SAMPLE]
    begins = text.lstrip("\x0b \r\n\ufeff")
    if not begins:
        return Inspection(path, "nothing", "an empty file")
    if begins.startswith("{"):
        found = Inspection(path, "observations", "observations, one a line")
        _tally(found, path)
        return found
    if re.match(r"(FHS|BHS|MSH)[|^~]", begins):
        return Inspection(path, "hl7", f"HL7 v2, {text.count('MSH|')} messages or more")
    for name, mapping in known_formats().items():
        if _fits(path, mapping):
            return _of_mapping(path, "export", mapping.about, mapping, zone, name)
    plain = _plain_table(path, lines)
    return _guessed(path, lines, zone) if plain is None else plain


def _quiet(_path: Path, _what: str) -> None:
    pass


def _fits(path: Path, mapping: ExportMapping) -> bool:
    """Whether a file's first lines are those of an export."""
    try:
        table = open_export(path, mapping, _quiet)
    except UnreadableFile:
        return False
    times = Times(mapping, ZoneInfo("UTC"))
    rows = list(islice(table.rows(), SAMPLE))
    places = [table.columns[name] for name in mapping.time.columns]
    read = [times.utc(" ".join(row[place] for place in places if place < len(row))) for row in rows]
    if not rows or sum(moment is not None for moment in read) < FITS * len(rows):
        return False
    if mapping.long is None:
        return True
    name = table.columns[mapping.long.name]
    return any(name < len(row) and row[name].strip() in mapping.long.names for row in rows)


def _plain_table(path: Path, lines: Sequence[str]) -> Inspection | None:
    """A table that needs no mapping: its names and its times say all."""
    try:
        _, layout = header_at([f"{line}\n" for line in lines[:LINES_ABOVE]], "", {})
        first = next((each for each in islice(read_file(path, {}), SAMPLE) if isinstance(each, Vitals)), None)
    except (NotATable, UnreadableFile):
        return None
    if first is None:
        return None
    found = Inspection(path, "table", "a table that says all by itself")
    used = {layout.header[column.place]: column.channel for column in layout.channels}
    found.used = {layout.header[layout.when]: "the time", **used}
    if layout.whose is not None:
        found.used[layout.header[layout.whose]] = "whose it is"
    found.unused = {name: "not watched here" for name in layout.header if name not in found.used}
    found.notes = list(layout.remarks)
    _tally(found, path)
    return found


def _guessed(path: Path, lines: Sequence[str], zone: str | None) -> Inspection:
    """A table of which nothing is known but what its names and cells look like."""
    best: tuple[int, int, str, list[str]] | None = None
    for number, line in enumerate(lines[:LINES_ABOVE]):
        delimiter = delimiter_of(line)
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        score = sum(_channel(cell) is not None for cell in cells)
        if score and (best is None or score > best[0]):
            best = score, number, delimiter, cells
    if best is None:
        found = Inspection(path, "nothing", "no table in which anything is known")
        found.notes.append(
            "no column is called like a vital sign: write a mapping by hand (docs/files.md), or rename columns"
        )
        return found
    _, skip, delimiter, header = best
    rows = [row for row in csv.reader(lines[skip + 1 :], delimiter=delimiter) if any(cell.strip() for cell in row)]
    when, formats, notes = _time_of(header, rows)
    if not when:
        found = Inspection(path, "nothing", "a table of vital signs without a time that can be read")
        found.notes += notes or ["no column looks like a date with a time"]
        return found
    channels: dict[str, ChannelName | ScaledChannel] = {}
    for name in header:
        meant = _channel(name)
        taken = {each if isinstance(each, str) else each.channel for each in channels.values()}
        if meant is None or name in when:
            continue
        channel = meant if isinstance(meant, str) else meant.channel
        if channel in taken:
            notes.append(
                f"{name} looks like {channel} too, which {_column_of(channels, channel)} is already: it is not used"
            )
            continue
        channels[name] = meant
        if channel == "rr" and _highest(rows, header.index(name)) > 60:
            notes.append(
                f"{name} reaches {_highest(rows, header.index(name)):g}: if it is a blood pressure (Riva-Rocci), take it out"
            )
    whose = next((name for name in header if _WHOSE_NAMES.search(name)), None)
    mapping = ExportMapping(
        about=f"written by chairside inspect of {path.name}: check it", delimiter=delimiter, skip=skip,  # type: ignore[arg-type]  # the delimiter is one of those that were tried
        time=TimePart(columns=when, formats=formats, zone=zone), patient=whose, channels=channels,
    )  # fmt: skip
    found = _of_mapping(path, "guess", "a table that nobody here knows; this is a guess", mapping, zone, "")
    found.notes = [*notes, *found.notes]
    return found


def _column_of(channels: Mapping[str, ChannelName | ScaledChannel], channel: str) -> str:
    return next(name for name, each in channels.items() if channel in (each, getattr(each, "channel", None)))


def _highest(rows: Sequence[Sequence[str]], place: int) -> float:
    numbers = [0.0]
    for row in rows:
        with suppress(ValueError, IndexError):
            numbers.append(float(row[place].replace(",", ".")))
    return max(numbers)


def _channel(column: str) -> ChannelName | ScaledChannel | None:
    """The channel that a column's name says, in whose unit; None: it says none."""
    bare, unit = column, ""
    if bracket := re.fullmatch(r"(.+?)\s*[(\[]([^)\]]+)[)\]]", column.strip()):
        bare, unit = bracket[1], bracket[2]
    words = re.sub(r"[\s_.-]+", " ", bare.replace("₂", "2")).strip().lower()
    name = OTHER_NAMES.get(words)
    if name is None:
        with suppress(NotATable):
            called = layout_of(["t_s", words], ",", "", {}).channels[0].channel
            name = next((each for each in CHANNEL_NAMES if each == called), None)
    if name is None:
        return None
    plain = re.sub(r"[\s°º]", "", unit).lower()
    if plain in {"kpa", "f", "k", "fraction"}:
        with suppress(ValueError):
            return ScaledChannel(channel=name, unit=plain)
    return name


def _time_of(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The columns that are the time, their formats, and what should be known of them."""
    named = [name for name in header if _TIME_NAMES.search(name)]
    choices: list[tuple[str, ...]] = [(name,) for name in named]
    choices += [(one, two) for one in named for two in named if one != two]
    for columns in choices:
        places = [header.index(name) for name in columns]
        texts = [" ".join(row[place].strip() for place in places if place < len(row)) for row in rows]
        texts = [text for text in texts if text.strip()]
        counted = _counted(texts)
        fitting = [counted] if counted else [form for form in (ISO, *_TIMES) if _reads(form, texts)]
        if fitting and (fitting[0] in ("iso", counted) or len(fitting) >= 1):
            notes = []
            swapped = [
                form for form in fitting if form.replace("%d", "%~").replace("%m", "%d").replace("%~", "%m") in fitting
            ]
            if len(swapped) > 1:
                notes.append(
                    f"{', '.join(columns)}: day and month can be either way round in these lines ({texts[0]!r}). The mapping says "
                    f"{swapped[0]}; change it if the first number is the month"
                )
            return columns, (fitting[0],), notes
    return (), (), []


def _counted(texts: Sequence[str]) -> str:
    """How instants are counted, if they are numbers that can be."""
    if not texts or not all(re.fullmatch(r"\d{10,16}([.,]\d+)?", text) for text in texts):
        return ""
    size = len(re.split(r"[.,]", texts[0])[0])
    return {10: "epoch-s", 13: "epoch-ms", 16: "epoch-us"}.get(size, "")


def _reads(form: str, texts: Sequence[str]) -> bool:
    if not texts:
        return False
    times = Times(
        ExportMapping(time=TimePart(columns=("t",), formats=(form,)), channels={"x": "spo2"}), ZoneInfo("UTC")
    )
    # A date alone is no time of a reading.
    read = [times.utc(text) for text in texts if form != ISO or ":" in text]
    return sum(moment is not None for moment in read) >= FITS * len(texts)


def _of_mapping(
    path: Path, kind: Holds, what: str, mapping: ExportMapping, zone: str | None, name: str
) -> Inspection:  # fmt: skip
    """What a mapping makes of a file."""
    found = Inspection(path, kind, what, name, mapping)
    table = open_export(path, mapping, _quiet)
    found.used = dict.fromkeys(mapping.time.columns, "the time")
    if mapping.patient is not None:
        found.used[mapping.patient] = "whose it is"
    for column, meant in mapping.channels.items():
        if column in table.columns:
            found.used[column] = meant if isinstance(meant, str) else f"{meant.channel}, converted from {meant.unit}"
    if isinstance(mapping.long, LongPart):
        found.used |= {mapping.long.name: "the name of a value", mapping.long.value: "the value"}
    found.unused = {column: "not watched here" for column in table.header if column not in found.used}
    if (mapping.time.is_local or ISO in mapping.time.formats) and (mapping.time.zone or zone) is None:
        found.notes.append(
            "where its times say no zone: give --zone, for example --zone Europe/Berlin. Counted here as UTC"
        )
    with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
        out = Path(folder) / "table.csv"
        said: list[str] = []
        convert(path, mapping, zone or mapping.time.zone or "UTC", out, lambda _, what: said.append(what))
        found.notes += [what for what in said if not what.startswith("not read:")]
        _tally(found, out)
    return found


def _tally(found: Inspection, path: Path) -> None:
    """Read a file as a replay would, and count."""
    ranges: dict[str, list[float]] = {}
    for record in read_file(path, {}):
        found.lines += 1
        if isinstance(record, SetAside):
            found.aside[f"{record.field}: {record.reason}" if record.field else record.reason] += 1
            continue
        found.first = record.at if found.first is None else min(found.first, record.at)
        found.last = record.at if found.last is None else max(found.last, record.at)
        if isinstance(record, Vitals):
            for channel in CHANNEL_NAMES:
                value = getattr(record, channel)
                if value is not None:
                    found.readings += 1
                    low = ranges.setdefault(channel, [value, value, 0])
                    low[:] = [min(low[0], value), max(low[1], value), low[2] + 1]
    found.ranges = {channel: (low, high, int(count)) for channel, (low, high, count) in ranges.items()}


def mapping_text(mapping: ExportMapping) -> str:
    """A mapping as its file has it."""
    lines = [f"about = {_quoted(mapping.about)}"]
    if mapping.delimiter is not None:
        lines.append(f"delimiter = {_quoted(mapping.delimiter)}")
    if not mapping.header:
        lines.append("header = false")
    if mapping.skip:
        lines.append(f"skip = {mapping.skip}                # lines above the header")
    lines.append(
        f"gaps = {_quoted(list(mapping.gaps))}               # what stands for no reading, beside what is usual"
    )
    if mapping.patient is not None:
        lines.append(f"patient = {_quoted(mapping.patient)}")
    lines += [
        "",
        "[time]",
        f"columns = {_quoted(list(mapping.time.columns))}",
        f"formats = {_quoted(list(mapping.time.formats))}",
    ]
    lines.append(
        f"zone = {_quoted(mapping.time.zone)}"
        if mapping.time.zone
        else '# zone = "Europe/Berlin"   # of local times; or --zone'
    )
    if mapping.long is not None:
        lines += [
            "",
            "[long]",
            f"name = {_quoted(mapping.long.name)}",
            f"value = {_quoted(mapping.long.value)}",
            "",
            "[long.names]",
        ]
        lines += [f"{_quoted(name)} = {_quoted(channel)}" for name, channel in mapping.long.names.items()]
    else:
        lines += ["", "[channels]"]
        for column, meant in mapping.channels.items():
            said = (
                _quoted(meant)
                if isinstance(meant, str)
                else f'{{ channel = "{meant.channel}", unit = "{meant.unit}" }}'
            )
            lines.append(f"{_quoted(column)} = {said}")
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    """A text or a list of texts as TOML writes it: JSON's strings are TOML's."""
    return json.dumps(value, ensure_ascii=False)
