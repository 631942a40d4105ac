"""`chairside account` and `chairside token`: who may sign in, and which devices may send. A running service heeds both."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE, AccessRefused
from deploy.access.roles import FROM_DEVICES, READ_FHIR, SCRAPE, SENDABLE
from deploy.cli.terminal import err, fail
from deploy.configuration import LAST_GOOD
from deploy.running import running_note
from deploy.settings import BadConfiguration
from models.instants import to_datetime
from models.staff import ROLES
from models.wire.observations import SITE_HERE
from streams.journal.topics import OPERATORS

account_app = typer.Typer(no_args_is_help=True, help="Who may sign in, and with which role.")
token_app = typer.Typer(no_args_is_help=True, help="Which devices and systems may send, and what.")

Data = Annotated[Path, typer.Option(help="Where the journal and the store live, as of `serve`.")]
NetworkOf = Annotated[
    Path | None,
    typer.Option("--network", help="Instead of --data: a network's file, as of `edge`.", show_default=False),
]
SiteOf = Annotated[
    str | None,
    typer.Option("--site", help=f"In a network, whose; {OPERATORS} for those who run all of it.", show_default=False),
]
DATA = Path("var/chairside")


@contextmanager
def _accounts(data: Path, network: Path | None) -> Iterator[Accounts]:
    """The accounts in a data directory, or of a network; what cannot be done is one line."""
    if network is None and not data.is_dir():
        raise fail(f"there is no folder {data}: give the --data of `serve`, which makes it at its first start")
    try:
        where: Path | str = data / ACCOUNTS_FILE if network is None else _database_of(network)
        accounts = Accounts(where, lambda: time.time_ns() // 1000, by=f"command line of {getuser()}")
        try:
            yield accounts
        finally:
            accounts.close()
    except AccessRefused as why:
        raise fail(str(why)) from why
    except (OSError, DBAPIError) as wrong:
        place = data / ACCOUNTS_FILE if network is None else "the network's database"
        raise fail(f"{place} cannot be used: {' '.join(str(getattr(wrong, 'orig', wrong)).split())[:200]}") from wrong


def _database_of(network: Path) -> str:
    from deploy.network.settings import load_network

    try:
        return load_network(network).database.located()
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad


def _link_in_force(data: Path) -> str | None:
    """`link` of the configuration that the service has taken last; the rest of it need not be of use here."""
    try:
        link = tomllib.loads((data / LAST_GOOD).read_text("utf-8"))["pages"]["link"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return link if isinstance(link, str) and link else None


def _site(site: str | None, network: Path | None) -> str:
    """The site that is meant: in a network it has to be said, in one clinic there is one."""
    if (network is None) == (site is None):
        return SITE_HERE if site is None else site
    raise fail("--site and --network go together: in one clinic there is one site", 2)


@account_app.command("add")
def add_account(
    name: Annotated[str, typer.Argument(help="As under `people` of the site's configuration.", show_default=False)],
    role: Annotated[str, typer.Option(help=", ".join(ROLES), show_default=False)],
    data: Data = DATA,
    network: NetworkOf = None,
    site: SiteOf = None,
    link: Annotated[
        str | None,
        typer.Option(
            help="Where browsers find the board; else `link` of the configuration in force, or where the service listens.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Add somebody, or give them a new role or a new password: prints a one-time link with which they choose it.

    [dim]chairside account add ada --role nurse --data /var/lib/chairside[/dim]
    [dim]chairside account add ada --role nurse --network network.toml --site north[/dim]
    """
    known = {each: each for each in ROLES}
    if role not in known:
        raise fail(f"there is no role {role}: {', '.join(ROLES)}", 2)
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise fail("give a name, of 100 characters at the most", 2)
    with _accounts(data, network) as accounts:
        secret = accounts.link(name, known[role], _site(site, network))
    err.print(f"{name} is {role}. Good once, for a day; whoever opens it is {name}:", highlight=False, soft_wrap=True)
    board = link or (None if network is not None else _link_in_force(data) or running_note(data).get("address"))
    board = board or "http://localhost:8000"
    typer.echo(f"{board.rstrip('/')}/welcome#{secret}")


@account_app.command("list")
def list_accounts(data: Data = DATA, network: NetworkOf = None) -> None:
    """Everybody who may sign in."""
    table = Table(*(["site"] if network is not None else []), "name", "role", "")
    with _accounts(data, network) as accounts:
        for each in accounts.people():
            table.add_row(
                *([each.site] if network is not None else []),
                each.name,
                each.role,
                "disabled" if each.disabled else "" if each.ready else "no password yet",
            )
    Console().print(table)


@account_app.command("disable")
def disable_account(name: str, data: Data = DATA, network: NetworkOf = None, site: SiteOf = None) -> None:
    """Sign somebody out everywhere, and in nowhere. `account add` lets them in again."""
    with _accounts(data, network) as accounts:
        accounts.disable(name, _site(site, network))
    typer.echo(f"{name} can no longer sign in.")


@token_app.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="What it is for: monitor-3, prometheus.", show_default=False)],
    sends: Annotated[
        str, typer.Option(help=f"What it may send, with commas between: {', '.join(SENDABLE)}; `{SCRAPE}` is for Prometheus, `{READ_FHIR}` for a record system that reads.")
    ] = ",".join(FROM_DEVICES),
    site: Annotated[
        str, typer.Option(help=f"The site that it may send to; in a network {OPERATORS} for what may have its metrics.")
    ] = SITE_HERE,
    data: Data = DATA,
    network: NetworkOf = None,
) -> None:  # fmt: skip
    """Make a token for a device or another system, and print it: this once.

    It goes into the header of each request: `Authorization: Bearer TOKEN`.

    [dim]chairside token add monitors --sends vitals,monitor.alarm[/dim]
    [dim]chairside token add prometheus --sends metrics > prometheus.token[/dim]
    """
    with _accounts(data, network) as accounts:
        typer.echo(accounts.tokens.add(name, [each.strip() for each in sends.split(",") if each.strip()], site))


@token_app.command("list")
def list_tokens(data: Data = DATA, network: NetworkOf = None) -> None:
    """Every token: what it may send, and when it last did."""
    table = Table("name", "site", "sends", "last used", "")
    with _accounts(data, network) as accounts:
        for each in accounts.tokens.listed():
            used = "never" if each.used_us is None else f"{to_datetime(each.used_us):%Y-%m-%d %H:%M} UTC"
            table.add_row(each.name, each.site, ", ".join(each.sends), used, "revoked" if each.revoked else "")
    Console().print(table)


@token_app.command("revoke")
def revoke_token(name: str, data: Data = DATA, network: NetworkOf = None, site: SiteOf = None) -> None:
    """Whoever has this token sends nothing more, from now on."""
    with _accounts(data, network) as accounts:
        accounts.tokens.revoke(name, site)
    typer.echo(f"{name} is revoked.")
