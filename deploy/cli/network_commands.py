"""The commands of a network of clinics: each runs one kind of process, all read the network's file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.terminal import fail
from deploy.settings import BadConfiguration
from streams.journal.topics import SHARDS

if TYPE_CHECKING:
    from deploy.network.settings import NetworkSettings

NetworkFile = Annotated[
    Path, typer.Option("--network", help="The network's configuration (TOML).", show_default=False)
]  # fmt: skip
DoorHost = Annotated[str, typer.Option(help="Where /metrics and /healthz listen.")]
DoorPort = Annotated[int, typer.Option(min=0, max=65535, help="Their port; 0 for neither.")]


def _network(path: Path) -> NetworkSettings:
    from deploy.network.settings import load_network

    try:
        return load_network(path)
    except BadConfiguration as bad:
        raise fail(str(bad)) from bad


def create_topics_command(
    network: NetworkFile,
    shards: Annotated[int, typer.Option(min=1, help="Partitions of the sites' journals, for good.")] = SHARDS,
    replication: Annotated[int, typer.Option(min=1, help="Copies of each record; 1 is for a developer's machine.")] = 3,
) -> None:
    """Make a network's topics. Run it before anything else; again is harmless.

    [dim]chairside create-topics --network network.toml[/dim]
    """
    from aiokafka.errors import KafkaError

    from streams.journal.kafka import TopicsRefused, create_topics

    try:
        made = asyncio.run(create_topics(_network(network).kafka.connection(), shards, replication))
    except TopicsRefused as refused:
        raise fail(str(refused)) from refused
    except (KafkaError, OSError) as away:
        raise fail(f"the brokers cannot be reached: {away}") from away
    typer.echo(f"made {', '.join(made)}" if made else "all topics were there")


def worker_command(network: NetworkFile, host: DoorHost = "127.0.0.1", port: DoorPort = 0) -> None:
    """Run the wards and desks of a share of the network's sites. Start as many as you need, on as many machines.

    [dim]chairside worker --network network.toml --port 9100[/dim]
    """
    from alerts.store.database import DatabaseTooNew
    from deploy.network.worker import run_worker
    from streams.journal.kafka import TopicsRefused

    try:
        raise typer.Exit(run_worker(_network(network), host, port))
    except (TopicsRefused, DatabaseTooNew) as refused:
        raise fail(str(refused)) from refused


def pager_command(network: NetworkFile, host: DoorHost = "127.0.0.1", port: DoorPort = 0) -> None:
    """Send the pages of a network's sites. Start two: each page goes out from one of them.

    [dim]chairside pager --network network.toml[/dim]
    """
    from alerts.store.database import DatabaseTooNew
    from deploy.network.pager import run_pager

    try:
        run_pager(_network(network), host, port)
    except DatabaseTooNew as refused:
        raise fail(str(refused)) from refused


def forecaster_command(network: NetworkFile, host: DoorHost = "127.0.0.1", port: DoorPort = 0) -> None:
    """Make the forecasts of a network's sites. Start as many as you have cores to spare: they share the work.

    [dim]chairside forecaster --network network.toml[/dim]
    """
    from alerts.store.database import DatabaseTooNew
    from deploy.network.forecaster import run_forecaster
    from streams.journal.kafka import TopicsRefused

    try:
        run_forecaster(_network(network), host, port)
    except (TopicsRefused, DatabaseTooNew) as refused:
        raise fail(str(refused)) from refused


def edge_command(
    network: NetworkFile,
    host: Annotated[str, typer.Option(help="Where to listen. Beyond loopback needs sign-in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    site: Annotated[str, typer.Option(help="The site whose boards are shown at /.")] = "main",
) -> None:
    """Take observations and answers, and serve boards and queries, for all sites. It has no state: start as many as you need.

    [dim]chairside edge --network network.toml --port 8000[/dim]
    """
    from alerts.store.database import DatabaseTooNew
    from deploy.access.database import AccessRefused
    from deploy.http import SignInNeeded
    from deploy.network.edge import run_edge
    from deploy.supervisor import ServiceFailed
    from streams.journal.kafka import TopicsRefused

    try:
        run_edge(_network(network), host, port, site)
    except (TopicsRefused, DatabaseTooNew, ServiceFailed, SignInNeeded, AccessRefused) as refused:
        raise fail(str(refused)) from refused
    except OSError as wrong:
        raise fail(f"{wrong.strerror or wrong}") from wrong
