"""The worker's side of what boards ask: questions of its shards in, answers and the chairs' values out, through the brokers.

An edge has no state; what a board shows of a ward is in the worker that has the shard. So an edge asks (`questions`), and gets
an answer (`answers`), or, for the chairs of a site, a record a second (`chairs`) for as long as it goes on asking. Nobody need
reach a worker but through the brokers, whose doors are locked already. A question is lost when a shard moves; edges ask again.
Never here: what decides; a question changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import BaseModel, ConfigDict, ValidationError

from alerts.api.views import NotNow, Views
from streams.hosts.kafka.hosted import HostedShard
from streams.journal.kafka import KafkaConnection, KafkaProducer
from streams.journal.topics import ANSWERS_TOPIC, CHAIRS_TOPIC, QUESTIONS_TOPIC

log = logging.getLogger(__name__)

SHOWN_EVERY_S: Final = 1.0
WATCHED_FOR_S: Final = 15.0
"""How long the chairs of a site are shown after somebody asked for them; edges with boards ask again each 5 s."""
POLL_MS: Final = 200


class BoardQuestion(BaseModel):
    """What an edge asks. `partition` is where it listens for the answer."""

    model_config = ConfigDict(frozen=True)

    id: str
    partition: int
    ask: Literal["chairs", "series", "patients", "patient", "rota", "ladders"]
    site: str
    session: str | None = None
    patient: str | None = None
    minutes: int = 20


class Answering:
    """Answers for the shards that are in `shards` now.

    Args:
        views: what answers, of a shard.
    """

    def __init__(
        self, connection: KafkaConnection, producer: KafkaProducer, shards: dict[int, HostedShard],
        views: Callable[[HostedShard], Views],
    ) -> None:  # fmt: skip
        self._connection = connection
        self._producer = producer
        self._shards = shards
        self._make = views
        self._views: dict[int, tuple[HostedShard, Views]] = {}
        self._watched: dict[tuple[int, str], float] = {}
        self._answers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Answer until cancelled."""
        showing = asyncio.create_task(self._show(), name="chairs")
        try:
            await self._listen()
        finally:
            for task in (showing, *self._answers):
                task.cancel()
            await asyncio.gather(showing, *self._answers, return_exceptions=True)

    async def _listen(self) -> None:
        topic = self._connection.named(QUESTIONS_TOPIC)
        # What was asked before we had the shard is asked again, if anybody still wants to know.
        consumer = AIOKafkaConsumer(
            **self._connection.client(), enable_auto_commit=False, auto_offset_reset="latest"
        )  # fmt: skip
        await consumer.start()
        mine: set[int] = set()
        try:
            while True:
                if mine != self._shards.keys():
                    mine = set(self._shards)
                    consumer.assign([TopicPartition(topic, shard) for shard in sorted(mine)])
                if not mine:
                    await asyncio.sleep(POLL_MS / 1000)
                    continue
                for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                    for record in records:
                        self._begin(place.partition, record.value)
        finally:
            await consumer.stop()

    def _begin(self, shard: int, asked: bytes) -> None:
        try:
            question = BoardQuestion.model_validate_json(asked)
        except ValidationError as wrong:
            log.error("a question that nobody understands: %s", wrong.errors(include_url=False)[:1])
            return
        task = asyncio.create_task(self._answer(shard, question))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, shard: int, question: BoardQuestion) -> None:
        views = self._of(shard)
        if views is None:
            return
        said: dict[str, Any] = {"id": question.id}
        try:
            match question.ask:
                case "chairs":
                    self._watched[shard, question.site] = asyncio.get_running_loop().time() + WATCHED_FOR_S
                    await self._publish(shard, question.site, views)
                    return
                case "series":
                    said["answer"] = await views.series(
                        question.site, question.session, question.patient, question.minutes
                    )
                case "patients":
                    said["answer"] = await views.patients(question.site)
                case "patient":
                    said["answer"] = await views.patient(question.site, question.patient or "")
                case "rota":
                    said["answer"] = (await views.rota(question.site)).document()
                case "ladders":
                    said["answer"] = await views.ladders(question.site)
        except NotNow as why:
            said["not_now"] = str(why)
        except Exception as wrong:
            log.exception("a question about %s of %s cannot be answered", question.ask, question.site)
            said["not_now"] = f"{type(wrong).__name__}"
        await self._send(ANSWERS_TOPIC.name, said, question.partition)

    async def _send(self, what: str, said: dict[str, Any], partition: int) -> None:
        try:
            await self._producer.send(ANSWERS_TOPIC, [(None, _json(said))], partition)
        except KafkaError as failed:
            log.error("%s are late: %s", what, failed)

    async def _show(self) -> None:
        """The chairs of the sites that are looked at, each second."""
        while True:
            await asyncio.sleep(SHOWN_EVERY_S)
            now = asyncio.get_running_loop().time()
            for (shard, site), until in list(self._watched.items()):
                views = self._of(shard)
                if views is None or now > until:
                    del self._watched[shard, site]
                    continue
                try:
                    await self._publish(shard, site, views)
                except Exception:  # what cannot be shown must not end what is watched
                    log.exception("the chairs of %s cannot be shown", site)

    async def _publish(self, shard: int, site: str, views: Views) -> None:
        document = await views.chairs(site)
        try:
            await self._producer.send(CHAIRS_TOPIC, [(site.encode("utf-8", "replace"), _json(document))], shard)
        except KafkaError as failed:
            log.error("the chairs of %s are late: %s", site, failed)

    def _of(self, number: int) -> Views | None:
        """What answers for a shard; None if it is another worker's now."""
        shard = self._shards.get(number)
        if shard is None:
            self._views.pop(number, None)
            return None
        known = self._views.get(number)
        if known is None or known[0] is not shard:
            known = self._views[number] = (shard, self._make(shard))
        return known[1]


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
