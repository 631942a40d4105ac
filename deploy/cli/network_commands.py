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


def worker_command(network: NetworkFile) -> None:
    """Run the wards and desks of a share of the network's sites. Start as many as you need, on as many machines.

    [dim]chairside worker --network network.toml[/dim]
    """
    from alerts.store.database import DatabaseTooNew
    from deploy.network.worker import run_worker
    from streams.journal.kafka import TopicsRefused

    try:
        raise typer.Exit(run_worker(_network(network)))
    except (TopicsRefused, DatabaseTooNew) as refused:
        raise fail(str(refused)) from refused
