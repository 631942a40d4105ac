"""A network whose brokers want TLS and a password, and whose database does: by configuration, as in production."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from sqlalchemy.exc import OperationalError

from alerts.store.store import Store
from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from deploy.network.settings import load_network
from streams.hosts.kafka.worker import ShardWorker
from streams.journal.kafka import create_topics, shards_of
from tests.support.network import SITES, Network, appending, assert_exact, recent, until, working
from tests.support.tls_front import tls_in_front_of

pytest_plugins = ("tests.support.servers",)
pytestmark = pytest.mark.xdist_group("network")

SECURE_SHARDS = 2


async def test_workers_reach_brokers_and_database_through_tls_and_with_passwords_alone(
    folder: Path, tmp_path: Path
) -> None:
    broker, database = (
        LocalBroker(folder / "secure-broker", secure=True),
        LocalDatabase(folder / "secure-database", secure=True),
    )
    try:
        broker.start()
        database.start()
        assert broker.secret is not None
        assert database.secret is not None
        database.create("clinics")
        with tls_in_front_of(database.port, tmp_path) as (port, ca):
            (tmp_path / "kafka").write_text(broker.secret.password + "\n")
            (tmp_path / "database").write_text(database.secret.password + "\n")
            file = tmp_path / "network.toml"
            file.write_text(
                f'[kafka]\nbrokers = "{broker.address}"\nca = "{broker.ca}"\nuser = "{broker.secret.user}"\n'
                f'password_file = "kafka"\n[database]\npassword_file = "database"\n'
                f'url = "postgresql://{database.secret.user}@127.0.0.1:{port}/clinics?sslmode=verify-full&sslrootcert={ca}"\n'
            )
            settings = load_network(file)
            connection, url = settings.kafka.connection(), settings.database.located()
            await create_topics(connection, SECURE_SHARDS, 1)
            store = Store(url)
            store.migrate()
            async with (
                appending(Network(connection, url, SECURE_SHARDS)) as appender,
                working(ShardWorker(connection, SECURE_SHARDS, store)),
            ):
                for post in recent(1):
                    await appender.append(post)
                await until(lambda: all(store.alerts(site, limit=1) for site in SITES), "every site has an alert")
            assert (await assert_exact(Network(connection, url, SECURE_SHARDS), tmp_path)).effects > len(SITES)
            store.close()

            (tmp_path / "kafka").write_text("guessed")
            (tmp_path / "database").write_text("guessed")
            guessed = load_network(file)
            with pytest.raises(KafkaError):
                await shards_of(guessed.kafka.connection())
            with pytest.raises(OperationalError, match="password"):
                Store(guessed.database.located()).migrate()
            with pytest.raises(OperationalError):
                Store(url.replace("sslmode=verify-full", "sslmode=disable")).migrate()
    finally:
        broker.stop()
        database.stop()
