"""The ward's inner loop, compiled before anything is taken: `python -m deploy.compiling` at set-up, and every start.

Compiled code is kept for the next start where numba finds a folder that it may write: NUMBA_CACHE_DIR, else beside the code
(`__pycache__`), else in the home of whoever runs this. A start that finds it takes a tenth of a second; one that does not
compiles for some seconds, and says so. An image keeps it beside the code, where nobody may write: `shipped.py` finds it there.
Never here: what is compiled (`streams/ward/loop.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from streams.ward.compiled import ENTRIES, Entry
from streams.ward.samples import prepare


def compile_ward(say: Callable[[str], None]) -> None:
    """Compile the ward's loop, or read it from where an earlier start kept it; `say` gets one line if it takes long."""
    if any(entry.folder is None for entry in ENTRIES):
        say("Compiling the ward, at every start: there is no folder to keep it in. Set NUMBA_CACHE_DIR to one.")
    elif not all(_files(entry) for entry in ENTRIES):
        say("Compiling the ward, once for this version: some seconds.")
    try:
        prepare()
    except OSError:
        # It was shipped for another processor, and what is compiled for this one cannot be kept beside it. It is there.
        say(
            "Compiling the ward, at every start: what was shipped is for another processor. Set NUMBA_CACHE_DIR to a folder."
        )
        prepare()
    except Exception as damaged:  # noqa: BLE001  what a damaged file raises is anything
        # A machine that lost its power while it kept the code must not refuse to watch. Whatever it is, it is made anew.
        say(f"Compiling the ward anew: what was kept of it cannot be read ({damaged}).")
        for entry in ENTRIES:
            for file in _files(entry):
                file.unlink()
        prepare()


def _files(entry: Entry) -> list[Path]:
    """The files in which an entry's machine code is kept."""
    return [] if entry.folder is None else list(Path(entry.folder).glob(f"*{entry.name}-*.nb[ci]"))


if __name__ == "__main__":
    compile_ward(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201  # its output is for who sets up
