"""The command line: `chairside --help` teaches it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

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
from rich.table import Table

from alerts.effects import encode
from deploy.settings import BadConfiguration, Settings, limits_only, load
from streams.clinic import DEMO_SEED
from streams.clinic_held_out import FAMILIES
from streams.recordings import UnreadableFile, merged
from streams.replay import Replay, Summary
from streams.state import Clock

err = Console(stderr=True)
app = typer.Typer(
    name="chairside",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="""Watches people during and after ketamine and esketamine treatment.

Not a medical device: bedside monitors stay primary.

Try [bold]chairside demo[/bold] first: an invented clinic of twelve chairs on a board in your browser.
For a clinic: [bold]chairside check-config site.toml[/bold], then [bold]chairside serve --config site.toml[/bold].
For recorded data: [bold]chairside replay FILE... --summary[/bold], and for the next dose
[bold]chairside forecast FILE... --as-of DATE[/bold].""",
)


def fail(message: str, status: int = 1) -> typer.Exit:
    """One clear line on stderr, and the exit that follows it."""
    err.print(f"[bold]chairside:[/bold] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(status)


def _settings(config: Path | None) -> Settings:
    if config is None:
        return Settings()
    try:
        return load(config)
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad


@contextmanager
def _writing(path: Path | None) -> Iterator[TextIO]:
    if path is None or str(path) == "-":
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8") as out:
            yield out
    except OSError as wrong:
        raise fail(f"cannot write {path}: {wrong.strerror}") from wrong


def _progress(total: int | None) -> Progress:
    """A bar on a terminal; silence in a pipe."""
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()]
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal or total == 0)


def _counting() -> Progress:
    """A bar of patients, on a terminal only."""
    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    ]
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _renames(pairs: list[str]) -> dict[str, str]:
    rename = {}
    for pair in (each for text in pairs for each in text.split(",")):
        column, equals, channel = pair.partition("=")
        if not equals or not column or not channel:
            raise fail(f"--rename {pair}: write COLUMN=CHANNEL, for example resp_rate=rr", 2)
        rename[column.strip()] = channel.strip()
    return rename


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="NDJSON or CSV, plain or .gz.", show_default=False)],
    limits: Annotated[Path | None, typer.Option(help="A site's limits (TOML) instead of the defaults.")] = None,
    alerts: Annotated[Path | None, typer.Option(help="Write transitions here instead of stdout.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Print alerts per hour by rule, on stderr.")] = False,
    rename: Annotated[list[str] | None, typer.Option(help="COLUMN=CHANNEL for CSV files; may be repeated.")] = None,
) -> None:
    """Run recorded observations through the same ward and desk, as fast as they go.

    Transitions come out as NDJSON. Lines that cannot be used are set aside with their reason; the exit status is 1 only if
    nothing could be used.

    [dim]chairside replay monday.ndjson --summary[/dim]
    [dim]chairside replay P*.csv.gz --rename pulse_rate=pulse,tcco2_mmhg=tcco2 --summary --alerts out.ndjson[/dim]
    """
    try:
        configuration = None if limits is None else limits_only(limits)
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad
    run = Replay(configuration)
    total = sum(path.stat().st_size for path in files if path.is_file())
    # With a summary and no file asked for, a terminal gets the table, not ten thousand lines over it.
    quiet = summary and alerts is None and sys.stdout.isatty()
    try:
        with _writing(alerts) as out, _progress(total) as bar:
            task = bar.add_task("replaying", total=total)
            lines = merged(files, _renames(rename or []), lambda read: bar.advance(task, read))
            for transition in run.run(lines):
                if not quiet:
                    out.write(encode(transition) + "\n")
    except UnreadableFile as bad:
        raise fail(str(bad)) from bad
    except BrokenPipeError:
        raise typer.Exit(0) from None
    if summary:
        _print_summary(run.summary)
    elif run.summary.set_aside:
        err.print(f"{run.summary.set_aside.total()} of {run.summary.lines} lines set aside: try --summary")
    if not run.summary.used:
        raise fail("no line could be used")


def _print_summary(summary: Summary) -> None:
    out = Console(stderr=True, width=None if err.is_terminal else 110)
    hours = summary.hours
    table = Table(title=f"{hours:.2f} hours watched, {summary.used:,} observations", title_justify="left")
    for heading in ("rule", "priority"):
        table.add_column(heading)
    for heading in ("raised", "raised per hour", "worsened to"):
        table.add_column(heading, justify="right")
    order = {"high": 0, "medium": 1, "low": 2, "info": 3}
    keys = sorted({*summary.raised, *summary.worsened}, key=lambda key: (order[key[1]], key[0]))
    for rule, priority in keys:
        raised, worsened = summary.raised[rule, priority], summary.worsened[rule, priority]
        rate = f"{raised / hours:.3f}" if hours else "-"
        table.add_row(rule, priority, str(raised), rate, str(worsened) if worsened else "")
    for name in order:
        count = sum(n for (_, priority), n in summary.raised.items() if priority == name)
        table.add_row("all", name, str(count), f"{count / hours:.3f}" if hours else "-", "")
    out.print(table)
    if summary.set_aside:
        aside = Table(title=f"{summary.set_aside.total():,} lines set aside", title_justify="left")
        aside.add_column("lines", justify="right")
        aside.add_column("reason")
        for reason, count in summary.set_aside.most_common(20):
            aside.add_row(str(count), reason)
        out.print(aside)


@app.command()
def simulate(
    sessions: Annotated[int, typer.Option(min=1, help="How many treatments.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
    hours: Annotated[float, typer.Option(min=0.01, help="How long the clinic is open.")] = 8.0,
    truth: Annotated[Path | None, typer.Option(help="Write what really happened here, as NDJSON.")] = None,
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Sessions of one family: {', '.join(FAMILIES)}.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write observations here instead of stdout.")] = None,
) -> None:
    """Invent a clinic's day: observations as NDJSON, and what really happened beside them.

    [dim]chairside simulate --sessions 20 --hours 4 --truth truth.ndjson | chairside replay /dev/stdin --summary[/dim]
    """
    from streams.clinic import simulate as invent

    try:
        clinic = invent(sessions=sessions, seed=seed, hours=hours, family=family)
    except ValueError as wrong:
        raise fail(str(wrong)) from wrong
    try:
        with _writing(out) as stream, _progress(None) as bar:
            task = bar.add_task("inventing", total=None)
            for number, line in enumerate(clinic.observations()):
                text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
                stream.write(text + "\n")
                if number % 5000 == 0:
                    bar.update(task, completed=number * len(text))
    except BrokenPipeError:
        raise typer.Exit(0) from None
    if truth is not None:
        with _writing(truth) as stream:
            for event in clinic.truth():
                stream.write(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n")


@app.command()
def forecast(
    files: Annotated[list[Path], typer.Argument(help="NDJSON, plain or .gz.", show_default=False)],
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="One origin: the end of this day.")] = None,
    every: Annotated[int | None, typer.Option(min=1, metavar="DAYS", help="Many origins, so many days apart.")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first of them.")] = None,
    to: Annotated[str | None, typer.Option(metavar="DATE", help="The last day that may be one of them.")] = None,
    horizon: Annotated[int, typer.Option(min=1, max=84, metavar="DAYS", help="Say no date beyond so many days.")] = 84,
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
    from deploy.forecast import Patients, Question, UnreadableFile, day_named, forecasts

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

    def told(bad: str) -> None:
        err.print(escape(bad), highlight=False, soft_wrap=True)

    try:
        for path in files:
            with _progress(path.stat().st_size if path.is_file() else None) as bar:
                task = bar.add_task(f"reading {path.name}", total=path.stat().st_size if path.is_file() else None)
                patients.read(path, told, lambda read, bar=bar, task=task: bar.update(task, completed=read))  # type: ignore[misc]
        with _writing(out) as stream, _counting() as counter:
            counted = counter.add_task("forecasting", total=len(patients.facts))
            for line in forecasts(patients, question, lambda done: counter.advance(counted, done)):
                stream.write(line + "\n")
    except UnreadableFile as bad:
        raise fail(str(bad)) from bad
    except BrokenPipeError:
        raise typer.Exit(0) from None
    if not patients.facts:
        err.print("no line names a patient: there is nothing to forecast")


@app.command()
def recalibrate(
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
    from deploy.forecast import Patients, UnreadableFile
    from deploy.recalibrate import configuration, fitted, summary
    from models.recalibration import TooLittle, drawn

    patients = Patients()
    try:
        for path in files:
            patients.read(path, lambda bad: err.print(escape(bad), highlight=False, soft_wrap=True))
        with _counting() as counter:
            counted = counter.add_task("forecasting the history", total=len(patients.facts))
            found = fitted(patients, version, lambda done: counter.advance(counted, done))
    except (UnreadableFile, TooLittle) as wrong:
        raise fail(str(wrong)) from wrong
    try:
        out.write_text(json.dumps(found.document(), indent=2) + "\n", "utf-8")
        out.with_suffix(".svg").write_text(drawn(found), "utf-8")
    except OSError as wrong:
        raise fail(f"cannot write {out}: {wrong.strerror}") from wrong
    err.print(escape(summary(found)), highlight=False, soft_wrap=True)
    err.print(
        f"\nWritten: {out} and {out.with_suffix('.svg').name}. To put it in force, add to the configuration:",
        highlight=False,
    )
    typer.echo(configuration(found), nl=False)


@app.command("check-config")
def check_config(
    config: Annotated[Path, typer.Argument(help="A site's configuration (TOML).", show_default=False)],
) -> None:
    """Check a site's configuration and show the limits that it would put in force, beside the defaults.

    [dim]chairside check-config site.toml[/dim]
    """
    settings = _settings(config)
    from alerts.notifiers import open_destinations
    from models.limits import LIMITS, UNITS

    table = Table(title=f"{settings.site.name}: limits (changed ones marked *)", title_justify="left")
    for heading in ("", "rule", "priority", "channel", "enters", "leaves", "for", "source"):
        table.add_column(heading)
    for default, limit in zip(LIMITS, settings.limit_table(), strict=True):
        enters = f"{limit.past} {limit.enter:g} {UNITS[limit.channel]}" if limit.enabled else "off"
        held = (
            f"{limit.readings} readings" if limit.readings > 1 else "once" if limit.readings else f"{limit.hold_s:g} s"
        )
        mark = "*" if limit != default else ""
        table.add_row(
            mark,
            limit.rule,
            limit.priority.word,
            limit.channel,
            enters,
            f"{limit.leave:g}",
            held,
            limit.source if not mark else "this site",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    _print_policies(settings)
    # By name: an address holds secrets, and a terminal is often shown.
    pages = ", ".join(destination.name for destination in open_destinations(settings.pages.destinations))
    typer.echo(f"{config}: good. Pages go to {pages}." if pages else f"{config}: good, but pages go nowhere.")
    if settings.pages.scheduler:
        planning = ", ".join(destination.name for destination in open_destinations(settings.pages.scheduler))
        typer.echo(f"The daily digest goes to {planning}.")


def _print_policies(settings: Settings) -> None:
    from models.policies import CheckIns, Maintenance

    table = Table(title="Patients at home (changed ones marked *)", title_justify="left")
    for heading in ("", "policy", "value", "default"):
        table.add_column(heading)
    for part, mine, default in (
        ("maintenance", settings.maintenance, Maintenance()), ("checkins", settings.checkins, CheckIns()),
    ):  # fmt: skip
        for name, usual in default.model_dump().items():
            value = getattr(mine, name)
            shown = [", ".join(each) if isinstance(each, tuple) else str(each) for each in (value, usual)]
            table.add_row("*" if value != usual else "", f"{part}.{name}", *shown)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Where to listen. Beyond loopback needs --config.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    data: Annotated[Path, typer.Option(help="Where the journal and the store live.")] = Path("var/chairside"),
    config: Annotated[Path | None, typer.Option(help="The site's configuration (TOML).", exists=False)] = None,
    clock: Annotated[
        str, typer.Option(help="`observed` is for tests: time is the senders'.", hidden=True)
    ] = "received",
) -> None:
    """Run Chairside for one clinic: intake, detection, pages and boards in one process, with one SQLite file.

    Without a configuration it listens on this machine only, and pages go to this terminal.

    [dim]chairside serve --config site.toml --data /var/lib/chairside --port 8000[/dim]
    """
    from deploy.http import run

    if config is None and host not in {"127.0.0.1", "::1", "localhost"}:
        raise fail(f"--host {host} would show patients to the network: give a --config that says where pages go", 2)
    if clock not in {"received", "observed"}:
        raise fail("--clock is received or observed", 2)
    mode: Clock = "observed" if clock == "observed" else "received"
    _run(lambda: run(_settings(config), config, data, host, port, mode))


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    speed: Annotated[float, typer.Option(min=1, max=60, help="Times as fast as life.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another day.")] = DEMO_SEED,
    browser: Annotated[bool, typer.Option(help="Open the board in a browser.")] = True,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Stop after so many minutes of real time.")] = None,
) -> None:
    """Run an invented clinic of twelve chairs, sped up, and open the board on it. Everything in it is made up.

    Pages are printed here. Press Ctrl-C to end; nothing is kept.

    [dim]chairside demo --speed 20 --seed 7[/dim]
    """
    from deploy.demo import run

    _run(lambda: run(port, speed, seed, browser, minutes))


def _run(start: Any) -> None:
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    from alerts.database import DatabaseTooNew
    from deploy.service import DataInUse
    from streams.frame import UnknownFrame
    from streams.journal import JournalRefused
    from streams.shard import OffsetGap
    from streams.ward import UnknownState

    try:
        start()
    except (DataInUse, JournalRefused, DatabaseTooNew, UnknownState) as wrong:
        raise fail(str(wrong)) from wrong
    except (UnknownFrame, OffsetGap) as wrong:
        raise fail(f"the journal cannot be read on: {wrong}") from wrong
    except (sqlite3.DatabaseError, DBAPIError) as wrong:
        raise fail(f"the database cannot be used: {getattr(wrong, 'orig', wrong)}") from wrong
    except OSError as wrong:
        raise fail(f"{wrong.strerror or wrong}" + (f": {wrong.filename}" if wrong.filename else "")) from wrong


def main() -> None:
    """The `chairside` command."""
    app()
