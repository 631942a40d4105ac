"""The command line: `chairside --help` teaches it."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alerts.effects import encode
from deploy.cli.access_commands import account_app, token_app
from deploy.cli.audit_commands import audit_app
from deploy.cli.checkin_link import checkin_link_command
from deploy.cli.data_commands import backup_command, restore_command, verify_command
from deploy.cli.doctor import doctor_command
from deploy.cli.erase import erase_command
from deploy.cli.exports import inspect_command, readable_files
from deploy.cli.forecast_commands import forecast_command, recalibrate_command
from deploy.cli.names_commands import names_app
from deploy.cli.network_commands import (
    create_topics_command,
    edge_command,
    forecaster_command,
    pager_command,
    worker_command,
)
from deploy.cli.page_test import page_test_command
from deploy.cli.send import send_command
from deploy.cli.terminal import err, fail, progress, writing
from deploy.cli.why import why_command
from deploy.settings import BadConfiguration, Settings, limits_only, load
from streams.clinic.clinic import DEMO_SEED
from streams.clinic.held_out import FAMILIES
from streams.intake.csv_header import COLUMN_NAMES
from streams.intake.files import recorded_frames
from streams.intake.whole_lines import UnreadableFile
from streams.ward.state import Clock

if TYPE_CHECKING:
    from streams.hosts.replay import Summary

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


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chairside {version('chairside')}")
        raise typer.Exit


@app.callback()
def _whole(
    *,
    version_: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None: ...


def _settings(config: Path | None) -> Settings:
    if config is None:
        return Settings()
    try:
        return load(config)
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad


def _renames(pairs: list[str]) -> dict[str, str]:
    """Column → name of `--rename`, several in one with commas between; a column's own name may have commas and equals signs."""
    rename: dict[str, str] = {}
    for text in pairs:
        begun = ""
        for part in text.split(","):
            begun = f"{begun},{part}" if begun else part
            column, _, name = (each.strip() for each in begun.rpartition("="))
            if column and name in COLUMN_NAMES:
                rename[column] = name
                begun = ""
        if begun:
            names = ", ".join(sorted(COLUMN_NAMES))
            raise fail(f"--rename {begun}: write COLUMN=NAME, for example resp_rate=rr; the names are {names}", 2)
    return rename


