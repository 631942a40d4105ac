"""What goes wrong in one schedule, drawn from its seed: when the process dies, the disk is full, phones fail and clocks jump.

Faults begin after `CALM_S` and are over at `HEALED_S`: what is owed then must arrive by `END_S`.
Never here: what is done about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

CALM_S: Final = 3.0
HEALED_S: Final = 45.0
END_S: Final = 100.0
"""What failed until then has waited less than 32 s for its last retry, and a try takes 10 s at most."""

DURABLE: Final = ("append", "commit", "save_checkpoint", "claim_pages", "mark_pages", "start_paging", "set_reported")
"""What makes something durable, by the name of the call; `send` besides."""
Side = Literal["before", "after"]
How = Literal[
    "ok", "slow", "refused", "busy", "hangs", "takes and hangs", "says yes and takes nothing", "takes and says no"
]
WRONG: Final[tuple[How, ...]] = (
    "slow",
    "refused",
    "busy",
    "hangs",
    "takes and hangs",
    "says yes and takes nothing",
    "takes and says no",
)


@dataclass(frozen=True, slots=True)
class Crash:
    """The process dies before or after the so-manieth call of a name."""

    call: str
    nth: int
    side: Side
    down_s: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """From `since_s` to `until_s` the file is locked (a write fails after its patience), full (at once), or slow."""

    kind: Literal["locked", "full", "slow"]
    since_s: float
    until_s: float


@dataclass(slots=True)
class Faults:
    """One schedule's."""

    crashes: list[Crash] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    #: (when, by how many seconds the wall clock jumps), in order.
    jumps: list[tuple[float, float]] = field(default_factory=list)
    #: Destination → how often a try goes wrong, and in which ways.
    phones: dict[str, tuple[float, tuple[How, ...]]] = field(default_factory=dict)
    #: How often a sender sends again what was accepted.
    repeats: float = 0.0


def drawn(chance: Random, destinations: tuple[str, ...]) -> Faults:
    """The faults of a schedule."""
    faults = Faults(repeats=chance.choice([0, 0, 0.3]))
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        call = chance.choice([*DURABLE, "commit", "commit", "mark_pages", "claim_pages", "send", "send", "send"])
        nth = chance.randint(3, 50) if call == "append" else chance.randint(1, 6)
        faults.crashes.append(Crash(call, nth, chance.choice(["before", "after"]), chance.uniform(0.2, 8)))
    for _ in range(chance.choice([0, 0, 1, 2])):
        since_s = chance.uniform(CALM_S, HEALED_S - 10)
        faults.troubles.append(
            Trouble(chance.choice(["locked", "full", "slow"]), since_s, since_s + chance.uniform(0.5, 10))
        )
    for _ in range(chance.choice([0, 0, 1, 2])):
        # A start goes by the wall clock: a wall that is a day ahead then makes a day's calls due at once.
        ahead = [2, 20] if faults.crashes else [2, 60, 3600, 86400]
        faults.jumps.append((chance.uniform(CALM_S, HEALED_S), chance.choice([-86400, -3600, -60, -2, *ahead])))
    faults.jumps.sort()
    for name in destinations:
        if chance.random() < 0.6:
            ways = tuple(chance.sample(WRONG, chance.randint(1, 3)))
            faults.phones[name] = (chance.choice([0.3, 0.7, 1.0]), ways)
    return faults
