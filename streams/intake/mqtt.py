"""MQTT: what gateways and wearables publish in, its observations to the journal, each message acknowledged when it is durable.

A message is one observation as JSON, or several, one a line; its topic says nothing. Messages of quality of service 1 that were
not acknowledged come again, after a restart of either side too, because broker and client keep one session; the ward drops what
it has already. A connection that was lost is made again, for ever.
Cost: a group of messages waits for the disk together. Bad at: a message of many megabytes, which is in memory before it can be
refused; messages of quality 0, which a broker forgets once they are sent. Never here: validation (json.py).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from models.instants import EPOCH
from models.wire.observations import SetAside
from streams.intake.admission import Admission
from streams.intake.append import Overloaded, Records
from streams.intake.json import read_packable
from streams.intake.mqtt_part import MQTT_PORTS, MqttPart
from streams.intake.post import arranged

log = logging.getLogger(__name__)

MOST_UNACKNOWLEDGED: Final = 2_000
"""Messages that wait for the disk; beyond them none is read from the connection. Chosen by us: some seconds of a clinic."""
LARGEST_MQTT_MESSAGE: Final = 2**20
"""Bytes of a message that is taken: some five thousand values. Chosen by us, as for other ways in."""
MQTT_KEEPALIVE_S: Final = 30
"""A broker that is silent for so long is asked, and left if it does not answer. By us: as long as a chair may be silent."""
_RETRY_S: Final = 1.0
_RETRY_AT_MOST_S: Final = 30


class _Came(NamedTuple):
    """A message, and the connection that it came by: it can be acknowledged on that one alone."""

    connection: int
    message: MQTTMessage


class MqttIntake:
    """A subscriber. `run` takes messages until it is cancelled.

    Args:
        append: durable when it returns. counted: told how many were accepted and set aside.
    """

    def __init__(
        self, part: MqttPart, append: Callable[[Records], Awaitable[None]], counted: Callable[[int, int], None], admission: Admission
    ) -> None:  # fmt: skip
        self._part = part
        self._append = append
        self._counted = counted
        self._admission = admission
        #: Why nothing comes from the broker; empty: it does.
        self.trouble = "not connected yet"
        self._connection = 0
        self._closing = False
        self._room = threading.Semaphore(MOST_UNACKNOWLEDGED)
        self._came: asyncio.Queue[_Came] = asyncio.Queue()

    async def run(self) -> None:
        """Connect, subscribe and take messages until cancelled.

        Raises:
            OSError, ssl.SSLError: a file of the configuration cannot be used.
        """
        parts = urlsplit(self._part.broker or "")
        loop = asyncio.get_running_loop()
        client = self._client(parts.scheme)
        client.on_message = lambda _, __, message: self._take(loop, message)
        client.connect_async(parts.hostname or "", parts.port or MQTT_PORTS[parts.scheme], MQTT_KEEPALIVE_S)
        client.loop_start()
        try:
            while True:
                batch = [await self._came.get()]
                while not self._came.empty():
                    batch.append(self._came.get_nowait())
                await self._durable([each.message for each in batch])
                for each in batch:
                    self._room.release()
                    if each.connection == self._connection:
                        client.ack(each.message.mid, each.message.qos)
        finally:
            self._closing = True
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _client(self, scheme: str) -> Client:
        part = self._part
        client = Client(CallbackAPIVersion.VERSION2, part.client_id, clean_session=False, manual_ack=True)
        if part.user is not None:
            secret = None if part.password_file is None else part.password_file.read_text("utf-8").rstrip("\r\n")
            client.username_pw_set(part.user, secret)
        if scheme == "mqtts":
            context = ssl.create_default_context(cafile=part.ca)
            if part.certificate is not None:
                context.load_cert_chain(part.certificate, part.key)
            client.tls_set_context(context)
        client.reconnect_delay_set(1, _RETRY_AT_MOST_S)
        client.on_connect, client.on_disconnect, client.on_subscribe = self._connected, self._lost, self._subscribed
        # It is called while what went wrong is being handled, and is not told what that is.
        client.on_connect_fail = lambda _, __: self._say(f"{part.broker} cannot be reached: {sys.exc_info()[1]}")
        return client

    # On the client's thread

    def _take(self, loop: asyncio.AbstractEventLoop, message: MQTTMessage) -> None:
        """Hand a message over when there is room; while there is none, nothing is read from the connection."""
        while not self._room.acquire(timeout=1):
            if self._closing:
                return
        if not self._closing:
            loop.call_soon_threadsafe(self._came.put_nowait, _Came(self._connection, message))

    def _connected(self, client: Client, _: Any, __: ConnectFlags, code: ReasonCode, ___: Properties | None) -> None:
        if code.is_failure:
            self._say(f"{self._part.broker} refuses the connection: {code}")
            return
        self._connection += 1
        client.subscribe([(topic, 1) for topic in self._part.topics])

    def _subscribed(self, _: Client, __: Any, ___: int, codes: list[ReasonCode], ____: Properties | None) -> None:
        refused = [topic for topic, code in zip(self._part.topics, codes, strict=False) if code.is_failure]
        self._say(f"{self._part.broker} refuses the topics {', '.join(refused)}" if refused else "")

    def _lost(self, _: Client, __: Any, ___: DisconnectFlags, code: ReasonCode, ____: Properties | None) -> None:
        if not self._closing and not self.trouble:  # after a refusal that is the reason
            self._say(f"{self._part.broker} is lost: {code}")

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.error("MQTT: %s; it is tried again until it can be had", trouble)
        elif self.trouble and not trouble:
            log.info("MQTT: %s, topics %s", self._part.broker, ", ".join(self._part.topics))
        self.trouble = trouble

    # On the loop

    async def _durable(self, messages: Sequence[MQTTMessage]) -> None:
        """Put messages into the journal; return when they are durable, however long that takes: the broker holds the others."""
        taken = [each for each in messages if len(each.payload) <= LARGEST_MQTT_MESSAGE]
        reading = read_packable([line for each in taken for line in bytes(each.payload).split(b"\n")], self._admission)
        aside = [
            SetAside(
                at=EPOCH, site=self._admission.filed_under(None), field="message", line=each.topic,
                reason=f"a message of more than {LARGEST_MQTT_MESSAGE // 2**20} MiB",
            )
            for each in messages
            if len(each.payload) > LARGEST_MQTT_MESSAGE
        ]  # fmt: skip
        records = [*arranged(reading.records), *aside]
        while True:
            try:
                await self._append(records)
                break
            except Overloaded as wait:
                log.error("MQTT has to wait: %s", wait)
                await asyncio.sleep(_RETRY_S)
        self._counted(reading.accepted, len(reading.bad) + len(aside))