@app.command("replay")
def replay_command(
    files: Annotated[list[Path], typer.Argument(help="NDJSON or CSV, plain or .gz.", show_default=False)],
    limits: Annotated[Path | None, typer.Option(help="A site's limits (TOML) instead of the defaults.")] = None,
    alerts: Annotated[Path | None, typer.Option(help="Write transitions here instead of stdout.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Print alerts per hour by rule, on stderr.")] = False,
    rename: Annotated[list[str] | None, typer.Option(help="COLUMN=NAME for CSV files; may be repeated.")] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="An export's format, or a mapping's file (.toml); see [bold]inspect[/bold].",
            show_default=False,
        ),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Of local times of such an export, as Europe/Berlin.", show_default=False)
    ] = None,
) -> None:
    """Run recorded observations through the same ward and desk, as fast as they go.

    Transitions come out as NDJSON. Lines that cannot be used are set aside with their reason; the exit status is 1 only if
    nothing could be used and nobody told of anything. What is odd about a file (it breaks off, it is newest first) is said
    on stderr; one that cannot be read beside others is left out, and that is said.

    A CSV has a time (`at`, or `t_s` in seconds), channels, and a `patient` column, or it is one person's: its name is theirs.
    What a bedside recorder or a spreadsheet exported is read by its format. `-` is standard input.

    [dim]chairside replay monday.ndjson --summary[/dim]
    [dim]chairside replay ring.csv --format o2ring --zone Europe/Berlin --summary[/dim]
    [dim]zcat week.ndjson.gz | chairside replay - --summary[/dim]
    [dim]chairside replay P*.csv.gz --rename pulse_rate=pulse,tcco2_mmhg=tcco2 --summary --alerts out.ndjson[/dim]
    """
    from deploy.compiling import compile_ward
    from streams.hosts.replay import Replay

    try:
        configuration = None if limits is None else limits_only(limits)
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad
    compile_ward(err.print)
    run = Replay(configuration)
    total = sum(path.stat().st_size for path in files if path.is_file())
    # With a summary and no file asked for, a terminal gets the table, not ten thousand lines over it.
    quiet = summary and alerts is None and sys.stdout.isatty()
    remarks: dict[str, list[Path]] = {}

    def remark(path: Path, what: str) -> None:
        if path not in (having := remarks.setdefault(what, [])):
            having.append(path)

    try:
        with writing(alerts) as out, progress(total) as bar:
            task = bar.add_task("replaying", total=total)
            names = _renames(rename or [])
            with readable_files(files, format_, zone, remark) as (readable, told):
                read = recorded_frames(readable, names, lambda more: bar.advance(task, more), told)
                for transition in run.run(read):
                    if not quiet:
                        out.write(encode(transition) + "\n")
    except UnreadableFile as bad:
        raise fail(str(bad)) from bad
    except BrokenPipeError:
        raise typer.Exit(0) from None
    for what, having in remarks.items():
        of_others = f" and {len(having) - 1} more" if len(having) > 1 else ""
        err.print(f"{having[0]}{of_others}: {what}", markup=False, highlight=False, soft_wrap=True)
    if summary:
        _print_summary(run.summary)
    elif run.summary.set_aside or run.summary.fields:
        err.print(f"{run.summary.set_aside.total()} of {run.summary.lines} lines set aside: try --summary")
    if run.summary.untold:
        err.print(
            f"forms that may hold an answer about suicide, could not be read and have no time: {run.summary.untold}"
        )
    if not run.summary.used and not run.summary.raised:
        why = "".join(f": {reason}" for reason, _ in run.summary.set_aside.most_common(1))
        raise fail(f"no line could be used{why}")


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
        aside.add_column("for example", no_wrap=True, overflow="ellipsis", max_width=36)
        for reason, count in summary.set_aside.most_common(20):
            aside.add_row(str(count), escape(reason), escape(summary.examples[reason]))
        out.print(aside)
    if summary.fields:
        parts = Table(
            title=f"{summary.fields.total():,} fields set aside, the rest of each entry used", title_justify="left"
        )
        parts.add_column("fields", justify="right")
        parts.add_column("reason")
        for reason, count in summary.fields.most_common(20):
            parts.add_row(str(count), escape(reason))
        out.print(parts)


