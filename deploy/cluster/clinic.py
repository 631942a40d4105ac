"""An invented clinic that sends to an edge, in real time: something to look at on the board of `make cluster`.

Its morning began a while ago, so that people sit in its chairs; nobody in it is real.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

from deploy.wiring import wall_us
from models.instants import HOUR, SECOND
from streams.clinic.clinic import DEMO_SEED, demo_clinic

BEGAN: Final = 2 * HOUR
"""How long ago its day began."""
SEND_EVERY_S: Final = 1.0
RETRY_POST_S: Final = 1.0


def arriving() -> Iterator[tuple[int, dict[str, Any]]]:
    """The clinic's lines with the instants at which they arrive; of what is past, only what people entered."""
    now_us = wall_us()
    for arrives_us, line in demo_clinic(DEMO_SEED, now_us - BEGAN, hours=24 * 7).arrivals():
        if arrives_us >= now_us or line["kind"] != "vitals":
            yield arrives_us, line


def post(edge: str, lines: list[dict[str, Any]], site: str) -> None:
    """Send the lines as a site's, until they are taken."""
    body = "\n".join(json.dumps({**line, "site": site}) for line in lines).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    while True:
        try:
            with urlopen(Request(f"{edge}/v1/observations", body, headers), timeout=30):
                return
        except (URLError, OSError) as away:
            sys.stderr.write(f"the edge does not take it yet: {away}\n")
            time.sleep(RETRY_POST_S)


def send(edge: str, site: str) -> None:
    """Send until killed."""
    waiting: list[dict[str, Any]] = []
    for arrives_us, line in arriving():
        ahead_s = (arrives_us - wall_us()) / SECOND
        if ahead_s > 0 and waiting:
            post(edge, waiting, site)
            waiting = []
        if ahead_s > 0:
            time.sleep(max(ahead_s, SEND_EVERY_S))
        waiting.append(line)


if __name__ == "__main__":
    send(sys.argv[1], "north")
