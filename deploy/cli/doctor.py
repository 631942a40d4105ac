"""`chairside doctor`: looks at a running installation from end to end, and says what to do."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from deploy.cli.access_commands import DATA, Data

MARKS = {"good": "[green]good[/green]", "look": "[yellow]look[/yellow]", "bad": "[bold red]BAD [/bold red]"}


def doctor_command(
    config: Annotated[Path | None, typer.Option(help="The site's configuration (TOML), as of `serve`.", show_default=False)] = None,
    data: Data = DATA,
    url: Annotated[str | None, typer.Option(help="Where the service listens; else as its last start has written down.", show_default=False)] = None,
    clock: Annotated[list[str] | None, typer.Option(metavar="URL", help="A host to compare the clock with, beside those of the destinations; may be repeated.", show_default=False)] = None,
    backups: Annotated[Path | None, typer.Option(help="Where `backup` puts its folders; else where the last one went.", show_default=False)] = None,
    try_pages: Annotated[bool, typer.Option("--try-pages", help="Send a test page to every destination.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for another program.")] = False,
) -> None:  # fmt: skip
    """Look at a running installation, and say of each thing whether it is well, and what to do where it is not.

    The service and its version, the configuration, disk, destinations, clock, sign-in, rights of files, certificates, backups,
    the address by which phones reach it, and what watches less than it should. Run it as the service's user or as root; it
    changes nothing.
    The exit status is 1 if anything is bad; what should be looked at soon is no error.

    [dim]chairside doctor --config /etc/chairside/site.toml --data /var/lib/chairside[/dim]
    """
    from deploy.doctor.findings import findings
    from deploy.doctor.look import look

    found = findings(look(config, data, url, clock or (), backups=backups, try_pages=try_pages))
    bad = any(each.verdict == "bad" for each in found)
    if as_json:
        typer.echo(
            json.dumps({"ok": not bad, "findings": [asdict(each) for each in found]}, ensure_ascii=False, indent=1)
        )
    else:
        out = Console(soft_wrap=True, highlight=False)
        for each in found:
            out.print(f"{MARKS[each.verdict]}  {escape(each.check)}: {escape(each.found)}")
            if each.todo:
                out.print(f"      → {escape(each.todo)}")
    if bad:
        raise typer.Exit(1)
