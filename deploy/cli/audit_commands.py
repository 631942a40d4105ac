"""`chairside audit`: whether the audit is whole, and the audit as a file. Reads the store, and writes nothing to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.access_commands import DATA, Data
from deploy.cli.terminal import err, fail, writing

if TYPE_CHECKING:
    from alerts.store.chain import AuditHead
    from alerts.store.chain_checked import ChainedEntry
    from alerts.store.store import Store

audit_app = typer.Typer(no_args_is_help=True, help="Who did, saw and was told what: is it whole, and as a file.")

StoreUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="A network's PostgreSQL instead: postgresql://…", show_default=False)
]


@audit_app.command("verify")
def verify_audit_command(
    file: Annotated[Path | None, typer.Argument(help="What `audit export` wrote, instead of the store.", show_default=False)] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="SITE:NUMBER:HASH", help="A head that was published: in the log (`audit head …`). May be repeated.", show_default=False),
    ] = None,
    data: Data = DATA,
    database: StoreUrl = None,
) -> None:  # fmt: skip
    """Say whether the audit is whole: nothing changed, taken out, put in, moved or cut off. Status 1 where it is not.

    What is in it is compared with what it records: alerts' transitions, entries, pages. Whoever could write to the store could
    also have cut the tail, or made a whole new chain: that is seen only beside a head that was published before, by a log that is
    kept elsewhere or by Prometheus. There `chairside_audit_entries` is the number, and `chairside_audit_head` the first 12
    digits of the hash (`printf %012x`). Of an export, heads of the site that it is of count.

    [dim]chairside audit verify --data /var/lib/chairside --head main:18230:3fa9c04d11e2[/dim]
    """
    published = [_head(each) for each in head or ()]
    wrong = list(_of_file(file, published) if file is not None else _of_store(data, database, published))
    for each in wrong:
        typer.echo(str(each))
    if wrong:
        raise fail(f"the audit is not whole: {len(wrong)} {'place' if len(wrong) == 1 else 'places'}")


@audit_app.command("export")
def export_command(
    out: Annotated[Path | None, typer.Option(help="Where to; without it to stdout.", show_default=False)] = None,
    site: Annotated[str | None, typer.Option(help="The site; one clinic has one.", show_default=False)] = None,
    after: Annotated[int, typer.Option(help="Only entries after this number.")] = 0,
    data: Data = DATA,
    database: StoreUrl = None,
) -> None:
    """Write the audit as NDJSON, the first entry first, each with what it records; `audit verify FILE` checks such a file.

    [dim]chairside audit export --out audit.ndjson && chairside audit verify audit.ndjson[/dim]
    """
    from alerts.store.chain_checked import stored_entries

    with _store(data, database) as store, store.database.reading() as connection:
        sites = [each.site for each in store.audit_heads()]
        if site is None and len(sites) > 1:
            raise fail(f"there are {', '.join(sites)}: say which with --site", 2)
        wanted = site if site is not None else (sites[0] if sites else "")
        if wanted not in sites:
            raise fail(f"nothing is audited of {wanted or 'any site'}")
        with writing(out) as lines:
            for each in stored_entries(connection, wanted, after):
                lines.write(json.dumps(_document(each), ensure_ascii=False) + "\n")


@audit_app.command("head")
def head_command(data: Data = DATA, database: StoreUrl = None) -> None:
    """Say where each site's audit ends, as `verify --head` takes it: to be kept elsewhere."""
    with _store(data, database) as store:
        for each in store.audit_heads():
            typer.echo(f"{each.site}:{each.number}:{each.hash}")


@contextmanager
def _store(data: Path, database: str | None) -> Iterator[Store]:
    """The store, to be read; what is wrong with it is one line."""
    from sqlalchemy.exc import DBAPIError

    from alerts.store.store import Store

    path = data / "chairside.sqlite"
    if database is None and not path.is_file():
        raise fail(f"there is no store in {data}: give the --data of `serve`, or --database")
    try:
        store = Store(database or f"sqlite:///file:{path.resolve()}?mode=ro&uri=true")
    except ValueError as wrong:
        raise fail(f"--database: {wrong}", 2) from wrong
    try:
        yield store
    except DBAPIError as wrong:
        raise fail(
            f"the store cannot be read (one of an earlier version is brought up by `serve`): {wrong.orig}"
        ) from wrong
    finally:
        store.close()


def _of_store(data: Path, database: str | None, published: list[AuditHead]) -> Iterator[Any]:
    from alerts.store.chain_checked import tampered_in_store

    counted: dict[str, int] = {}

    def passed(site: str, number: int) -> None:
        counted[site] = number

    with _store(data, database) as store, store.database.reading() as connection:
        yield from tampered_in_store(connection, published, passed)
    for site, number in counted.items():
        err.print(f"{site}: looked at {number} entries", highlight=False)


def _of_file(file: Path, published: list[AuditHead]) -> Iterator[Any]:
    from alerts.store.chain import ERASED
    from alerts.store.chain_checked import erasures, tampered

    try:
        # By line feeds alone: what somebody typed may hold other ends of lines (U+2028), and is no end of an entry.
        with file.open(encoding="utf-8", newline="\n") as lines:
            entries = [_read(line, number) for number, line in enumerate(lines, 1)]
    except (OSError, UnicodeDecodeError) as wrong:
        raise fail(f"{file} cannot be read: {wrong}") from wrong
    site = entries[0].entry.site if entries else ""
    begins = (entries[0].number - 1, None) if entries else (0, None)
    erased = erasures(
        (each.number, each.content[1]) for each in entries if each.entry.kind == ERASED and each.content is not None
    )
    yield from tampered(
        site, entries, [each for each in published if each.site == site], begins=begins[0], erased=erased
    )
    err.print(f"{site}: looked at {len(entries)} entries", highlight=False)


def _head(text: str) -> AuditHead:
    from alerts.store.chain import AuditHead
    from alerts.store.chain_checked import SHORTEST_HEAD

    site, _, rest = text.partition(":")
    number, _, digits = rest.partition(":")
    if (
        not site
        or not number.isdecimal()
        or len(digits) < SHORTEST_HEAD
        or set(digits.lower()) - set("0123456789abcdef")
    ):
        raise fail(
            f"--head {text}: write SITE:NUMBER:HASH as the log has it, with {SHORTEST_HEAD} digits of the hash or more",
            2,
        )
    return AuditHead(site, int(number), digits.lower())


def _document(each: ChainedEntry) -> dict[str, Any]:
    entry = each.entry
    kind, doc = each.content or (None, None)
    return {
        "site": entry.site, "number": each.number, "at": entry.at, "kind": entry.kind, "who": entry.who, "patient": entry.patient,
        "place": entry.place, "key": entry.key, "digest": entry.digest, "hash": each.hash, "effect": kind, "doc": doc,
    }  # fmt: skip


def _read(line: str, number: int) -> ChainedEntry:
    from alerts.store.chain import ChainLink
    from alerts.store.chain_checked import ChainedEntry

    try:
        said = json.loads(line)
        place = None if said["place"] is None else tuple(said["place"])
        entry = ChainLink(
            said["site"],
            said["at"],
            said["kind"],
            said["who"],
            said["patient"],
            said["digest"],
            None,
            place,
            said["key"],
        )
        content = None if said["doc"] is None else (said["effect"], said["doc"])
        return ChainedEntry(int(said["number"]), said["hash"], entry, content)
    except (ValueError, KeyError, TypeError) as wrong:
        raise fail(f"line {number} is none of `audit export`: {wrong!r}") from wrong
