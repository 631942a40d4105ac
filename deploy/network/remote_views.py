"""The edge's side of what boards ask: answers from the workers, the chairs that they show, and the alerts for the live feed.

One consumer reads the ends of three topics. The chairs of a site are what was shown last, if that is fresh; who asks for them
keeps them shown for a while. What is not answered in time is `NotNow`: the shard is moving, and a board asks again.
Never here: state that anybody would miss; an edge that is restarted has forgotten nothing that counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable
from itertools import count
from typing import Any, Final, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from alerts.api.views import Counts, NotNow
from alerts.rota.shown import RotaInForce
from models.wire.home import PatientOut, PatientsOut
from models.wire.live import ChairsOut, Series
from models.wire.on_call import LadderOut
from streams.journal.kafka import KafkaConnection, KafkaProducer
from streams.journal.topics import ALERTS_TOPIC, ANSWERS_TOPIC, CHAIRS_TOPIC, QUESTIONS_TOPIC, Topic, shard_of

log = logging.getLogger(__name__)

ANSWER_WITHIN_S: Final = 8.0
"""How long a question is asked for. A shard whose worker was killed is back after more than this, and the board says so."""
ASK_AGAIN_S: Final = 2.0
FRESH_S: Final = 3.0
"""How old the chairs of a site may be to be given without asking: they come each second."""
KEEP_SHOWN_S: Final = 5.0
"""How often an edge with boards asks for their chairs, so that they are shown on (`answering.WATCHED_FOR_S`)."""
POLL_WITHIN_MS: Final = 200

Heard = Callable[[str, str, dict[str, Any]], None]
"""Told of (event, site, document): ``alert`` and ``chairs``, as the live feed has them."""


class RemoteViews:
    """Implements `alerts.api.views.Views` for a process that has no shard. `start` before use, `run` while in use.

    Args:
        shards: how many there are. now_us: the wall clock. heard: told of each alert and of the chairs that are shown.
    """

    def __init__(
        self, connection: KafkaConnection, producer: KafkaProducer, shards: int, now_us: Callable[[], int], heard: Heard
    ) -> None:
        self._connection = connection
        self._producer = producer
        self._shards = shards
        self._wall_us = now_us
        self._heard = heard
        self._name = secrets.token_hex(8)
        self._partition = secrets.randbelow(ANSWERS_TOPIC.count(shards))
        self._numbers = count(1)
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._chairs: dict[str, tuple[float, ChairsOut]] = {}
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._consumer: Any = None

    # ---- for boards and queries ---------------------------------------------------------------------------------

    async def clock(self, site: str) -> Literal["received", "observed"]:
        return "received"

    async def now_us(self, site: str) -> int:
        return self._wall_us()

    async def chairs(self, site: str) -> ChairsOut:
        loop = asyncio.get_running_loop()
        shown = self._chairs.get(site)
        if shown is not None and loop.time() - shown[0] < FRESH_S:
            return shown[1]
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(site, set()).add(waiting)
        try:
            await self._until(waiting, "chairs", site)
        finally:
            self._waiting[site].discard(waiting)
        return self._chairs[site][1]

    async def series(self, site: str, session: str | None, patient: str | None, minutes: int) -> Series:
        found: Series = await self._answer("series", site, session=session, patient=patient, minutes=minutes)
        return found

    async def patients(self, site: str) -> PatientsOut:
        found: PatientsOut = await self._answer("patients", site)
        return found

    async def patient(self, site: str, patient: str) -> PatientOut | None:
        found: PatientOut | None = await self._answer("patient", site, patient=patient)
        return found

    async def rota(self, site: str) -> RotaInForce:
        return RotaInForce.of(await self._answer("rota", site))

    async def ladders(self, site: str) -> list[LadderOut]:
        found: list[LadderOut] = await self._answer("ladders", site)
        return found

    async def counts(self) -> Counts:
        raise NotNow("an edge counts no sessions: the workers do")

    async def keep_shown(self, site: str) -> None:
        """Ask for the chairs of a site that somebody looks at; nobody waits for it."""
        await self._ask({"id": self._id(), "ask": "chairs", "site": site})

    # ---- questions ----------------------------------------------------------------------------------------------

    async def _answer(self, ask: str, site: str, **more: object) -> Any:
        number = self._id()
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        try:
            said = await self._until(waiting, ask, site, id=number, **more)
        finally:
            del self._asked[number]
        if "not_now" in said:
            raise NotNow(said["not_now"])
        return said["answer"]

    async def _until(self, waiting: asyncio.Future[Any], ask: str, site: str, **more: object) -> Any:
        """What `waiting` comes to, while the question is asked again now and then.

        Raises:
            NotNow: nothing came.
        """
        question = {"id": self._id(), "ask": ask, "site": site, **more}
        give_up_at = asyncio.get_running_loop().time() + ANSWER_WITHIN_S
        while asyncio.get_running_loop().time() < give_up_at:
            await self._ask(question)
            done, _ = await asyncio.wait([waiting], timeout=ASK_AGAIN_S)
            if done:
                return waiting.result()
        raise NotNow(f"no worker answers for {site}: its shard is changing hands")

    async def _ask(self, question: dict[str, Any]) -> None:
        shard = shard_of(question["site"], self._shards)
        text = json.dumps({**question, "partition": self._partition}).encode()
        try:
            await self._producer.send(QUESTIONS_TOPIC, [(None, text)], shard)
        except KafkaError as failed:
            log.error("a question cannot be asked: %s", failed)

    def _id(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    # ---- what the workers say -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen from now on: what is asked from here on is heard.

        Raises:
            KafkaError: no broker answers.
        """
        consumer = AIOKafkaConsumer(
            **self._connection.client(), enable_auto_commit=False, auto_offset_reset="latest"
        )  # fmt: skip
        await consumer.start()
        places = [self._place(ANSWERS_TOPIC, self._partition)]
        for topic in (ALERTS_TOPIC, CHAIRS_TOPIC):
            places += [self._place(topic, number) for number in range(topic.count(self._shards))]
        consumer.assign(places)
        for place in places:
            await consumer.position(place)
        self._consumer = consumer

    async def run(self) -> None:
        """Hear the workers until cancelled; then stop listening."""
        try:
            while True:
                for place, records in (await self._consumer.getmany(timeout_ms=POLL_WITHIN_MS)).items():
                    for record in records:
                        self._hear(place.topic, record.value)
        finally:
            await self._consumer.stop()

    def _place(self, topic: Topic, number: int) -> TopicPartition:
        return TopicPartition(self._connection.named(topic), number)

    def _hear(self, topic: str, said: bytes) -> None:
        try:
            document = json.loads(said)
        except ValueError:
            log.error("%s holds what is not JSON", topic)
            return
        if topic == self._connection.named(ALERTS_TOPIC):
            self._heard("alert", document["site"], document)
        elif topic == self._connection.named(CHAIRS_TOPIC):
            site = document["site"]
            self._chairs[site] = (asyncio.get_running_loop().time(), document)
            for waiting in self._waiting.get(site, ()):
                if not waiting.done():
                    waiting.set_result(None)
            self._heard("chairs", site, document)
        else:
            waiting_for = self._asked.get(document["id"])
            if waiting_for is not None and not waiting_for.done():
                waiting_for.set_result(document)
