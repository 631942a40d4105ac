"""`chairside names`: the key with which patients' names are sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.access_commands import DATA, Data
from deploy.cli.terminal import fail

names_app = typer.Typer(no_args_is_help=True, help="The key with which patients' names are sealed.")

KeyFile = Annotated[
    Path, typer.Argument(metavar="KEYFILE", help="As [names] key in the site's file.", show_default=False)
]


@names_app.command("new-key")
def new_key_command(key: KeyFile) -> None:
    """Make the file with the key. It must lie outside the data directory; keep a copy where no backup of the data lies.

    [dim]chairside names new-key /etc/chairside/names.key[/dim]
    """
    from deploy.privacy.names import make_key

    try:
        make_key(key)
    except FileExistsError as there:
        raise fail(
            f"{key} is there already, and may be the only key to the names: `names rotate` changes it"
        ) from there
    except OSError as wrong:
        raise fail(f"{key} cannot be made: {wrong.strerror}") from wrong
    typer.echo(f"made {key}: readable by its owner, who must be the service's user")


@names_app.command("rotate")
def rotate_command(key: KeyFile, data: Data = DATA) -> None:
    """Seal every name with a new key, and destroy the earlier ones. The service may be running.

    No backup that was made before can give a name after this, nor can a copy of the earlier key: keep a copy of the new one.

    [dim]chairside names rotate /etc/chairside/names.key --data /var/lib/chairside[/dim]
    """
    from deploy.privacy.names import Names, NamesRefused

    try:
        count = Names(data, key).rotate()
    except NamesRefused as why:
        raise fail(str(why)) from why
    except OSError as wrong:
        raise fail(f"{key} cannot be changed: {wrong.strerror}") from wrong
    typer.echo(f"{count} {'name is' if count == 1 else 'names are'} sealed with a new key")
