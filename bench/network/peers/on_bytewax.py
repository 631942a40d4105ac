"""A contender: Bytewax as its guide has it, a stateful step on a stream keyed by device; no recovery store."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from bench.network.peers.plain import Given, Readings, State, alert, sample_of, samples_of

Keyed = tuple[str, tuple[float, Readings]]


def flow_of(given: Given) -> Dataflow:
    """The dataflow."""

    def read(message: Any) -> Iterable[Keyed]:
        samples = samples_of(message.value) if given.form == "frames" else [sample_of(json.loads(message.value))]
        return [(device, (at_s, readings)) for device, at_s, readings in samples]

    def judge(state: State | None, sample: tuple[float, Readings]) -> tuple[State, list[tuple[float, str, int]]]:
        mine = given.rules.start() if state is None else state
        return mine, [(sample[0], *news) for news in given.rules.step(mine, *sample)]

    def told(news: tuple[str, tuple[float, str, int]]) -> KafkaSinkMessage[bytes, bytes]:
        return KafkaSinkMessage(news[0].encode(), json.dumps(alert(news[0], *news[1])).encode())

    flow = Dataflow("limits")
    came = kop.input("in", flow, brokers=[given.brokers], topics=[given.topic])
    keyed = op.flat_map("read", came.oks, read)
    news = op.stateful_flat_map("judge", keyed, judge)
    kop.output("out", op.map("told", news, told), brokers=[given.brokers], topic=given.alerts)
    return flow


if __name__ == "__main__":
    cli_main(flow_of(Given(sys.argv[1])))
