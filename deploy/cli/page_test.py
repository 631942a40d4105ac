"""`chairside page-test`: a test page to each destination of a site's file, or to one, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from alerts.effects import Page
from alerts.notify.destination import Destination, Message, Outcome
from deploy.cli.terminal import err, fail
from deploy.running import note_page_tests
from deploy.settings import BadConfiguration, load
from deploy.trial_page import trial_page


def page_test_command(
    config: Annotated[Path, typer.Option(help="A site's configuration (TOML).", show_default=False)],
    to: Annotated[str | None, typer.Option(metavar="NAME", help="Only this destination.", show_default=False)] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="As of `serve`: what took a page is noted there for `chairside doctor`.", show_default=False),
    ] = None,
) -> None:
    """Send a test page now, and say where it arrived. The exit status is 1 unless it arrived at every one.

    [dim]chairside page-test --config site.toml --to ntfys://ntfy.sh[/dim]
    """
    if data is not None and not data.is_dir():
        raise fail(f"there is no folder {data}: give the --data of `serve`, which makes it at its first start")
    try:
        settings = load(config)
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad
    destinations = settings.opened()[0]
    wanted = [each for each in destinations if to in (None, each.name)]
    if not wanted:
        known = ", ".join(each.name for each in destinations)
        raise fail(f"there is no destination {to}; there are {known}" if known else "there is no destination at all")
    now_us = time.time_ns() // 1000
    page = trial_page(settings.site.name, now_us)
    outcomes = asyncio.run(_send(wanted, page))
    for each, outcome in zip(wanted, outcomes, strict=True):
        err.print(f"{each.name}: {'taken' if outcome.arrived else f'not taken: {outcome.reason}'}", highlight=False)
    if data is not None:
        try:
            note_page_tests(
                data, (each.name for each, one in zip(wanted, outcomes, strict=True) if one.arrived), now_us
            )
        except OSError as wrong:
            raise fail(
                f"{data}: {wrong.strerror}: the doctor will not know of this; run it as the service's user"
            ) from wrong
    if not all(outcome.arrived for outcome in outcomes):
        raise typer.Exit(1)


async def _send(destinations: Sequence[Destination], page: Page) -> list[Outcome]:
    return await asyncio.gather(*(each.deliver(Message(page)) for each in destinations))
