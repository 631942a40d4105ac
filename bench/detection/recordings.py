"""The recordings: whom they hold, as lines for a replay and as arrays for a yardstick that is not the ward's.

Sedation with high-flow oxygen (`hfno_sedation`, 64 people, 1 Hz) and intensive care (`bidmc`, 27 people, 8 min each). They
are not part of the project: `CHAIRSIDE_DATA` says where they are, or `../shared/data` beside the repository.
Bad at: blood pressure, which neither has; breathing, which only `bidmc` has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.recorded import DATA
from models.arrays import Floats
from models.instants import SECOND, to_us
from models.wire.observations import Vitals
from streams.intake.files import read_file

RENAME: Final[Mapping[str, str]] = {"pulse_rate": "pulse", "tcco2_mmhg": "tcco2", "resp": "rr"}
"""As on the command line: `--rename pulse_rate=pulse,tcco2_mmhg=tcco2,resp=rr`."""
SETS: Final[Mapping[str, str]] = {"hfno_sedation": "P*.csv.gz", "bidmc": "bidmc_*_numerics.csv"}
CHANNELS: Final = ("hr", "pulse", "rr", "spo2")
"""What the plain limits look at. Transcutaneous CO2 goes through the replay and has no limit here."""


def data() -> Path | None:
    """Where the recordings are; None where they are not."""
    return DATA if all((DATA / name).is_dir() for name in SETS) else None


def files(folder: Path, of: Iterable[str] = SETS) -> list[Path]:
    """The files of these sets, in order of name."""
    return [path for name in of for path in sorted((folder / name).glob(SETS[name]))]


@dataclass(frozen=True, slots=True)
class Recording:
    """One person. `at_s`: (n,) the rows' seconds; `channels`: (n,) each, NaN where there is no reading."""

    name: str
    of: str
    at_s: Floats
    channels: Mapping[str, Floats]

    @property
    def rate(self) -> Floats:
        """The heart rate, or the pulse where there is none: what limits on a rate look at."""
        return np.where(np.isnan(self.channels["hr"]), self.channels["pulse"], self.channels["hr"])

    def reading(self, channel: str) -> Floats:
        return self.rate if channel == "rate" else self.channels[channel]


def load(path: Path) -> Recording:
    """One file, read as a replay reads it."""
    rows = [line for line in read_file(path, RENAME) if isinstance(line, Vitals)]
    return Recording(
        name=path.name.partition(".")[0],
        of=path.parent.name,
        at_s=np.array([to_us(row.at) for row in rows]) / SECOND,
        channels={name: _column(rows, name) for name in CHANNELS},
    )


def _column(rows: list[Vitals], name: str) -> Floats:
    return np.array([np.nan if (value := getattr(row, name)) is None else value for row in rows], dtype=np.float64)
