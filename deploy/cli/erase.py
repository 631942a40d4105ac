"""`chairside erase`: a person's name and words out of the data, what the rules decided of the alias stays."""

from __future__ import annotations

import fcntl
import sys
import time
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.access_commands import DATA, Data
from deploy.cli.terminal import err, fail
from models.wire.observations import SITE_HERE


def erase_command(
    patient: Annotated[str, typer.Argument(help="The patient's alias.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why, for the audit: a request's number, never the person's name.", show_default=False)],
    key: Annotated[Path | None, typer.Option(help="[names] key of the site's file, where names are kept.", show_default=False)] = None,
    also: Annotated[
        bool, typer.Option("--also", help="Read further texts that must stand nowhere from stdin, one a line: spellings of a name.")
    ] = False,
    site: Annotated[str, typer.Option(help="The site.")] = SITE_HERE,
    data: Data = DATA,
) -> None:  # fmt: skip
    """Erase a person's name and every free text about them, for good. The service must be stopped.

    Times, doses, vitals, scores and alerts stay under the alias, which leads to nobody from then on; `verify --replay` and `audit
    verify` hold. The name goes with the key that sealed it, so that no earlier backup gives it; delete the backups that were made
    before, because the free texts are in them. Exit status 1 if a text still stands in a file of the data directory.

    [dim]chairside erase willow --reason "request 12" --key /etc/chairside/names.key --data /var/lib/chairside[/dim]
    """
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    from deploy.privacy.erase import aliases_of, erase
    from deploy.privacy.names import Names, NamesRefused
    from deploy.upkeep.verify import DATABASE
    from streams.journal.trouble import trouble_in_words

    if not (data / DATABASE).is_file():
        raise fail(f"there is no {DATABASE} in {data}: give the --data of `serve`")
    named = [line.strip() for line in sys.stdin.read().splitlines() if line.strip()] if also else []
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise fail(f"{data} is in use: stop the service first, and start it again afterwards") from held
        try:
            names = None if key is None else Names(data, key)
            aliases = aliases_of(data, site, patient)
            known = [] if names is None else [name for alias in aliases if (name := names.name(alias))]
            found = erase(
                data, site, patient, [*known, *named], f"command line of {getuser()}", reason,
                time.time_ns() // 1000, lambda line: err.print(line, highlight=False),
            )  # fmt: skip
            if names is not None:
                for alias in aliases:
                    names.delete(alias)
                names.rotate()
        except (LookupError, NamesRefused) as why:
            raise fail(str(why.args[0])) from why
        except (sqlite3.Error, OSError, DBAPIError) as wrong:
            raise fail(f"nothing was erased: {trouble_in_words(wrong)}") from wrong
    if found.left:
        raise fail(
            f"a text still stands in {', '.join(found.left)} of {data}: it is no entry of this patient's; look there"
        )
    typer.echo(f"{found.texts} texts of {patient} are erased; delete the backups that were made before")
