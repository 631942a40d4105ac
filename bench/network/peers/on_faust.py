"""A contender: Faust as its guide has it, one event after the other, with states in a dict, or in a Table with its changelog."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

import faust
from faust.types import StreamT

from bench.network.peers.plain import Given, State, alert, sample_of, samples_of

given = Given(sys.argv.pop(1))
frames = given.form == "frames"
app = faust.App(
    given.prefix + "faust", broker=f"kafka://{given.brokers}", store="memory://", datadir=given.folder,
    web_enabled=False, topic_partitions=1,
)  # fmt: skip
observations = app.topic(
    given.topic, key_type=str, key_serializer="raw", value_type=bytes,
    value_serializer="raw" if frames else "json",
)  # fmt: skip
alerts = app.topic(given.alerts, value_serializer="json")
states: MutableMapping[str, State] = app.Table("states", partitions=1) if given.state == "table" else {}


@app.agent(observations)
async def judge(stream: StreamT[Any]) -> None:
    """Judge each observation."""
    async for value in stream:
        for device, at_s, readings in samples_of(value) if frames else [sample_of(value)]:
            state = states.get(device) or given.rules.start()
            for rule, priority in given.rules.step(state, at_s, readings):
                await alerts.send(key=device, value=alert(device, at_s, rule, priority))
            states[device] = state


if __name__ == "__main__":
    sys.argv[1:] = ["worker", "--loglevel", "warn", "--without-web"]
    app.main()
