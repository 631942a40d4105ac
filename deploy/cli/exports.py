"""`chairside inspect`, and what `replay --format` does first: exports of bedside recorders, and tables that nobody knows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.cli.terminal import err, fail
from models.calendar import zone_of
from models.instants import iso, to_us
from streams.intake.exports.converted import converted
from streams.intake.exports.inspection import Inspection, inspect_file, mapping_text
from streams.intake.exports.mapping import BadMapping, format_named, known_formats
from streams.intake.whole_lines import Remark, UnreadableFile

STDIN: Final = Path("-")
"""Standard input, as a command's argument."""
_STDIN_FILE: Final = Path("/dev/stdin")


@contextmanager
def readable_files(
    files: Sequence[Path], name: str | None, zone: str | None, remark: Remark
) -> Iterator[tuple[list[Path], Remark]]:  # fmt: skip
    """The files as every reader takes them, for as long as the block lasts, and who is told what is odd about them.

    Raises:
        UnreadableFile: one of them is not as the format says.
    """
    check_zone(zone)
    paths = [_STDIN_FILE if path == STDIN else path for path in files]
    if name is None:
        if zone is not None:
            raise fail("--zone is for an export's local times: say its --format, or see `chairside inspect FILE`", 2)
        yield paths, remark
        return
    try:
        mapping = format_named(name)
    except BadMapping as bad:
        raise fail(str(bad), 2) from bad
    with tempfile.TemporaryDirectory(prefix="chairside-") as folder:
        made = converted(paths, mapping, zone, Path(folder), remark)
        of = {table: path for path, table in made.items()}
        yield list(made.values()), lambda path, what: remark(of.get(path, path), what)


def check_zone(zone: str | None) -> None:
    """Refuse a zone that is none."""
    if zone is not None and zone_of(zone) is None:
        raise fail(f"--zone {zone}: no such time zone; for example Europe/Berlin", 2)


def inspect_command(
    files: Annotated[list[Path], typer.Argument(help="Whatever a recorder or a record system wrote.", show_default=False)],
    zone: Annotated[str | None, typer.Option(help="Of times that say none, as Europe/Berlin.", show_default=False)] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Write the mapping of a table that nobody here knows.", show_default=False)
    ] = None,
) -> None:  # fmt: skip
    """Say what files seem to hold, what of it would be used and what not, and with which command. Nothing is sent anywhere.

    A table that nobody here knows gets a mapping: columns, times, zone. Correct it, and replay with it.

    [dim]chairside inspect export.csv --zone Europe/Berlin --write export.toml[/dim]
    [dim]chairside replay export.csv --format export.toml --summary[/dim]
    """
    check_zone(zone)
    known = True
    for path in files:
        try:
            found = inspect_file(path, zone)
        except UnreadableFile as bad:
            err.print(f"{bad}", markup=False, highlight=False, soft_wrap=True)
            known = False
            continue
        known = known and found.kind != "nothing"
        _print(found, zone, write)
    if not known:
        raise typer.Exit(1)


def _print(found: Inspection, zone: str | None, write: Path | None) -> None:
    out = Console(highlight=False, soft_wrap=True)
    named = f" ([bold]{found.format}[/bold])" if found.format else ""
    out.print(f"[bold]{escape(str(found.path))}[/bold]: {escape(found.what)}{named}")
    if found.first is not None and found.last is not None:
        out.print(f"  {found.lines:,} lines, {iso(to_us(found.first))} to {iso(to_us(found.last))}")
    elif found.lines:
        out.print(f"  {found.lines:,} lines, none with a time that could be read")
    if found.used or found.unused:
        table = Table(box=None, padding=(0, 2))
        for heading in ("column", "is", "readings", "lowest", "highest"):
            table.add_column(heading)
        for column, what in found.used.items():
            low, high, count = found.ranges.get(what.partition(",")[0], (None, None, 0))
            cells = ("", "", "") if low is None else (f"{count:,}", f"{low:g}", f"{high:g}")
            table.add_row(escape(column), escape(what), *cells)
        for column, why in found.unused.items():
            table.add_row(escape(column), f"[dim]not used: {escape(why)}[/dim]", "", "", "")
        out.print(table)
    if found.mapping is not None and found.mapping.long is not None:
        for channel, (low, high, count) in found.ranges.items():
            out.print(f"  {channel}: {count:,} readings, {low:g} to {high:g}")
    for reason, count in found.aside.most_common(5):
        out.print(f"  [yellow]{count:,} lines would be set aside[/yellow]: {escape(reason)}")
    for note in dict.fromkeys(found.notes):
        out.print(f"  [yellow]note[/yellow]: {escape(note)}")
    _say_next(out, found, zone, write)


def _say_next(out: Console, found: Inspection, zone: str | None, write: Path | None) -> None:
    """With which command it goes on."""
    local = found.mapping is not None and found.mapping.time.zone is None and found.mapping.time.is_local
    zoned = f" --zone {zone or 'ZONE'}" if local else ""
    match found.kind:
        case "observations" | "table":
            out.print(f"  next: chairside replay {found.path} --summary")
        case "hl7":
            out.print(f"  next: chairside send --hl7 {found.path} --to HOST:PORT")
        case "export":
            out.print(f"  next: chairside replay {found.path} --format {found.format}{zoned} --summary")
        case "guess" if found.mapping is not None and write is not None:
            try:
                write.write_text(mapping_text(found.mapping), "utf-8")
            except OSError as wrong:
                raise fail(f"{write}: {wrong.strerror}") from wrong
            out.print(f"  the mapping is in {write}: check it")
            out.print(f"  next: chairside replay {found.path} --format {write}{zoned} --summary")
        case "guess":
            zone_said = f" --zone {zone}" if zone else ""
            out.print(f"  next: chairside inspect {found.path}{zone_said} --write mapping.toml, then check that file")
        case _:
            out.print(f"  known exports: {', '.join(known_formats())}; how to map another: docs/files.md")
