"""`chairside why ALERT|PATIENT`: in sentences, why somebody was paged or nobody was. Reads the store, and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.access_commands import DATA, Data
from deploy.cli.terminal import fail, instant_on_clock

if TYPE_CHECKING:
    from alerts.store.store import Store


def why_command(
    about: Annotated[str, typer.Argument(metavar="ALERT|PATIENT", help="An alert's id, or a patient's alias.", show_default=False)],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="What was open then, by the site's clock, and was decided by then.", show_default=False)
    ] = None,
    data: Data = DATA,
) -> None:  # fmt: skip
    """Why somebody was paged about an alert, or nobody was: each decision, and what became of each page.

    Of a patient, the alerts that are open, or were at that time; where none was, the last one before. The service may be running.

    [dim]chairside why P-07 --at "2026-12-24 03:00" --data /var/lib/chairside[/dim]
    """
    from sqlalchemy.exc import DBAPIError

    from alerts.store.store import Store

    path = data / "chairside.sqlite"
    if not path.is_file():
        raise fail(f"there is no store in {data}: give the --data of `serve`")
    # Read-only: what asks why must not be able to change it.
    store = Store(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true")
    try:
        lines = _lines(store, about, at)
    except DBAPIError as wrong:
        raise fail(
            f"{path} cannot be read (one of an earlier version is brought up by `serve`): {wrong.orig}"
        ) from wrong
    finally:
        store.close()
    for line in lines:
        typer.echo(line)


def _lines(store: Store, about: str, at: str | None) -> list[str]:
    from alerts.desk.why import explain
    from alerts.rota.wall_clock import wall_of
    from models.instants import from_iso

    found = store.alerts_of(about)
    story = store.story(about)
    if story is None and not found:
        raise fail(f"there is no alert {about}, and never was one about a patient {about}")
    first = story or store.story(found[0].alert)
    zone = "UTC" if first is None else first["timezone"]
    until_us = None if at is None else instant_on_clock(at, zone)
    lines: list[str] = []
    wanted = [about] if story is not None else [each.alert for each in found if each.was_open(until_us)]
    if not wanted:
        before = [each.alert for each in found if until_us is None or from_iso(each.raised_at) <= until_us]
        when = "now" if at is None else f"at {at}"
        lines.append(
            f"No alert about {about} {'is' if at is None else 'was'} open {when}, so nobody was paged about one."
        )
        wanted = before[-1:]
        if wanted:
            lines.append("The last one before:")
    for alert in wanted:
        if (story := store.story(alert)) is None:
            continue
        told, newest = explain(story, until_us), story["transitions"][-1]
        lines += [
            f"{newest['patient']}, {newest['rule']}, alert {alert} ({zone}):",
            told["answer"],
            *(
                f"{wall_of(from_iso(each['at']), zone):%a %Y-%m-%d %H:%M:%S}  {each['text']}"
                for each in told["sentences"]
            ),
        ]
    return lines
