"""A contender: Quix Streams as its guide has it, a stateful function on a dataframe; states in RocksDB with a changelog."""

from __future__ import annotations

import sys
from typing import Any

from quixstreams import Application, State

from bench.network.peers.plain import Given, alert, sample_of, samples_of


def run(given: Given) -> None:
    """Consume until ended."""
    frames = given.form == "frames"
    app = Application(
        broker_address=given.brokers, consumer_group=given.prefix + "quix", auto_offset_reset="earliest",
        state_dir=given.folder, loglevel="WARNING",
    )  # fmt: skip
    observations = app.topic(given.topic, key_deserializer="str", value_deserializer="bytes" if frames else "json")
    alerts = app.topic(given.alerts, key_serializer="str", value_serializer="json")

    def judge(value: Any, state: State) -> list[dict[str, Any]]:
        """A state belongs to a record's key: the device, or the block of devices that share frames."""
        news = []
        for device, at_s, readings in samples_of(value) if frames else [sample_of(value)]:
            mine = state.get(device) or given.rules.start()
            news += [alert(device, at_s, rule, priority) for rule, priority in given.rules.step(mine, at_s, readings)]
            state.set(device, mine)
        return news

    app.dataframe(observations).apply(judge, stateful=True, expand=True).to_topic(alerts)
    app.run()


if __name__ == "__main__":
    run(Given(sys.argv[1]))
