"""Bytes a minute of the live feed to one board: the chairs whole each second, and what of them changed.

A shard with so many announced sessions, each with a dose, a monitor that sends five channels each second and a cuff every five
minutes; ten minutes go by, then one minute is counted as it would be sent, an event a second.
`python -m bench.speed.feed [--chairs N ...]`
"""

from __future__ import annotations

import argparse
import json
from datetime import timedelta
from typing import Any, Final

import numpy as np

from alerts.api.changes import chair_changes, with_changes
from bench.figures import Figure, heading, table
from models.instants import SECOND, to_datetime
from models.wire.live import ChairsOut
from streams.clinic.clinic import OPENS_US
from streams.intake.json import read_lines
from streams.journal.frame import FrameBuilder
from streams.shard import Shard

SITE: Final = "main"
BEFORE_S: Final = 600
COUNTED_S: Final = 60


def second_of(n: int, chairs: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """What comes in in a second: sessions and doses in the first, then each chair's sample, and some cuffs."""
    at = (to_datetime(OPENS_US) + timedelta(seconds=n)).isoformat()
    lines: list[dict[str, Any]] = []
    for chair in range(chairs):
        who = {"patient": f"p-{chair}", "session": f"s-{chair}", "at": at}
        if n == 0:
            lines.append(
                {"kind": "session.started", **who, "chair": str(chair), "device": f"m-{chair}", "drug": "ketamine"}
            )
            lines.append({"kind": "dose", **who, "drug": "ketamine", "amount_mg": 35, "route": "iv", "minutes": 40})
        spo2, pulse, rr, etco2, hr = (random.normal(mean, 1.0) for mean in (97.0, 72.0, 14.0, 38.0, 72.0))
        lines.append(
            {
                "kind": "vitals", "at": at, "device": f"m-{chair}", "spo2": min(round(spo2), 100), "pulse": round(pulse),
                "rr": round(rr), "etco2": round(etco2), "hr": round(hr),
            }
        )  # fmt: skip
        if (n + 7 * chair) % 300 == 30:
            lines.append({"kind": "vitals", "at": at, "device": f"m-{chair}", "sbp": 128, "dbp": 79})
    return lines


def measured(chairs: int) -> list[Figure]:
    """Bytes of a minute, both ways, and that the one gives what the other does."""
    shard, random = Shard(), np.random.default_rng(1)
    sizes = {"whole": 0, "changes": 0}
    before: ChairsOut | None = None
    for n in range(BEFORE_S + COUNTED_S):
        builder = FrameBuilder()
        builder.extend(read_lines([json.dumps(line).encode() for line in second_of(n, chairs, random)]).records)
        shard.step(n, OPENS_US + n * SECOND, builder.seal())
        if n < BEFORE_S:
            continue
        now = shard.chairs(SITE)
        changes = None if before is None else chair_changes(before, now)
        if before is not None and changes is not None and with_changes(before, changes) != now:
            raise SystemExit("the changes do not give what is there")
        sizes["whole"] += sent("chairs", now)
        sizes["changes"] += sent("chairs", now) if changes is None else sent("changes", changes)
        before = now
    part = f"{chairs} chairs"
    return [Figure(part, f"a minute of the feed, {name}", [size / 1000], "kB") for name, size in sizes.items()]


def sent(event: str, document: object) -> int:
    """Bytes of an event as it goes out."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return len(f"event: {event}\r\ndata: {text}\r\n\r\n".encode())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.feed", description="Bytes a minute of the live feed.")
    parser.add_argument("--chairs", type=int, nargs="+", default=[12, 100])
    figures = [each for chairs in parser.parse_args().chairs for each in measured(chairs)]
    print(f"{heading('python -m bench.speed.feed', 1)}\n\n{table(figures)}")


if __name__ == "__main__":
    main()
