"""Terminal output of all commands: one line for a mistake, a bar for long work, nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer
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

err = Console(stderr=True)


def fail(message: str, status: int = 1) -> typer.Exit:
    """One clear line on stderr, and the exit that follows it."""
    err.print(f"[bold]chairside:[/bold] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(status)


@contextmanager
def writing(path: Path | None) -> Iterator[TextIO]:
    if path is None or str(path) == "-":
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8") as out:
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