@app.command("simulate")
def simulate_command(
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
    from streams.clinic.clinic import simulate as invent

    try:
        clinic = invent(sessions=sessions, seed=seed, hours=hours, family=family)
    except ValueError as wrong:
        raise fail(str(wrong)) from wrong
    try:
        with writing(out) as stream, progress(None) as bar:
            task = bar.add_task("inventing", total=None)
            for number, line in enumerate(clinic.observations()):
                text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
                stream.write(text + "\n")
                if number % 5000 == 0:
                    bar.update(task, completed=number * len(text))
    except BrokenPipeError:
        raise typer.Exit(0) from None
    if truth is not None:
        with writing(truth) as stream:
            for event in clinic.truth():
                stream.write(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n")


app.command("forecast")(forecast_command)
app.command("recalibrate")(recalibrate_command)
app.command("create-topics")(create_topics_command)
app.command("worker")(worker_command)
app.command("pager")(pager_command)
app.command("forecaster")(forecaster_command)
app.command("edge")(edge_command)
app.command("page-test")(page_test_command)
app.command("checkin-link")(checkin_link_command)
app.command("inspect")(inspect_command)
app.command("send")(send_command)
app.command("why")(why_command)
app.command("doctor")(doctor_command)
app.command("backup")(backup_command)
app.command("verify")(verify_command)
app.command("restore")(restore_command)
app.command("erase")(erase_command)
app.add_typer(account_app, name="account")
app.add_typer(token_app, name="token")
app.add_typer(audit_app, name="audit")
app.add_typer(names_app, name="names")


@app.command("check-config")
def check_config_command(
    config: Annotated[Path, typer.Argument(help="A site's configuration (TOML).", show_default=False)],
    who_is_paged: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Only say who would be paged about this rule's alert.", show_default=False),
    ] = None,
    priority: Annotated[
        str | None,
        typer.Option(
            help="Of that alert; else the worst that its limits give, low for maintenance, high.", show_default=False
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it is raised, by the site's clock; else now.", show_default=False),
    ] = None,
    chair: Annotated[str | None, typer.Option(help="Where; else it is of no chair.", show_default=False)] = None,
) -> None:
    """Check a site's configuration and show the limits that it would put in force, beside the defaults.

    Also when nobody would be on call in the next four weeks, where somebody should be. Or who would be paged about an alert that
    nobody answers: by which route, when, by which methods, and who is passed over.

    [dim]chairside check-config site.toml[/dim]
    [dim]chairside check-config site.toml --who-is-paged desaturation --chair 3 --at "2026-12-24 03:00"[/dim]
    """
    settings = _settings(config)
    if who_is_paged is not None:
        from deploy.cli.who_is_paged import who_is_paged_lines

        for line in who_is_paged_lines(settings, who_is_paged, priority, at, chair):
            typer.echo(line)
        return
    if not (priority is at is chair is None):
        raise fail("--priority, --at and --chair go with --who-is-paged RULE", 2)
    from alerts.notify.notifiers import open_destinations
    from models.tables.limits import LIMITS, UNITS

    table = Table(title=f"{settings.site.name}: limits (changed ones marked *)", title_justify="left")
    for heading in ("", "rule", "priority", "channel", "enters", "leaves", "for", "source"):
        table.add_column(heading)
    for default, limit in zip(LIMITS, settings.limit_table(), strict=True):
        enters = f"{limit.past} {limit.enter:g} {UNITS[limit.channel]}" if limit.enabled else "off"
        persistence = (
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
            persistence,
            limit.source if not mark else "this site",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for words, reason in settings.weakened():
        typer.echo(f"Weakened, and said on the board for as long as it holds: {words} ({reason}).")
    _print_policies(settings)
    _say_who_is_on_call(settings)
    # By name: an address holds secrets, and a terminal is often shown.
    opened = [destination.name for destination in open_destinations(settings.pages.destinations)]
    pages = ", ".join((*opened, *settings.destinations))
    typer.echo(f"{config}: good. Pages go to {pages}." if pages else f"{config}: good, but pages go nowhere.")
    if settings.pages.scheduler:
        planning = ", ".join(destination.name for destination in open_destinations(settings.pages.scheduler))
        typer.echo(f"The daily digest goes to {planning}.")


def _say_who_is_on_call(settings: Settings) -> None:
    """Of each schedule, who is on call now and where nobody is, in its own zone."""
    from alerts.rota.rota import holes, on_call
    from alerts.rota.wall_clock import wall_of
    from alerts.rota.watch import TOLD_BEFORE
    from models.instants import DAY

    table, now_us = settings.on_call(), time.time_ns() // 1000
    for name, schedule in table.schedules.items():
        people = ", ".join(on_call(table, name, now_us)) or "nobody"
        found = list(holes(table, name, now_us, now_us + 28 * DAY))
        line = f"{name}: {people} now; in four weeks somebody is on call whenever expected."
        if found:
            since, until = (f"{wall_of(at_us, schedule.timezone):%a %d %b %H:%M}" for at_us in found[0])
            more = f", and {len(found) - 1} times more in four weeks" if found[1:] else ""
            told = f"{wall_of(max(found[0][0] - TOLD_BEFORE, now_us), schedule.timezone):%a %d %b %H:%M}"
            line = f"{name}: {people} now; nobody is on call from {since} to {until}{more}; alerted from {told} on."
        typer.echo(line)


def _print_policies(settings: Settings) -> None:
    from models.relapse.policies import CheckIns, Maintenance

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


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Where to listen. Beyond loopback needs sign-in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    data: Annotated[Path, typer.Option(help="Where the journal and the store live.")] = Path("var/chairside"),
    config: Annotated[Path | None, typer.Option(help="The site's configuration (TOML).", exists=False)] = None,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Start although frames of the journal are missing or damaged: an alert says which. Try a backup first.",
        ),
    ] = False,
    clock: Annotated[
        str, typer.Option(help="`observed` is for tests: time is the senders'.", hidden=True)
    ] = "received",
) -> None:
    """Run Chairside for one clinic: intake, detection, pages and boards in one process, with one SQLite file.

    Without a configuration it listens on this machine only, and pages go to this terminal. With one that cannot be used it
    goes on with the last that could be, and says so, there and on the board.

    [dim]chairside serve --config site.toml --data /var/lib/chairside --port 8000[/dim]
    """
    from deploy.http import run_service

    if clock not in {"received", "observed"}:
        raise fail("--clock is received or observed", 2)
    mode: Clock = "observed" if clock == "observed" else "received"
    _run(lambda: run_service(config, data, host, port, mode, accept_loss=accept_loss))


