"""A real Kafka broker and a real PostgreSQL for tests: one of each for a run's process, up when the first test asks for them.

Nothing to install, no root; see deploy/cluster. A test that stops or kills a server starts one of its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cluster.broker import LocalBroker
from deploy.cluster.database import LocalDatabase
from tests.support.network import Network, network_on


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Not pytest's own directory: that is private to its user, and as root the database runs as another one."""
    home = Path(tempfile.mkdtemp(prefix="chairside-network-"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def broker(folder: Path) -> Iterator[LocalBroker]:
    """The run's broker."""
    server = LocalBroker(folder / "broker")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database(folder: Path) -> Iterator[LocalDatabase]:
    """The run's database server."""
    server = LocalDatabase(folder / "database")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def network(broker: LocalBroker, database: LocalDatabase) -> Network:
    """A network of this test's own."""
    return await network_on(broker, database)
