"""`chairside backup`, `verify` and `restore`: the data of years, copied, checked and laid out again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.access_commands import DATA, Data
from deploy.cli.terminal import err, fail, instant_on_clock
from deploy.running import note_backup


def backup_command(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="Where backups are kept; each is a folder of its own in it.", show_default=False)],
    data: Data = DATA,
    verify: Annotated[bool, typer.Option(help="Check the copy when it is made.")] = True,
) -> None:  # fmt: skip
    """Copy all data while the service runs: the journal, what came of it, accounts and keys, all of one moment.

    The folder's name is printed. It holds what the data directory holds: keep it as safe, and on another disk. The site's
    configuration file is not in it, only its last good text.

    [dim]chairside backup /mnt/backups --data /var/lib/chairside[/dim]
    """
    from deploy.upkeep.backup import back_up

    now_us = time.time_ns() // 1000
    with _told():
        made = back_up(data, into, now_us)
    if verify:
        _say(made, replay=False)
    # For `chairside doctor`. Where this user may only read the data it has to be told where backups are.
    with suppress(OSError):
        note_backup(data, made, now_us)
    typer.echo(str(made))


def verify_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data directory, or a backup.", show_default=False)],
    replay: Annotated[
        bool, typer.Option("--replay", help="Decide the frames since the oldest checkpoint again, and compare.")
    ] = False,
) -> None:
    """Check a data directory or a backup: every page, frame, checkpoint and record. Changes nothing; the service may be running.

    Exit status 1 if anything is not as it was written.

    [dim]chairside verify /var/lib/chairside[/dim]
    """
    _say(folder, replay=replay)


def restore_command(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder that `backup` printed.", show_default=False)],
    data: Annotated[Path, typer.Option(help="A new directory, for `serve --data`.", show_default=False)],
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="As it was at this time, by --timezone's clock.", show_default=False)
    ] = None,
    timezone: Annotated[str, typer.Option(help="The clock that --until is read on.")] = "UTC",
) -> None:  # fmt: skip
    """Lay a backup out as a data directory at another place; with --until, as it was then.

    Nothing is started. A service on it calls people about what is open there: to look only, give it a configuration without
    destinations.

    [dim]chairside restore /mnt/backups/chairside-2026-11-27T020000Z --data /var/lib/chairside-new[/dim]
    """
    from deploy.upkeep.backup import restore

    with _told():
        restore(backup, data, None if until is None else instant_on_clock(until, timezone), err.print)
    typer.echo(
        f"restored to {data}: check it with `chairside verify {data}`, then start `chairside serve --data {data}`"
    )


def _say(folder: Path, *, replay: bool) -> None:
    from deploy.upkeep.verify import verify

    with _told():
        found = verify(folder, replay=replay)
    for line in found.held:
        err.print(f"good: {line}", markup=False, highlight=False, soft_wrap=True)
    for line in found.said:
        err.print(f"note: {line}", markup=False, highlight=False, soft_wrap=True)
    for line in found.wrong:
        err.print(f"WRONG: {line}", markup=False, highlight=False, soft_wrap=True)
    if found.wrong:
        raise fail(
            f"{folder} is not as it was written: keep it, and restore the last good backup at another place "
            "(chairside restore BACKUP --data NEW)"
        )


@contextmanager
def _told() -> Iterator[None]:
    import sqlite3

    from deploy.upkeep.backup import BackupRefused
    from streams.journal.trouble import trouble_in_words

    try:
        yield
    except BackupRefused as wrong:
        raise fail(str(wrong)) from wrong
    except (sqlite3.Error, OSError) as wrong:
        raise fail(trouble_in_words(wrong)) from wrong