@app.command("demo")
def demo_command(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    speed: Annotated[
        float | None, typer.Option(min=1, max=60, help="Times as fast as life: 10, or 2 for a scenario.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another day.")] = DEMO_SEED,
    browser: Annotated[bool, typer.Option(help="Open the board in a browser.")] = True,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Stop after so many minutes of real time.")] = None,
    scenario: Annotated[str | None, typer.Option(help="A close call, with what to look at; --list names them.")] = None,
    list_them: Annotated[bool, typer.Option("--list", help="Name the scenarios, and start nothing.")] = False,
) -> None:
    """Run an invented clinic of twelve chairs, sped up, and open the board on it. Everything in it is made up.

    Pages are printed here. Press Ctrl-C to end; nothing is kept. With --scenario one thing goes wrong that could hurt somebody,
    and what to look at is said here and on the board.

    [dim]chairside demo --scenario slow-desaturation[/dim]
    """
    from deploy.demo import run_demo
    from deploy.demo_scenarios import SCENARIOS

    if list_them:
        for each in SCENARIOS.values():
            typer.echo(f"{each.name:20} {each.title}")
        return
    if scenario is not None and scenario not in SCENARIOS:
        raise fail(f"there is no scenario {scenario!r}; there are {', '.join(SCENARIOS)}", 2)
    played = None if scenario is None else SCENARIOS[scenario]
    at_speed = speed or (10.0 if played is None else 2.0)
    _run(lambda: run_demo(port, at_speed, seed, browser, minutes, played))


def _run(start: Any) -> None:
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    from alerts.store.database import DatabaseTooNew
    from deploy.access.database import AccessRefused
    from deploy.http import SignInNeeded
    from deploy.supervisor import ServiceFailed
    from deploy.wiring import DataInUse
    from streams.journal.frame import UnknownFrame
    from streams.journal.journal import JournalRefused
    from streams.journal.trouble import trouble_in_words
    from streams.shard import OffsetGap
    from streams.ward.ward import UnknownState

    try:
        start()
    except SignInNeeded as wrong:
        raise fail(str(wrong), 2) from wrong
    except (
        AccessRefused,
        BadConfiguration,
        DataInUse,
        JournalRefused,
        DatabaseTooNew,
        ServiceFailed,
        UnknownState,
    ) as wrong:
        raise fail(str(wrong)) from wrong
    except (UnknownFrame, OffsetGap) as wrong:
        raise fail(f"the journal cannot be read on: {wrong}") from wrong
    except (sqlite3.DatabaseError, DBAPIError) as wrong:
        raise fail(f"the database cannot be used: {trouble_in_words(wrong)}") from wrong
    except OSError as wrong:
        raise fail(trouble_in_words(wrong)) from wrong


def main() -> None:
    """The `chairside` command."""
    app()
