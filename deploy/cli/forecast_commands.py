"""`chairside forecast` and `chairside recalibrate`: their options and what they print. The work is `deploy/cli/forecast.py`'s."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from deploy.cli.terminal import counting, err, fail, progress, writing


def forecast_command(
    files: Annotated[list[Path], typer.Argument(help="NDJSON, plain or .gz.", show_default=False)],
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="One origin: the end of this day.")] = None,
    every: Annotated[int | None, typer.Option(min=1, metavar="DAYS", help="Many origins, so many days apart.")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first of them.")] = None,
    to: Annotated[str | None, typer.Option(metavar="DATE", help="The last day that may be one of them.")] = None,
    horizon: Annotated[
        int, typer.Option(min=1, metavar="DAYS", help="Say no date beyond so many days (84 at most).")
    ] = 84,
    cdf: Annotated[bool, typer.Option("--cdf", help="Add P(due within 0..84 days), 85 numbers.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write forecasts here instead of stdout.")] = None,
) -> None:
    """Say when each patient's next dose is due, from recorded check-ins and doses: NDJSON, one line a patient and origin.

    An origin is the end of a day in the patient's own time zone, and knows what had been received by then. Each line holds
    the window (p10, p50, p90 as dates or beyond_horizon), the chance of relapse within 7, 14 and 28 days, severity now, the
    reasons, what would sharpen it, and the label's spacing. Before the first dose there is no window yet.

    Lines that cannot be used are named on stderr with their reason. A patient is an alias, over all files given.

    [dim]chairside forecast clinic.ndjson --as-of 2026-03-01[/dim]
    [dim]chairside forecast 2025.ndjson.gz 2026.ndjson --every 7 --from 2025-09-01 --to 2026-03-01 --cdf --out scored.ndjson[/dim]
    """
    from deploy.cli.forecast import Patients, Question, day_named, forecast_lines
    from streams.intake.whole_lines import UnreadableFile

    try:
        if as_of is not None and every is None and from_ is None and to is None:
            question = Question(day_named(as_of), day_named(as_of), 1, horizon, cdf)
        elif as_of is None and every is not None and from_ is not None and to is not None:
            question = Question(day_named(from_), day_named(to), every, horizon, cdf)
        else:
            raise fail("which origins? Give --as-of DATE, or --every DAYS --from DATE --to DATE", 2)
    except ValueError as wrong:
        raise fail(f"{wrong}: a date is YYYY-MM-DD", 2) from wrong
    if question.last < question.first:
        raise fail(f"--to {to} is before --from {from_}", 2)
    patients = Patients()

    def print_bad_line(bad: str) -> None:
        err.print(escape(bad), highlight=False, soft_wrap=True)

    try:
        left_out: list[UnreadableFile] = []
        for path in files:
            with progress(path.stat().st_size if path.is_file() else None) as bar:
                task = bar.add_task(f"reading {path.name}", total=path.stat().st_size if path.is_file() else None)
                try:
                    patients.read(path, print_bad_line, partial(bar.advance, task))
                except UnreadableFile as bad:
                    # Beside files that can be read; one that is not there is a slip of who asks.
                    left_out.append(bad)
                    if len(left_out) == len(files) or not path.is_file():
                        raise
                    print_bad_line(f"{bad}: left out")
        with writing(out) as stream, counting() as counter:
            counted = counter.add_task("forecasting", total=len(patients.facts))
            for line in forecast_lines(patients, question, lambda done: counter.advance(counted, done)):
                stream.write(line + "\n")
    except UnreadableFile as bad:
        raise fail(str(bad)) from bad
    except BrokenPipeError:
        raise typer.Exit(0) from None
    if not patients.facts:
        err.print("no line names a patient: there is nothing to forecast")


def recalibrate_command(
    files: Annotated[
        list[Path], typer.Argument(help="The clinic's history: NDJSON, plain or .gz.", show_default=False)
    ],
    version: Annotated[str, typer.Option(metavar="NAME", help="What to call it, for example main-2026-11.")],
    out: Annotated[Path, typer.Option(help="Where the report goes; the picture goes beside it, as .svg.")] = Path(
        "recalibration.json"
    ),
) -> None:
    """Fit a correction of the forecasts to a clinic's own history. Puts nothing in force: a person does, in the configuration.

    Holds each forecast of at least a week before a visit against the clinician's score (MADRS) before that visit's dose. It
    takes at least 150 such visits of 30 patients, 25 of them ill and 25 well.

    [dim]chairside recalibrate 2025.ndjson.gz 2026.ndjson --version main-2026-11 --out recalibration.json[/dim]
    """
    from deploy.cli.forecast import Patients
    from deploy.cli.recalibrate import configuration_lines, fit_history, summary_text
    from models.relapse.recalibration import TooLittle, drawn
    from streams.intake.whole_lines import UnreadableFile

    patients = Patients()
    try:
        for path in files:
            patients.read(path, lambda bad: err.print(escape(bad), highlight=False, soft_wrap=True))
        with counting() as counter:
            counted = counter.add_task("forecasting the history", total=len(patients.facts))
            found = fit_history(patients, version, lambda done: counter.advance(counted, done))
    except (UnreadableFile, TooLittle) as wrong:
        raise fail(str(wrong)) from wrong
    try:
        out.write_text(json.dumps(found.document(), indent=2) + "\n", "utf-8")
        out.with_suffix(".svg").write_text(drawn(found), "utf-8")
    except OSError as wrong:
        raise fail(f"cannot write {out}: {wrong.strerror}") from wrong
    err.print(escape(summary_text(found)), highlight=False, soft_wrap=True)
    err.print(
        f"\nWritten: {out} and {out.with_suffix('.svg').name}. To put it in force, add to the configuration:",
        highlight=False,
    )
    typer.echo(configuration_lines(found), nl=False)
