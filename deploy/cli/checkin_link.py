"""`chairside checkin-link`: a patient's link, made by hand; to try it, or for somebody who lost theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.terminal import fail
from deploy.settings import BadConfiguration, load
from models.instants import DAY
from streams.intake.selfreport.links import PatientLinks
from streams.intake.selfreport.screens import SETS


def checkin_link_command(
    patient: Annotated[str, typer.Argument(help="The patient's alias.", show_default=False)],
    config: Annotated[Path, typer.Option(help="The site's configuration (TOML).", show_default=False)],
    data: Annotated[Path, typer.Option(help="The service's data directory.")] = Path("var"),
    form: Annotated[str | None, typer.Option(help=f"{', '.join(SETS)}.", show_default="the site's")] = None,
    language: Annotated[str | None, typer.Option(help="en, de, es, or another.", show_default="the site's")] = None,
) -> None:
    """Print a link with which one patient answers one check-in, good as long as the site's links are.

    Whoever has it can answer in this patient's name and see their curve: send it to nobody else. The service must have been
    started once on this data directory, and its [home] must say whose crisis lines are shown.

    [dim]chairside checkin-link willow --config site.toml --data ./var --language de[/dim]
    """
    from deploy.wiring import PATIENT_KEY_FILE, link_keys, wall_us

    try:
        settings = load(config)
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad
    if not (data / PATIENT_KEY_FILE).is_file():
        raise fail(f"{data} holds no {PATIENT_KEY_FILE}: start the service on it once, or name its --data")
    if settings.home.lines() is None:
        raise fail(f"{config}: [home] must say country: whose crisis lines a patient is shown")
    name = form or settings.home.form
    if name not in SETS:
        raise fail(f"--form {name}: there are {', '.join(SETS)}")
    until_us = wall_us() + settings.home.link_days * DAY
    links = PatientLinks(link_keys(data, PATIENT_KEY_FILE), wall_us)
    token = links.checkin(settings.site.name, patient, name, language or settings.home.language, until_us)
    base = settings.pages.link or "http://localhost:8000"
    typer.echo(f"{base.rstrip('/')}/checkin/{token}")
