"""Terminal output of all commands: one line for a mistake, a bar for long work, nothing in a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from alerts.rota.wall_clock import instant_us
from models.instants import to_datetime, to_us
from models.wire.bounds import Moment

err = Console(stderr=True)


def instant_on_clock(text: str, zone: str) -> int:
    """The instant that a time of the command line names; without an offset it is one on a clock of `zone`.

    Raises:
        typer.Exit: it is no time; said in one line.
    """
    try:
        moment = datetime.fromisoformat(text)
        at_us = instant_us(moment, zone) if moment.tzinfo is None else to_us(moment)
        TypeAdapter(Moment).validate_python(to_datetime(at_us))
        return at_us
    except (ValueError, OverflowError) as wrong:
        raise fail(
            f'{text!r} is no time: write "2026-12-24 03:00" as the clock of {zone} shows it, or with an offset', 2
        ) from wrong


def fail(message: str, status: int = 1) -> typer.Exit:
    """One clear line on stderr, and the exit that follows it."""
    err.print(f"[bold]chairside:[/bold] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(status)


@contextmanager
def writing(path: Path | None) -> Iterator[TextIO]:
    """A file to write to, or standard output. One that is made here is for its owner alone: what is written is of patients."""
    if path is None or str(path) == "-":
        yield sys.stdout
        return
    try:
        with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            yield out
    except OSError as wrong:
        raise fail(f"cannot write {path}: {wrong.strerror}") from wrong


def progress(total: int | None) -> Progress:
    """A progress bar on a terminal; nothing in a pipe."""
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()]
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal or total == 0)


def counting() -> Progress:
    """A bar of patients, on a terminal only."""
    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    ]
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
