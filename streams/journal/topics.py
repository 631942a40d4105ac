"""The topics of a network of clinics: every one of them, what is in it, who writes and who reads it, how long it is kept.

A shard is one partition of `observations`, and its journal. A site is hashed onto one shard, for good: how many shards there
are is settled when the topics are made. `observations` is neither compacted nor written in transactions, because both leave
holes in its offsets, and a shard refuses to go on over a hole (`Shard.step`); its stamps are the broker's, because they are
the shards' clock.
Never here: a connection to a broker (kafka.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal

from models.instants import DAY, MINUTE

SHARDS: Final = 64
"""Shards of a new network: some three a core for the twenty cores that a million sessions would need. Chosen by us; more
workers than shards have nothing to do, and each idle shard costs a tick a second."""

LARGEST_RECORD: Final = 12 * 2**20
"""Bytes of one record at most: a post (8 MiB, streams/intake/http.py) that holds one observation, and its frame."""

Process = Literal["edge", "worker", "others"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    holds: what a record is. key: what the record's key is, which decides the partition where no number does.
    partitions: how many; None for as many as there are shards, record by record in the shard's own.
    kept_us: how long the broker keeps a record at least, in microseconds. stamped: by whom.
    written_by, read_by: which processes; ``others`` are programs that are not ours.
    """

    name: str
    holds: str
    key: str
    partitions: int | None
    kept_us: int
    stamped: Literal["broker", "producer"]
    written_by: tuple[Process, ...]
    read_by: tuple[Process, ...]

    def settings(self, replication: int) -> dict[str, str]:
        """What the broker is told when the topic is made, where each record has `replication` copies."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.kept_us // 1000),
            "message.timestamp.type": "LogAppendTime" if self.stamped == "broker" else "CreateTime",
            "max.message.bytes": str(LARGEST_RECORD),
            # Acknowledged means that another broker has it too, where there is another.
            "min.insync.replicas": str(min(2, replication)),
            "compression.type": "producer",
        }

    def count(self, shards: int) -> int:
        """How many partitions it has in a network of so many shards."""
        return shards if self.partitions is None else self.partitions


# fmt: off
OBSERVATIONS_TOPIC: Final = Topic(
    "observations", "a frame of one shard's sites (streams/journal/frame.py)", "none: the partition is the shard",
    # Checkpoints are half a minute old; the rest is for whoever wants to look back, and for a weekend without anybody.
    None, 7 * DAY, "broker", ("edge", "worker"), ("worker", "edge"),
)
RAW_TOPIC: Final = Topic(
    "raw", "one observation, as JSON; or several, one a line", "any; the patient's or device's name keeps their order",
    16, 3 * DAY, "broker", ("others",), ("edge",),
)
ALERTS_TOPIC: Final = Topic(
    "alerts", "one transition of an alert, as JSON, at least once; `site` and `seq` tell a repeat", "the site",
    None, 7 * DAY, "broker", ("worker",), ("edge", "others"),
)
CHAIRS_TOPIC: Final = Topic(
    "chairs", "the latest values of a site's chairs, each second while somebody looks, as JSON; the newest holds", "the site",
    None, 10 * MINUTE, "broker", ("worker",), ("edge", "others"),
)
QUESTIONS_TOPIC: Final = Topic(
    "questions", "what an edge asks of a site's shard for a board, as JSON", "none: the partition is the shard",
    None, 10 * MINUTE, "broker", ("edge",), ("worker",),
)
ANSWERS_TOPIC: Final = Topic(
    "answers", "the answer to a question, or why there is none now, as JSON", "none: the question names the partition",
    8, 10 * MINUTE, "broker", ("worker",), ("edge",),
)
DEAD_LETTERS_TOPIC: Final = Topic(
    "dead-letters", "a line that could not be used, and why, as JSON, at least once", "the site",
    4, 30 * DAY, "broker", ("worker",), ("others",),
)
# fmt: on

TOPICS: Final = (
    OBSERVATIONS_TOPIC,
    RAW_TOPIC,
    ALERTS_TOPIC,
    CHAIRS_TOPIC,
    QUESTIONS_TOPIC,
    ANSWERS_TOPIC,
    DEAD_LETTERS_TOPIC,
)


def shard_of(site: str, shards: int) -> int:
    """The shard of a site, the same on every machine and in every version."""
    hashed = blake2b(site.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(hashed, "little") % shards


OPERATORS: Final = "~"
"""How the site of a shard's own trouble begins; a sender cannot use it, because the desk of one shard alone numbers a site."""


def operators_site(shard: int) -> str:
    """The site under which a shard raises what concerns those who run the network, not one clinic."""
    return f"{OPERATORS}shard-{shard}"
