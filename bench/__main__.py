"""`python -m bench`: the figures in one table. `--write` measures all of them and puts the table into docs/benchmarks.md.

Latency is left out otherwise: it has a command of its own, `make prove-latency`.
Takes some four minutes, of which one is the hour of a full house that the ward has behind it when its figures begin.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.figures import Figure, heading, table, write_into
from bench.speed import checkpoint, desk, edge, latency, memory, path, replay, ward
from bench.speed.load import SEED, bodies, full_house, lines_of
from models.instants import MINUTE
from streams.clinic.clinic import OPENS_US

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
SESSIONS: Final = 500
MANY: Final = 5_000
POSTED_MIN: Final = 12.0
OPENING_MIN: Final = 4
POSTED: Final = 100_000


def all_of_the_ward(say: Callable[[str], None]) -> list[Figure]:
    """Checkpoint and ward, from the same state; the desk, and memory."""
    say(f"an hour of {SESSIONS} sessions at 1 Hz …")
    shard, after = ward.prepare(SESSIONS, further=max(ward.SIZES.values()))
    small = checkpoint.figures(shard)
    found = ward.figures(shard, after, say=say)
    say(f"ten minutes of {MANY:,} sessions …")
    many, _ = ward.prepare(MANY, history_min=10, arrive_min=2)
    say(f"memory of {memory.SESSIONS:,} sessions …")
    return [*found, *desk.figures(), *small, *checkpoint.figures(many, aim=""), *memory.figures()]


def all_over_http(say: Callable[[str], None]) -> list[Figure]:
    """The edge alone, then the whole path."""
    say("the edge and the whole path over HTTP …")
    lines = list(lines_of(full_house(SESSIONS, POSTED_MIN)))
    opening = [line for line in lines if line.arrives_us < OPENS_US + OPENING_MIN * MINUTE]
    rest = lines[len(opening) :]
    opened = [b"\n".join(line.text for line in opening[n : n + 1000]) for n in range(0, len(opening), 1000)]
    found = [*edge.in_process(rest[:POSTED]), *edge.by_gateway(rest[:POSTED])]
    for size in edge.SIZES:
        found += edge.over_http(bodies(rest[:POSTED], size, edge.SENDERS), size)[0]
    for size in edge.SIZES:
        found += path.over_http(opened, bodies(rest, size, edge.SENDERS), size, repetitions=3)[0]
        say(f"posts of {size:,} done")
    return found


def all_of_replay(say: Callable[[str], None]) -> list[Figure]:
    """Recordings through the command."""
    say("replaying 84 hours …")
    return replay.all_figures()


def all_of_latency(say: Callable[[str], None]) -> list[Figure]:
    """Both ways of sending, a minute each."""
    found: list[Figure] = []
    kinds: tuple[latency.Senders, ...] = ("devices", "gateway")
    for senders in kinds:
        say(f"latency, {senders}: {latency.SECONDS} s …")
        found += latency.figures(senders, latency.run(senders), latency.SESSIONS)
    return found


def main() -> None:
    """Measure and print."""
    parts = {"ward": all_of_the_ward, "http": all_over_http, "replay": all_of_replay, "latency": all_of_latency}
    parser = argparse.ArgumentParser(prog="python -m bench", description="Every figure, in one table.")
    parser.add_argument("--only", choices=parts, action="append", help="may be repeated; all but latency if not given")
    parser.add_argument("--write", action="store_true", help=f"measure all, and put the table into {PAGE.name}")
    options = parser.parse_args()
    wanted = list(parts) if options.write else options.only or ["ward", "http", "replay"]
    found: list[Figure] = []
    for name in wanted:
        found += parts[name](lambda text: print(text, file=sys.stderr, flush=True))
    text = f"{heading('python -m bench --write' if options.write else 'python -m bench', SEED)}\n\n{table(found)}"
    print(text)
    if options.write:
        write_into(PAGE, text)


if __name__ == "__main__":
    main()
